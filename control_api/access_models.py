"""Commands of administrators about who is let in and who is not, and about what the server could not deliver; links; what they give."""

from typing import Annotated, Literal

from pydantic import Field

from control_api.command import Command
from control_api.messages import Message, Name


class BanModel(Message):
    """Somebody who is kept out."""

    source: str
    """An address, or an IPv6 network."""
    user: str
    """Empty: everybody there."""
    seconds: float
    """For so long still."""


class BansResult(Message):
    """Result of ``bans``."""

    bans: tuple[BanModel, ...]


class LinkResult(Message):
    """Result of ``link``."""

    link: str
    """Path of the page, to be put behind the server's address."""
    token: str
    """What is behind the hash of the link, for programs."""
    expires_in: float


class SessionModel(Message):
    """Somebody who is signed in."""

    session: str
    identity: str
    """A guest who came by a link has his host's name before a slash."""
    way: str
    """``password``, ``issuer`` or ``link``."""
    address: str
    began: str
    """ISO 8601."""
    ends: str
    """ISO 8601."""


class SessionsResult(Message):
    """Result of ``sessions``."""

    sessions: tuple[SessionModel, ...]


class ResendResult(Message):
    """Result of ``resend``."""

    events: int
    """That are on their way again."""


class BansCommand(Command):
    """Who is kept out for wrong passwords (right ``admin``)."""

    type: Literal["bans"] = "bans"
    gives = BansResult


class LiftBanCommand(Command):
    """Let somebody in again (right ``admin``)."""

    type: Literal["lift_ban"] = "lift_ban"
    source: Name
    """As ``bans`` shows it."""
    user: Annotated[str, Field(max_length=64)] = ""
    """As ``bans`` shows it; empty: everybody there."""


class LinkCommand(Command):
    """Make a listen-in link: whoever has it may listen to this call, once and soon (right ``links``)."""

    type: Literal["link"] = "link"
    gives = LinkResult
    call: Name
    seconds: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """How long it is good; never longer than ``signing_in.link``."""


class SessionsCommand(Command):
    """Who is signed in (right ``admin``)."""

    type: Literal["sessions"] = "sessions"
    gives = SessionsResult


class WithdrawCommand(Command):
    """End a session at once, with the supervision that goes on by it: one's own, or with the right ``admin`` any."""

    type: Literal["withdraw"] = "withdraw"
    session: Name


class ShutOutCommand(Command):
    """End whatever access an identity has, and give it none until ``let_in`` (right ``admin``)."""

    type: Literal["shut_out"] = "shut_out"
    identity: Name


class LetInCommand(Command):
    """Take ``shut_out`` back (right ``admin``)."""

    type: Literal["let_in"] = "let_in"
    identity: Name


class ResendCommand(Command):
    """Deliver again what a webhook was told in vain: all that waits for it, and what was given up lately (right ``admin``)."""

    type: Literal["resend"] = "resend"
    gives = ResendResult
    webhook: Name
    """What it is called in the configuration."""
