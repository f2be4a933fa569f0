"""What is said to the RTP process over its pipe, and what it answers. Pickled: both ends are this program."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.generator.secrecy import Keys
from bench.generator.signals import Signal


@dataclass(frozen=True, slots=True)
class OpenLegs:
    """Bind one socket a leg, in order, from this address on; answered by `Opened`."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """The ports of the legs just opened, first leg's number first."""

    first: int
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """A signal's frames; comes before the first `Start` that names it."""

    signal: Signal
    codec: str
    frames: NDArray[np.uint8]
    """(frames, bytes of 20 ms)."""


@dataclass(frozen=True, slots=True)
class Start:
    """Connect a leg's socket to its remote, receive there, and send the signal 50 times a second. Numbers start anew."""

    leg: int
    address: str
    port: int
    codec: str
    signal: Signal
    payload_types: tuple[int, int]
    """Of what is sent, and of what is received."""
    digit_payload_type: int
    records: bool
    """Keep what it receives."""
    keys: Keys | None = None
    """None: plain RTP."""
    first: int = -1
    """The first sequence number; -1: by lot."""


@dataclass(frozen=True, slots=True)
class Retarget:
    """The remote has moved: connect anew, numbers go on."""

    leg: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Send no more; with ``deaf`` receive no more either."""

    leg: int
    deaf: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Send nothing from these legs, and from no others; their numbers go on when another `Pause` leaves them out."""

    legs: range


@dataclass(frozen=True, slots=True)
class Press:
    """Send a digit by RFC 4733; answered by `Pressed` when the first end packet has left."""

    leg: int
    digit: str
    beside: bool
    """Beside the audio, which goes on; else in its place, as most phones do."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """The first end packet of a digit left at this moment (monotonic seconds)."""

    leg: int
    time: float


@dataclass(frozen=True, slots=True)
class Sync:
    """Answered by `Done` when everything before it was carried out."""


@dataclass(frozen=True, slots=True)
class Done:
    """The oldest `Sync` was carried out."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End the process."""


Command = OpenLegs | Load | Start | Retarget | Stop | Pause | Press | Sync | Quit
Answer = Opened | Pressed | Done
