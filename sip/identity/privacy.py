"""The Privacy header: what a caller wants hidden (RFC 3323 §4.2, RFC 3325 §9.3, RFC 7044 §10.1)."""

from dataclasses import dataclass
from typing import Final

from sip.errors import SipError
from sip.headers import NameAddress
from sip.message import Message
from sip.uri import Uri

ANONYMOUS: Final = "anonymous"
ANONYMOUS_URI: Final = "sip:anonymous@anonymous.invalid"
"""RFC 3323 §4.1.1.3."""
ANONYMOUS_NAME: Final = "Anonymous"
_ANONYMOUS_HOST: Final = "anonymous.invalid"
_ANONYMOUS_USERS: Final = frozenset({"anonymous", "restricted", "unavailable", "unknown"})
"""What gateways write in the place of a number that they may not tell."""
_SERVED: Final = frozenset({"id", "user", "header", "session", "history"})
"""``header`` and ``session`` are served to everybody: each leg has its own headers, and audio goes through us."""


class PrivacyNotServed(SipError):
    """A caller insists on a kind of privacy that we do not know (RFC 3323 §5)."""

    status = 500


@dataclass(frozen=True, slots=True)
class Privacy:
    """What a caller wants."""

    wishes: frozenset[str] = frozenset()

    @property
    def hides_caller(self) -> bool:
        """Whether the next leg must not learn who calls."""
        return "none" not in self.wishes and bool(self.wishes & {"id", "user"})

    @property
    def hides_history(self) -> bool:
        """Whether it must not learn by which numbers the call came."""
        return "none" not in self.wishes and bool(self.wishes & {"history", "header"})


def privacy_in(message: Message) -> Privacy:
    """The wishes of a request. Raises `PrivacyNotServed` for a ``critical`` one that we cannot serve."""
    wishes = frozenset(wish.strip().lower() for value in message.items("Privacy") for wish in value.split(";") if wish.strip())
    unknown = wishes - _SERVED - {"none", "critical"}
    if "critical" in wishes and unknown:
        raise PrivacyNotServed(f"Privacy {min(unknown)[:20]!r} is critical and unknown; served: {', '.join(sorted(_SERVED))}")
    return Privacy(wishes)


def is_anonymous(address: NameAddress) -> bool:
    """Whether a From names nobody."""
    try:
        uri = Uri.parse(address.uri)
    except SipError:
        return False
    return uri.host == _ANONYMOUS_HOST or uri.user.lower() in _ANONYMOUS_USERS
