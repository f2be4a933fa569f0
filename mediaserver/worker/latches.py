"""Latches in the shared arrays: written where one changes, read by an heir."""

from typing import Final

from mediaserver.worker.addresses import packed, unpacked
from mediaserver.worker.state import State
from rtp.arrays import Bytes
from rtp.latch import Address, Latch

_NOBODY: Final = ("0.0.0.0", 0)


def write_latch(state: State, row: int, latch: Latch) -> None:
    """Note a leg's latch. What was signalled comes last: told again it then has its effect, if we died before."""
    arrays = state.latch
    arrays.opened[row], arrays.peer[row] = latch.opened, packed(latch.peer or _NOBODY[0])
    for address, hosts, ports in (
        (latch.source, arrays.source, arrays.source_port),
        (latch.replaced, arrays.replaced, arrays.replaced_port),
        (latch.signalled, arrays.signalled, arrays.signalled_port),
    ):
        host, port = address or _NOBODY
        hosts[row], ports[row] = packed(host), port


def read_latch(state: State, row: int) -> Latch:
    """A row's latch as it was noted."""
    arrays = state.latch
    return Latch(
        strict=bool(state.leg.strict[row]),
        signalled=_address(arrays.signalled[row], arrays.signalled_port[row]),
        source=_address(arrays.source[row], arrays.source_port[row]),
        replaced=_address(arrays.replaced[row], arrays.replaced_port[row]),
        opened=float(arrays.opened[row]),
        heard=bool(arrays.heard[row]),
        peer=_peer(arrays.peer[row]),
        sends=bool(state.leg.remote_sends[row]),
    )


def _address(raw: Bytes, port: int) -> Address | None:
    return (unpacked(raw.tobytes()), int(port)) if port > 0 else None


def _peer(raw: Bytes) -> str:
    host = unpacked(raw.tobytes())
    return "" if host == _NOBODY[0] else host
