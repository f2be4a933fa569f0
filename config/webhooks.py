"""The settings of webhooks and lookups: other programs that are told by HTTP of calls, or asked who calls."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr

from config.section import Name, Seconds, Section

Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+\S*$", max_length=2048)]
Secret = Annotated[SecretStr, Field(min_length=16)]
"""``whsec_`` and base64, or the key's text as it is."""
EventKind = Annotated[str, Field(pattern=r"^(\*|[a-z_]+\.(\*|[a-z_]+))$")]
"""``call.ended``, ``call.*`` or ``*``."""
Tenant = Name | Literal["*"]


class HookSettings(Section):
    """Where another program is, and how we prove to it who we are."""

    name: Name
    """In logs and metrics."""
    url: Url
    secret: Secret
    tenant: Tenant = "default"
    """Whose calls; ``*``: everybody's."""


class WebhookSettings(HookSettings):
    """One program that is told of events."""

    events: tuple[EventKind, ...] = Field(
        ("call.started", "call.answered", "call.ended", "supervisor.joined", "supervisor.mode", "supervisor.left", "quality.*"),
        min_length=1,
    )
    """Kinds of events; ``call.*`` and ``*`` are understood."""
    timeout: Seconds = 10
    """For each attempt."""
    queue: int = Field(5000, ge=1, le=1_000_000)
    """Events that wait at most; beyond it the oldest is dropped."""
    give_up_after: Seconds = 86_400
    """So long one event is tried again."""


class LookupSettings(HookSettings):
    """One program that is asked who calls."""

    timeout: float = Field(2.0, gt=0, le=30)
    """Seconds for the answer. The call goes on meanwhile in any case."""
