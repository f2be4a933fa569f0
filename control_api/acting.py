"""Who acts now, and by which door he came: what the audit log says of a command, and whoever carries it out need not pass on."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from control_api.permissions import Ceiling, Identity, Subject


@dataclass(frozen=True, slots=True)
class Acting:
    """Somebody at a door."""

    identity: Identity | None
    """None: not known yet."""
    way: str
    """``api``, ``digit``, ``info``, ``dial_in`` or ``replaces``."""
    address: str
    """Where he is, as far as the door knows."""


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


def who_acts() -> Acting | None:
    """Who asked for what is done now; None: nobody, the house does it by itself."""
    return _acting.get()


def acts(acting: Acting) -> None:
    """From now on, in this task and those that it starts."""
    _acting.set(acting)


@contextmanager
def acting(who: Acting) -> Iterator[None]:
    """While this is open."""
    token = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(token)


def permission(ceiling: Ceiling, subject: Subject) -> str:
    """What of a ceiling covers a call, and how far: ``team:north mode:whisper``; empty where it does not."""
    if "*" in ceiling.agents or "*" in ceiling.teams:
        covers = "everybody"
    elif subject.agent and subject.agent in ceiling.agents:
        covers = f"agent:{subject.agent}"
    elif subject.team and subject.team in ceiling.teams:
        covers = f"team:{subject.team}"
    else:
        return ""
    if ceiling.calls is not None:
        covers = f"{covers} call:{subject.call}"
    rights = " ".join(f"right:{right}" for right in sorted(ceiling.rights))
    return " ".join(part for part in (covers, f"mode:{ceiling.mode}" if ceiling.mode else "", rights) if part)
