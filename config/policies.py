"""What a tenant's agents are told of supervision, and what they may say about it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, Self, get_args

from pydantic import Field, model_validator

from config.section import Name, Section

Presence = Literal["stealth", "indicated", "named"]
"""Agents are not told that somebody is there; are told; are told who."""
ListenersSeenBy = Literal["everybody", "supervisors", "permitted"]
"""Who supervises a call is seen by whoever may see the call; by those who supervise it too; by those with the right ``see_listeners``."""


RuleName = Literal["presence", "tone", "message", "may_mark_private", "private_code", "may_ask_help", "help_code", "listeners_seen_by"]
"""The rules of a policy, as they are called below."""
RULES: Final[tuple[RuleName, ...]] = get_args(RuleName)


class PolicySettings(Section):
    """The policy of one tenant; tenants without one have the defaults."""

    tenant: Name = "default"
    presence: Presence = "stealth"
    tone: bool = True
    """An agent who is to be told hears a short tone, and nobody else does."""
    message: bool = False
    """He gets a SIP MESSAGE too, where his phone is registered here."""
    may_mark_private: bool = False
    """An agent may mark a call private: supervision is refused, who is inside leaves."""
    private_code: str = Field("*77", pattern=r"^[*#0-9]{2,8}$")
    """Pressed by the agent during the call; once more takes it back."""
    may_ask_help: bool = True
    """An agent may ask for help: those who may enter his call are told."""
    help_code: str = Field("*76", pattern=r"^[*#0-9]{2,8}$")
    """Pressed by the agent during the call; once more takes it back."""
    listeners_seen_by: ListenersSeenBy = "everybody"

    @property
    def names_listeners(self) -> bool:
        """Whether supervisors are told of each other by name."""
        return self.listeners_seen_by == "everybody"

    @model_validator(mode="after")
    def _codes_differ(self) -> Self:
        first, second = self.private_code, self.help_code
        if first.endswith(second) or second.endswith(first):
            raise ValueError(f"private_code {first} and help_code {second}: neither may end as the other does")
        return self


_DEFAULT: Final = PolicySettings()


def policy_of(policies: Iterable[PolicySettings], tenant: str) -> PolicySettings:
    """The policy of a tenant."""
    return next((policy for policy in policies if policy.tenant == tenant), _DEFAULT)


def with_rules(policy: PolicySettings, rules: Mapping[str, Any]) -> PolicySettings:
    """This policy, but for these rules. Raises `ValidationError`."""
    return PolicySettings.model_validate(policy.model_dump() | dict(rules))
