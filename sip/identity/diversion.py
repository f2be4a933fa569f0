"""By whom a call was diverted before it came here: Diversion (RFC 5806), kept from one leg to the next.

Numbers and reasons are kept; whose they were, hosts and names, is not the next leg's business.
"""

from dataclasses import dataclass
from typing import Final

from sip.errors import ParseError
from sip.headers import TOKEN, NameAddress, parse_address
from sip.message import Header, Message
from sip.session.core import display_address
from sip.telephone import number_in
from sip.uri import Uri

MOST: Final = 10
"""Diversions that are kept: the newest."""
LONGEST: Final = 64
"""Characters of a number or a reason."""
_HIGHEST_COUNT: Final = 99
_PRIVACY: Final = frozenset({"full", "name", "uri", "off"})


@dataclass(frozen=True, slots=True)
class Diversion:
    """One diversion."""

    number: str
    """Who diverted."""
    reason: str = "unknown"
    counter: int = 1
    privacy: str = "off"
    screen: str = ""

    @property
    def is_private(self) -> bool:
        """Whether the number is not to be told."""
        return self.privacy in ("full", "uri")


def diversions_in(message: Message) -> tuple[Diversion, ...]:
    """The diversions of a request, newest first; those that cannot be read are left out."""
    found = []
    for value in message.readable_items("Diversion")[:MOST]:
        try:
            read = _read(parse_address(value))
        except ParseError:
            continue
        if read is not None:
            found.append(read)
    return tuple(found)


def diversion_header(diversion: Diversion, host: str) -> Header:
    """One diversion as we write it, under our own host."""
    uri = Uri("sip", diversion.number, host)
    screen = f";screen={diversion.screen}" if diversion.screen else ""
    tail = f";reason={diversion.reason};counter={diversion.counter};privacy={diversion.privacy}{screen}"
    return "Diversion", display_address("", str(uri)) + tail


def _read(address: NameAddress) -> Diversion | None:
    number = number_in(address.uri)
    if not number or len(number) > LONGEST:
        return None
    reason = (address.parameters.get("reason") or "unknown").lower()
    counter = address.parameters.get("counter") or "1"
    privacy = (address.parameters.get("privacy") or "off").lower()
    screen = (address.parameters.get("screen") or "").lower()
    return Diversion(
        number=number,
        reason=reason if TOKEN.issuperset(reason) and len(reason) <= LONGEST else "unknown",
        counter=min(int(counter), _HIGHEST_COUNT) if counter.isascii() and counter.isdigit() and len(counter) <= 4 else 1,
        # A wish that is not known is taken as the strictest one.
        privacy=privacy if privacy in _PRIVACY else "full",
        screen=screen if screen in ("yes", "no") else "",
    )
