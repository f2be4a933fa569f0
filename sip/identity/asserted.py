"""Who calls according to somebody who knows: P-Asserted-Identity and what stands for it (RFC 3325 §9.1, §9.2; Remote-Party-ID).

To be asked only about peers that are trusted: anybody can write these headers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sip.errors import ParseError, SipError
from sip.headers import NameAddress, parse_address
from sip.message import Header, Message
from sip.session.core import display_address
from sip.telephone import is_number_text, number_in
from sip.uri import Uri

MOST_VALUES: Final = 2
"""One sip or sips URI and one tel URI (RFC 3325 §9.1)."""
_HEADERS: Final = ("P-Asserted-Identity", "P-Preferred-Identity")
_REMOTE_PARTY: Final = "Remote-Party-ID"


@dataclass(frozen=True, slots=True)
class Asserted:
    """An identity that was vouched for."""

    number: str
    """The telephone number, else the user part."""
    display: str = ""
    is_private: bool = False
    """Remote-Party-ID's own wish not to be shown; P-Asserted-Identity leaves that to Privacy."""


def asserted_in(message: Message) -> Asserted | None:
    """The caller as the peer asserts him; the strongest header counts, a number more than a name. None: he asserts nobody."""
    for name in _HEADERS:
        found = [Asserted(number, address.display) for address in _addresses(message, name) if (number := number_in(address.uri))]
        if found:
            best = next((one for one in found if is_number_text(one.number)), found[0])
            return best if best.display else Asserted(best.number, next((one.display for one in found if one.display), ""))
    return _remote_party(message)


def user_asserted_in(message: Message, is_known: Callable[[str], bool]) -> str:
    """Whom P-Asserted-Identity alone names by a SIP URI of a known host, for a peer that vouches for our users; empty: nobody."""
    for address in _addresses(message, _HEADERS[0]):
        try:
            uri = Uri.parse(address.uri)
        except SipError:
            continue
        if uri.scheme != "tel" and uri.user and is_known(uri.host):
            return number_in(address.uri)
    return ""


def assertion(number: str, display: str, host: str) -> Header:
    """The P-Asserted-Identity that we write."""
    return "P-Asserted-Identity", display_address(display, str(Uri("sip", number, host)))


def _remote_party(message: Message) -> Asserted | None:
    """The elder header that some PBXes still send; the calling party unless it says otherwise."""
    for address in _addresses(message, _REMOTE_PARTY):
        if (address.parameters.get("party") or "calling").lower() == "calling" and (number := number_in(address.uri)):
            return Asserted(number, address.display, (address.parameters.get("privacy") or "off").lower() not in ("off", "none"))
    return None


def _addresses(message: Message, name: str) -> list[NameAddress]:
    """The values of a header, of those that can be read, so many as there may be."""
    found = []
    for value in message.readable_items(name)[:MOST_VALUES]:
        try:
            found.append(parse_address(value))
        except ParseError:
            continue
    return found
