"""Session-Expires and Min-SE (RFC 4028 §4, §5): read, and what follows from them for the two who agree."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from sip.errors import ParseError
from sip.headers import parse_number, parse_parameters, tokens
from sip.message import HIGHEST_SECONDS, Header, Message, Request, Response
from sip.session.settings import UserAgentSettings

TIMER: Final = "timer"
LEAST: Final = 90
"""Of Min-SE where nobody says anything (§5)."""


class Refresher(Enum):
    """Who keeps a session alive."""

    NOBODY = auto()
    """It does not expire."""
    WE = auto()
    THEY = auto()
    WE_ALONE = auto()
    """We, and the other side knows nothing of it: he never ends it by himself."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a request and its 2xx settled."""

    refresher: Refresher
    seconds: int = 0
    """The session interval."""
    headers: tuple[Header, ...] = ()
    """What our 2xx says about it."""


ENDLESS: Final = Agreement(Refresher.NOBODY)


def session_expires(message: Message) -> tuple[int, str] | None:
    """Seconds and refresher (``uac``, ``uas`` or empty); None where the header is not there. Raises `ParseError`."""
    values = message.values("Session-Expires")
    if not values:
        return None
    seconds, parameters = parse_parameters(values[0])
    return parse_number(seconds, "Session-Expires", HIGHEST_SECONDS), (parameters.get("refresher") or "").lower()


def min_se(message: Message) -> int:
    """The shortest interval that everybody on the way can bear. Raises `ParseError`."""
    values = message.values("Min-SE")
    return parse_number(parse_parameters(values[0])[0], "Min-SE", HIGHEST_SECONDS) if values else LEAST


def knows_timers(message: Message) -> bool:
    """Whether its sender has the extension."""
    return TIMER in tokens(message.values("Supported")) or TIMER in tokens(message.values("Require"))


def asked_by_client(settings: UserAgentSettings) -> list[Header]:
    """What the first INVITE asks for; who refreshes is for the other side to choose (§7.1)."""
    if settings.session_timers != "originate":
        return []
    return [("Session-Expires", str(settings.session_expires)), *least_header(settings.min_se)]


def least_header(seconds: int, *, is_demanded: bool = False) -> list[Header]:
    """A Min-SE, where it says more than its absence does (§5), or a 422 demanded it (§7.3)."""
    return [("Min-SE", str(seconds))] if seconds > LEAST or is_demanded else []


def is_too_small(settings: UserAgentSettings, request: Request) -> bool:
    """Whether a request asks for a shorter interval than we bear, of one whom we can tell so (§9). Raises `ParseError`."""
    if settings.session_timers == "refuse":
        return False
    asked = session_expires(request)
    return asked is not None and asked[0] < settings.min_se and knows_timers(request)


def agreed_by_server(settings: UserAgentSettings, request: Request) -> Agreement:
    """What our 2xx to this INVITE or UPDATE says (§9, table 2). Raises `ParseError`."""
    asked = session_expires(request)
    if settings.session_timers == "refuse" or (asked is None and settings.session_timers == "accept"):
        return ENDLESS
    wanted, refresher = asked or (settings.session_expires, "")
    # We may shorten what was asked for, but not below what others on the way bear.
    seconds = max(min(wanted, settings.session_expires), settings.min_se, min_se(request) if request.values("Min-SE") else 0)
    if not knows_timers(request):
        return Agreement(Refresher.WE_ALONE, seconds, (("Session-Expires", f"{seconds};refresher=uas"),))
    who = Refresher.THEY if refresher == "uac" else Refresher.WE
    name = "uac" if who is Refresher.THEY else "uas"
    return Agreement(who, seconds, (("Require", TIMER), ("Session-Expires", f"{seconds};refresher={name}")))


def agreed_by_client(settings: UserAgentSettings, asked: int, response: Response) -> Agreement:
    """What a 2xx to our INVITE or UPDATE settles (§7.2); ``asked`` is the interval that we asked for, 0 for none."""
    try:
        granted = session_expires(response)
    except ParseError:
        granted = None
    if settings.session_timers == "refuse" or (granted is None and not asked):
        return ENDLESS
    if granted is None:
        return Agreement(Refresher.WE_ALONE, asked)
    seconds, refresher = granted
    return Agreement(Refresher.THEY if refresher == "uas" else Refresher.WE, max(seconds, settings.min_se))
