"""Turns of a spare worker over a memory of its own, so that what is done for the first time is done before it matters.

Libraries are loaded and the code of a turn is run: a secured customer, an agent with another codec, a supervisor who whispers, as far
as this machine has what they need. Nobody hears any of it.
"""

import os
from typing import Any, Final

import numpy as np

from mediaserver.link.memory import Memory
from mediaserver.link.messages import Admit, Command, OpenLeg, SetMedia, SetMode
from mediaserver.worker.commands import Desk
from mediaserver.worker.ports import NoPorts
from mediaserver.worker.roster import Roster
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.state import State
from mediaserver.worker.turn import Turn
from mixer.arrays import Int16
from mixer.coders import libopus
from mixer.coders.opening import open_encoder
from mixer.formats import OPUS, WIDEBAND
from rtp.srtp.library import is_available
from rtp.srtp.sessions import Session
from rtp.srtp.suites import SUITES

TURNS: Final = 16
TURN: Final = 0.005
_PACKET_TURNS: Final = 4
_SUITE: Final = SUITES[0]
_KEY: Final = bytes(_SUITE.key_bytes)
_CUSTOMER, _AGENT, _SUPERVISOR = range(3)


def rehearse() -> None:
    """Make some turns; no descriptor and no memory of it is kept."""
    memory = Memory.create(3, 1, 3)
    state = State(memory)
    roster, sounds = Roster(state), Sounds()
    turn = Turn(state, roster, sounds)
    desk = Desk(state, roster, sounds, NoPorts(), turn.reports, turn.securing, turn.taps, os.urandom)
    for request, command in enumerate(_commands()):
        descriptor = os.open(os.devnull, os.O_RDONLY) if isinstance(command, OpenLeg) else -1
        desk.take(request, command, descriptor, 0.0)
    phones = _Phones()
    for number in range(TURNS):
        now = 1.0 + number * TURN
        arrived = phones.packets() if not number % _PACKET_TURNS else []
        for line, packet in enumerate(arrived):
            turn.inbox[line, : len(packet)] = np.frombuffer(packet, dtype=np.uint8)
        lengths = np.array([len(packet) for packet in arrived], dtype=np.int64)
        rows = np.array([roster.legs[leg].row for leg in range(len(arrived))], dtype=np.int64)
        turn.step(lengths, rows, now)
        desk.answers(now)
        turn.metering.measure(now)
    os.close(memory.fd)


def _commands() -> list[Command]:
    secured: dict[str, Any] = {"srtp_suite": _SUITE.name, "srtp_send_key": _KEY, "srtp_receive_key": _KEY} if is_available() else {}
    media: dict[int, tuple[str, int, dict[str, Any]]] = {
        _CUSTOMER: ("PCMU", 0, secured),
        _AGENT: ("opus", 111, {"clock_rate": 48_000, "channels": 2}) if libopus.is_available() else ("PCMA", 8, {}),
        _SUPERVISOR: ("PCMA", 8, {}),
    }
    commands: list[Command] = []
    for leg, role in ((_CUSTOMER, "customer"), (_AGENT, "agent"), (_SUPERVISOR, "supervisor")):
        codec, number, more = media[leg]
        commands += [
            OpenLeg(leg, 0, role, False),
            SetMedia(leg, "127.0.0.1", 9, codec, number, number, 20, -1, -1, True, True, **more),
            Admit(leg, True),
        ]
    return [*commands, SetMode(_SUPERVISOR, "whisper", "agent")]


class _Phones:
    """What the three legs send."""

    def __init__(self) -> None:
        self._sent = 0
        self._session = Session(_SUITE, _KEY) if is_available() else None
        if self._session is not None:
            self._session.begin(1, 0)
        self._encoder = open_encoder(OPUS, WIDEBAND) if libopus.is_available() else None
        self._noise: Int16 = np.random.default_rng(1).integers(-3000, 3000, 320, dtype=np.int16)

    def packets(self) -> list[bytes]:
        """The next one of each."""
        self._sent += 1
        voice = self._noise.tobytes()[:160]
        agent = (8, 160, voice) if self._encoder is None else (111, 960, self._encoder.encode(self._noise))
        return [
            self._closed(self._packet(_CUSTOMER, 0, 160, voice)),
            self._packet(_AGENT, *agent),
            self._packet(_SUPERVISOR, 8, 160, voice),
        ]

    def _packet(self, leg: int, kind: int, ticks: int, payload: bytes) -> bytes:
        numbers = self._sent.to_bytes(2, "big") + (self._sent * ticks).to_bytes(4, "big")
        return bytes((0x80, kind)) + numbers + (leg + 1).to_bytes(4, "big") + payload

    def _closed(self, packet: bytes) -> bytes:
        if self._session is None:
            return packet
        room, length = np.zeros(len(packet) + _SUITE.tag, dtype=np.uint8), np.array([len(packet)], dtype=np.int32)
        room[: len(packet)] = np.frombuffer(packet, dtype=np.uint8)
        self._session.protect(room.ctypes.data, length.ctypes.data)
        return room.tobytes()
