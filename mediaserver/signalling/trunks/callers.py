"""Who calls, as far as we know it and as far as it may be shown. Pure.

- A trunk's asserted identity counts before its From, where the trunk is trusted; an untrusted trunk's is not looked at.
- Who wants to be anonymous is shown as that to everybody in the house. His number, where a trusted peer told it, is kept for
  trusted trunks alone, with the wish beside it.
- Of a user of ours the name that his digest proved counts, whatever his From says.
- Nothing else of a request goes on to the next leg but the headers that the trunk's ``pass_headers`` name.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from config.trunks import TrunkSettings
from mediaserver.signalling.trunks.numbers import Numbering
from sip.errors import SipError
from sip.headers import NameAddress
from sip.identity.asserted import Asserted, asserted_in, user_asserted_in
from sip.identity.diversion import Diversion, diversions_in
from sip.identity.history import Entry, history_in
from sip.identity.privacy import ANONYMOUS, is_anonymous, privacy_in
from sip.message import Header, Request
from sip.telephone import number_in

LONGEST_NUMBER: Final = 128
LONGEST_DISPLAY: Final = 64
LONGEST_PASSED: Final = 512
"""Characters of a header's value; a longer one is left out, since half of it would mean something else."""
MOST_PASSED: Final = 16
"""Values of passed headers."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what goes with his call."""

    number: str = ""
    """As the house writes it; empty where it is not known."""
    display: str = ""
    is_private: bool = False
    """Shown to nobody but trusted trunks."""
    is_asserted: bool = False
    """A trusted trunk or a digest vouches for the number."""
    diversions: tuple[Diversion, ...] = ()
    """Newest first."""
    history: tuple[Entry, ...] = ()
    hides_history: bool = False
    """Numbers of diversions and history are for trusted trunks alone."""
    called: str = ""
    """What was called, as it came."""
    passed: tuple[Header, ...] = ()

    @property
    def shown(self) -> str:
        """What agents, consoles and clients see."""
        return ANONYMOUS if self.is_private or not self.number else self.number

    def diverted_by(self, number: str) -> "Caller":
        """The same call, sent on by whom it was for (RFC 5806 §4: the newest diversion stands first)."""
        return replace(self, diversions=(Diversion(number, "deflection"), *self.diversions))


def caller_of_trunk(trunk: TrunkSettings, numbering: Numbering, request: Request) -> Caller:
    """Who calls by way of a trunk. Raises `PrivacyNotServed`, `ParseError`."""
    address = request.from_
    privacy = privacy_in(request)
    vouched = asserted_in(request) if trunk.trusted else None
    hides = is_anonymous(address)
    known = vouched or (None if hides else Asserted(number_in(address.uri), address.display))
    return Caller(
        number=numbering.inward("caller", clean(known.number, LONGEST_NUMBER)) if known is not None else "",
        display=clean(known.display, LONGEST_DISPLAY) if known is not None else "",
        is_private=hides or privacy.hides_caller or (known is not None and known.is_private),
        is_asserted=vouched is not None,
        diversions=diversions_in(request),
        history=history_in(request),
        hides_history=privacy.hides_history,
        called=clean(number_in(request.uri), LONGEST_NUMBER),
        passed=_passed(trunk, request),
    )


def caller_of_user(user: str, request: Request) -> Caller:
    """Who calls from one of our own phones. Raises `PrivacyNotServed`, `ParseError`."""
    privacy = privacy_in(request)
    hides = is_anonymous(request.from_) or privacy.hides_caller
    display = "" if hides else clean(request.from_.display, LONGEST_DISPLAY)
    called = clean(number_in(request.uri), LONGEST_NUMBER)
    return Caller(number=user, display=display, is_private=hides, is_asserted=True, called=called)


def user_asserted(trunk: TrunkSettings | None, request: Request, is_known: Callable[[str], bool]) -> str | None:
    """The user of ours for whom a proxy vouches; None: it vouches for nobody, or may not.

    ``is_known`` says whether a host is ours or the proxy's: an identity of elsewhere, which it passes on, is nobody of ours.
    """
    if trunk is None or not (trunk.trusted and trunk.asserts_users):
        return None
    return user_asserted_in(request, is_known) or None


def agent_numbers(trunk: TrunkSettings, numbering: Numbering, request: Request) -> tuple[str, ...]:
    """The numbers by which a caller may be an agent who calls out through this PBX: as it writes it, and as the house does."""
    if trunk.agents_by == "none" or not trunk.trusted:
        return ()
    vouched = asserted_in(request)
    number = _number(request.from_) if trunk.agents_by == "from" else "" if vouched is None else vouched.number
    return (number, numbering.inward("caller", number)) if number else ()


def clean(text: str, longest: int) -> str:
    """Text from outside as a watcher may be shown it: printable, and not endless."""
    return "".join(character for character in text.strip()[:longest] if character.isprintable())


def _number(address: NameAddress) -> str:
    try:
        return number_in(address.uri)
    except SipError:
        return ""


def _passed(trunk: TrunkSettings, request: Request) -> tuple[Header, ...]:
    values = [(name, value) for name in trunk.pass_headers for value in request.values(name)]
    return tuple((name, value) for name, value in values if len(value) <= LONGEST_PASSED and value.isprintable())[:MOST_PASSED]
