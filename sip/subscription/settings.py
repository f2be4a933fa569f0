"""What a user agent is told about subscriptions at its start."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventPackage:
    """Something that can be subscribed to (RFC 6665 §5)."""

    name: str
    content_type: str
    """What the state is written in; what a subscriber without an Accept header reads."""
    expires: int = 3600
    """Seconds of a subscription whose SUBSCRIBE says nothing."""


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """Bounds of subscriptions; times in seconds."""

    packages: tuple[EventPackage, ...] = ()
    """Any other is refused with 489."""
    most: int = 2000
    """At once."""
    shortest: int = 60
    longest: int = 3600
    interval: float = 1.0
    """From one NOTIFY of a subscription to the next (RFC 4235 §3.10)."""
