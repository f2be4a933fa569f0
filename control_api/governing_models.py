"""What administrators say and are told of identities that are not in the configuration."""

from typing import Annotated, Final, Literal

from pydantic import Field

from config.ceilings import RightName
from control_api.command import Command
from control_api.messages import Message, Name, Phone

PlainName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""As names in the configuration."""
Names = Annotated[tuple[Name, ...], Field(max_length=1000)]
_SECRET: Final = {"format": "password"}
"""Not to be shown while it is typed, nor written where others read it."""


class IdentitiesCommand(Command):
    """Who may sign in with a password: of the configuration, and of the database (right ``admin``)."""

    type: Literal["identities"] = "identities"


class PutIdentityCommand(Command):
    """Let somebody sign in with a password, or change what he may; within your own ceiling (right ``admin``)."""

    type: Literal["put_identity"] = "put_identity"
    identity: PlainName
    """His name. One that the configuration uses cannot be taken."""
    password: Annotated[str, Field(min_length=8, max_length=256, json_schema_extra=_SECRET)] | None = None
    """Null: the one that he has; who has none cannot sign in. Another one ends his sessions."""
    agents: Names = ()
    """Whose calls he may see; ``*``: everybody's."""
    teams: Names = ()
    mode: Literal["listen", "whisper", "barge"] | None = None
    """His highest mode; null: none at all."""
    rights: Annotated[tuple[RightName, ...], Field(max_length=32)] = ()
    user: Annotated[str, Field(max_length=64)] = ""
    """The SIP user whose phones are his; empty: nobody's."""
    numbers: Annotated[tuple[Phone, ...], Field(max_length=32)] = ()
    """Other phones that may be rung for him (right ``outside_numbers``)."""
    disabled: bool = False
    """He cannot sign in, and whatever he has ends at once."""


class RemoveIdentityCommand(Command):
    """Forget an identity of the database; whatever he has ends at once (right ``admin``)."""

    type: Literal["remove_identity"] = "remove_identity"
    identity: Name


class IdentityModel(Message):
    """Somebody who may sign in with a password."""

    identity: str
    configured: bool
    """He stands in the configuration, and is changed there alone."""
    disabled: bool
    has_password: bool
    agents: tuple[str, ...]
    teams: tuple[str, ...]
    mode: str | None
    rights: tuple[str, ...]
    user: str
    numbers: tuple[str, ...]


class IdentitiesResult(Message):
    """Result of ``identities``, and of ``put_identity`` with him alone."""

    identities: tuple[IdentityModel, ...]
