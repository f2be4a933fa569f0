"""What signalling agreed on for a leg: codec, payload types, keys, where its packets come from and go to. All is checked, then taken."""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

import numpy as np

from mediaserver.link.layout import PARAMETERS
from mediaserver.link.messages import SetMedia
from mediaserver.worker.encoding import MAX_BLOCKS
from mediaserver.worker.latches import write_latch
from mediaserver.worker.plan import Leg
from mediaserver.worker.ports import Ports
from mediaserver.worker.rates import turn_voice
from mediaserver.worker.refusal import Refusal
from mediaserver.worker.reports import Reports
from mediaserver.worker.securing import Keys, Securing
from mediaserver.worker.state import State
from mixer.coders import libopus
from mixer.formats import FORMATS, OPUS, number_of
from mixer.modes import Role
from mixer.opus_parameters import OpusParameters
from rtp.header import AUDIO, DIGIT, NOISE, UNKNOWN
from rtp.latch import Address

MAX_FRAME: Final = 6
"""Most blocks that we send in a packet."""
NOWHERE: Final = "0.0.0.0"


class Agreements:
    """Puts into force what `SetMedia` says."""

    def __init__(self, state: State, ports: Ports, reports: Reports, securing: Securing, entropy: Callable[[int], bytes]) -> None:
        self._state = state
        self._ports = ports
        self._reports = reports
        self._securing = securing
        self._entropy = entropy

    def take(self, leg: Leg, command: SetMedia, now: float) -> None:
        """From now on the leg speaks so. `Refusal` where something of it cannot be."""
        codec = _codec(command)
        _check_numbers(command)
        keys = Keys(command.srtp_suite, command.srtp_send_key, command.srtp_receive_key)
        if keys.problem:
            raise Refusal("bad_value", keys.problem)
        address, reports = _address(command.address, command.port), _address(command.rtcp_address or NOWHERE, command.rtcp_port)
        peer = _address(command.peer or NOWHERE, 1)
        self._set_codec(leg, codec, command.parameters)
        leg.has_media = True
        leg.frame = min(max(round(command.ptime_ms / 10), 1), MAX_FRAME, MAX_BLOCKS[codec])
        leg.seat.sends = command.remote_sends
        moved = leg.latch.signalled not in (None, address) and address is not None
        leg.latch.strict = leg.latch.strict or command.sorts  # ICE says whose packets are the leg's
        moves = leg.latch.set_media(address, now, peer=peer[0] if peer else "", sends=command.remote_sends)
        self._securing.set_keys(leg.row, keys, now, self._entropy, moved=moved)
        leg.receives = command.remote_receives and leg.latch.source is not None
        self._write(leg, command)
        self._write_payload_types(leg, command)
        self._reports.aim(leg.row, reports, now, muxed=command.rtcp_mux)
        self._ports.sort(leg.row)
        if moves:
            self._ports.aim(leg.row, leg.latch.source)

    def _write(self, leg: Leg, command: SetMedia) -> None:
        row, arrays = leg.row, self._state.leg
        arrays.has_media[row], arrays.frame[row] = True, leg.frame
        arrays.remote_sends[row], arrays.remote_receives[row] = command.remote_sends, leg.receives
        arrays.strict[row], arrays.sorts[row] = leg.latch.strict, command.sorts
        self._state.latch.heard[row] = False
        write_latch(self._state, row, leg.latch)

    def _write_payload_types(self, leg: Leg, command: SetMedia) -> None:
        row, arrays = leg.row, self._state.leg
        arrays.send_payload_type[row], arrays.send_digit_payload_type[row] = command.send_payload_type, command.send_digit_payload_type
        arrays.send_noise_payload_type[row] = command.send_comfort_noise_payload_type
        arrays.digit_clock[row] = command.digit_clock_rate
        arrays.digits_in_band[row] = leg.seat.role is Role.SUPERVISOR and command.receive_digit_payload_type < 0
        arrays.payload_kind[row] = UNKNOWN
        if command.receive_digit_payload_type >= 0:
            arrays.payload_kind[row, command.receive_digit_payload_type] = DIGIT
        if command.receive_comfort_noise_payload_type >= 0:
            arrays.payload_kind[row, command.receive_comfort_noise_payload_type] = NOISE
        else:
            self._state.noise.is_on[row] = 0
        arrays.payload_kind[row, command.receive_payload_type] = AUDIO

    def _set_codec(self, leg: Leg, codec: int, parameters: str) -> None:
        """Another clock begins both streams anew; another rate takes along what was said at the old one."""
        state, row, form = self._state, leg.row, FORMATS[codec]
        if form.clock_rate != leg.clock:
            state.stream.ssrc[row], state.sender.anchor[row], state.mix.pause[row] = -1, 0, 0
        was_wide = leg.wide
        if codec != leg.codec:
            state.noise.is_on[row] = 0
        leg.codec, leg.clock = codec, form.clock_rate
        state.leg.codec[row], state.leg.clock[row], state.leg.ticks[row] = codec, leg.clock, leg.ticks
        if leg.wide != was_wide:
            turn_voice(state, row, is_wide=leg.wide)
        wishes = OpusParameters.read(parameters if codec == OPUS else "")
        text = str(wishes).encode() if codec == OPUS else b""
        state.leg.parameters[row] = np.frombuffer(text.ljust(PARAMETERS, b"\0"), dtype=np.uint8)
        state.leg.stereo[row] = wishes.takes_stereo and leg.seat.role is Role.SUPERVISOR
        state.note_codecs()


def _check_numbers(command: SetMedia) -> None:
    """Refuse packet times, payload types and clocks that cannot be."""
    if not 1 <= command.ptime_ms <= 200:
        raise Refusal("bad_value", f"ptime {command.ptime_ms} ms; 1 to 200 is possible, 10 to 60 is sent")
    types = (command.receive_payload_type, command.send_payload_type)
    digit_types = (command.receive_digit_payload_type, command.send_digit_payload_type)
    noise_types = (command.receive_comfort_noise_payload_type, command.send_comfort_noise_payload_type)
    if not all(0 <= value <= 127 for value in types) or not all(-1 <= value <= 127 for value in digit_types + noise_types):
        others = f"{digit_types} for digits and {noise_types} for comfort noise"
        raise Refusal("bad_value", f"payload types {types}, {others}; they are 0 to 127, the others -1 for none")
    if command.digit_clock_rate < 1000:
        raise Refusal("bad_value", f"telephone-event at {command.digit_clock_rate} ticks a second; it has a thousand at least")


def _codec(command: SetMedia) -> int:
    """Number of a command's format; refused where it is none of ours, or this machine lacks what it needs."""
    codec = number_of(command.codec, command.clock_rate, command.channels)
    if codec < 0:
        said = f"{command.codec}/{command.clock_rate}/{command.channels}"
        spoken = ", ".join(f"{form.name}/{form.clock_rate}/{form.channels}" for form in FORMATS)
        raise Refusal("bad_value", f"codec {said!r}; this worker speaks {spoken}")
    if codec == OPUS:
        try:
            libopus.library()
        except libopus.OpusUnavailableError as error:
            raise Refusal("bad_value", f"codec {command.codec!r}: {error}") from error
    return codec


@lru_cache(maxsize=1024)
def _address(host: str, port: int) -> Address | None:
    """The signalled address; None for none (port 0 or an unspecified address: hold of the old kind)."""
    try:
        parsed = ip_address(host)
    except ValueError:
        raise Refusal("bad_value", f"{host!r} is no IP address") from None
    if not 0 <= port <= 65_535:
        raise Refusal("bad_value", f"{port} is no port")
    return None if parsed.is_unspecified or port == 0 else (str(parsed), port)
