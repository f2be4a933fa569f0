"""Who hears whom, in words: roles, modes and the one audibility table. Free of numpy, so signalling may read it.

The table is a whitelist: a pair that is not in it is silence. Nobody hears himself.

- The parties (customer, agent, outside) hear each other.
- A supervisor hears every party and every supervisor who speaks (whisper or barge).
- listen is heard by nobody, whisper by its target and the supervisors, barge by all.
- The server (prompts, tones, music) is heard by the leg it plays to, and by nobody else.
"""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a leg is in its call."""

    CUSTOMER = "customer"
    AGENT = "agent"
    OUTSIDE = "outside"
    """A party who is neither: heard, and never whispered to."""
    SUPERVISOR = "supervisor"


class Mode(StrEnum):
    """How a supervisor is in a call, in rising order of what it permits."""

    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"

    @property
    def rank(self) -> int:
        """Position in the order listen < whisper < barge, for ceilings."""
        return _RANK[self]


_RANK: Final = {Mode.LISTEN: 0, Mode.WHISPER: 1, Mode.BARGE: 2}

PARTIES: Final = frozenset({Role.CUSTOMER, Role.AGENT, Role.OUTSIDE})
"""Roles that are in the conversation itself."""

WHISPER_TARGETS: Final = frozenset({Role.AGENT, Role.CUSTOMER})
"""Roles that may be whispered to (the customer by a right of its own)."""

MODE_ALIASES: Final = {"spy": Mode.LISTEN, "monitor": Mode.LISTEN, "coach": Mode.WHISPER, "join": Mode.BARGE}
"""Other vendors' words, accepted by the API."""


def is_audible(speaker: Role, mode: Mode | None, target: Role | None, listener: Role) -> bool:
    """Whether ``listener`` may hear ``speaker``, two different legs of one call.

    mode and target are the speaker's and matter for supervisors only; target is the role whispered to.
    """
    if speaker in PARTIES:
        return True
    match mode:
        case Mode.BARGE:
            return True
        case Mode.WHISPER:
            return listener is Role.SUPERVISOR or (listener is target and target in WHISPER_TARGETS)
        case _:
            return False
