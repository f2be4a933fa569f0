"""What administrators say and are told of identities that are not in the configuration, and of their tenant's policy."""

from typing import Annotated, Final, Literal

from pydantic import Field

from config.ceilings import RightName
from config.policies import ListenersSeenBy, Presence, RuleName
from control_api.command import Command
from control_api.messages import Message, Name, Phone

PlainName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""As names in the configuration."""
Code = Annotated[str, Field(pattern=r"^[*#0-9]{2,8}$")]
"""What an agent presses during his call."""
Names = Annotated[tuple[Name, ...], Field(max_length=1000)]
_SECRET: Final = {"format": "password"}
"""Not to be shown while it is typed, nor written where others read it."""


class IdentityModel(Message):
    """Somebody who may sign in with a password."""

    identity: str
    configured: bool
    """He stands in the configuration, and is changed there alone."""
    disabled: bool
    has_password: bool
    role: str
    """Whose ceiling this is; empty: his own."""
    agents: tuple[str, ...]
    teams: tuple[str, ...]
    mode: str | None
    rights: tuple[str, ...]
    user: str
    numbers: tuple[str, ...]


class IdentitiesResult(Message):
    """Result of ``identities``, and of ``put_identity`` with him alone."""

    identities: tuple[IdentityModel, ...]


class PolicyModel(Message):
    """A tenant's policy."""

    presence: Presence
    tone: bool
    message: bool
    may_mark_private: bool
    private_code: str
    may_ask_help: bool
    help_code: str
    listeners_seen_by: ListenersSeenBy


class PolicyResult(Message):
    """Result of ``policy``, ``set_policy`` and ``reset_policy``."""

    policy: PolicyModel
    """What is in force."""
    configured: PolicyModel
    """What the configuration has."""
    changed: tuple[RuleName, ...]
    """The rules that administrators have set: they go before the configuration, also where both say the same."""


class IdentitiesCommand(Command):
    """Who may sign in with a password: of the configuration, and of the database (right ``admin``)."""

    type: Literal["identities"] = "identities"
    gives = IdentitiesResult


class PutIdentityCommand(Command):
    """Let somebody sign in with a password, or change what he may; within your own ceiling (right ``admin``)."""

    type: Literal["put_identity"] = "put_identity"
    gives = IdentitiesResult
    identity: PlainName
    """His name. One that the configuration uses cannot be taken."""
    password: Annotated[str, Field(min_length=8, max_length=256, json_schema_extra=_SECRET)] | None = None
    """Null: the one that he has; who has none cannot sign in. Another one ends his sessions."""
    role: PlainName | Literal[""] = ""
    """A role of the configuration, which then says how far he may go; empty: the next four fields do."""
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


class PolicyCommand(Command):
    """What agents of your tenant are told of supervision, and may say about it (right ``admin``)."""

    type: Literal["policy"] = "policy"
    gives = PolicyResult


class SetPolicyCommand(Command):
    """Have rules of your tenant's policy otherwise, in force at once; what is null stays as it is (right ``admin``)."""

    type: Literal["set_policy"] = "set_policy"
    gives = PolicyResult
    presence: Presence | None = None
    """``stealth``: agents are not told that somebody is there; ``indicated``: they are; ``named``: they are told who."""
    tone: bool | None = None
    """An agent who is to be told hears a short tone, and nobody else does."""
    message: bool | None = None
    """He gets a text on his phone."""
    may_mark_private: bool | None = None
    """An agent may mark a call private: supervision is refused, who is inside leaves."""
    private_code: Code | None = None
    """Pressed by the agent during the call; once more takes it back."""
    may_ask_help: bool | None = None
    """An agent may ask for help: those who may enter his call are told."""
    help_code: Code | None = None
    """Pressed by the agent during the call; once more takes it back."""
    listeners_seen_by: ListenersSeenBy | None = None
    """Who sees who supervises a call; for more than before you need the right ``see_listeners`` yourself."""


class ResetPolicyCommand(Command):
    """Have a rule of your tenant's policy, or all, as the configuration has it again (right ``admin``)."""

    type: Literal["reset_policy"] = "reset_policy"
    gives = PolicyResult
    rule: RuleName | None = None
    """Which; null: all of them."""
