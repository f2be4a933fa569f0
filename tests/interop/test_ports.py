"""Ports of tests: none is anybody else's, in whatever process of tests he is."""

from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

import pytest

from tests.interop import tools
from tests.interop.phones import baresip, pyvoip
from tests.interop.phones.baresip import Baresip
from tests.interop.phones.pyvoip import PyVoip
from tests.interop.tools import EXCHANGES_MEDIA, LISTENING, PHONES_MEDIA, SERVERS_MEDIA, free_port, give_back, own_address

_FORKING = get_context("fork")
TWO = range(15_000, 15_002)


def asked_elsewhere(address: str) -> bool:
    """Whether another process gets these two; it knows nothing of what was given here."""

    def ask() -> None:
        tools._given.clear()
        try:
            free_port(address, TWO)
        except RuntimeError:
            raise SystemExit(1) from None

    asking = _FORKING.Process(target=ask)
    asking.start()
    asking.join()
    return asking.exitcode == 0


def test_a_port_is_given_to_nobody_else_until_it_is_given_back() -> None:
    address = own_address()
    assert free_port(address, TWO) == TWO[0]
    with pytest.raises(RuntimeError, match="no free port"):
        free_port(address, TWO)
    assert not asked_elsewhere(address)
    give_back(address, TWO[0], 2)
    assert asked_elsewhere(address)
    assert free_port(address, TWO) == TWO[0]


def test_ports_lie_where_the_system_gives_none_away() -> None:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    for ports in (LISTENING, PHONES_MEDIA, SERVERS_MEDIA, EXCHANGES_MEDIA):
        assert not set(ports) & set(range(first, last + 1))


@pytest.mark.parametrize(("phones", "phone"), [(baresip, Baresip), (pyvoip, PyVoip)])
def test_a_phone_that_is_gone_gives_its_media_ports_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phones: ModuleType, phone: type[Baresip] | type[PyVoip]
) -> None:
    monkeypatch.setattr(phones, "PHONES_MEDIA", range(20_000, 20_020))  # enough for one
    address = own_address()
    for _ in range(2):
        phone(tmp_path, "carl", tmp_path / "voice.wav", registrar=f"{address}:5060", secret="secret", address=address)
