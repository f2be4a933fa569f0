"""Requests of ours outside dialogs: OPTIONS, REGISTER, MESSAGE and their kin (RFC 3261 §8.1).

- Challenges, and hops that are of no use, are met underneath and seen by nobody (`sip.session.exchange`).
- The end is told once: the final answer, 408 where none came, 503 where nothing could be sent.
- A request beyond `MOST_ASKED` is answered 503 at once, and counted.
"""

from dataclasses import dataclass, field
from typing import Final

from sip.dialog import addressed, asks_for_sips
from sip.events import RequestAnswered
from sip.headers import HIGHEST_CSEQ
from sip.message import Header, Request, Response
from sip.session.core import Core, display_address, with_body
from sip.session.exchange import Credentials, Exchange
from sip.timers import Timer
from sip.transport.flow import Flow

MOST_ASKED: Final = 10_000
"""Requests outside dialogs under way at once."""
_TIMEOUT: Final = 408
_UNAVAILABLE: Final = 503


@dataclass(frozen=True, slots=True)
class OwnContact:
    """The Contact that a request names us by, at our address on the flow it takes."""

    user: str = ""
    parameters: str = ""
    """Header parameters as they are sent, each with its semicolon: ``;expires=3600``."""


@dataclass(frozen=True, slots=True)
class OutsideRequest:
    """A request to be sent outside of any dialog; not an INVITE."""

    method: str
    request_uri: str
    from_uri: str
    to_uri: str
    flows: tuple[Flow, ...]
    """Tried in turn."""
    headers: tuple[Header, ...] = ()
    content_type: str = ""
    body: bytes = b""
    user: str = ""
    """Digest user, where a challenge is to be answered."""
    secret: str = field(default="", repr=False)
    route: tuple[str, ...] = ()
    """Route values, nearest first."""
    call_id: str = ""
    """Empty: a new one. Those of one registration share theirs (§10.2)."""
    cseq: int = 0
    """The first sequence number; 0: any."""
    from_display: str = ""
    contact: OwnContact | None = None
    """None: the request has none, as RFC 3428 wants it for MESSAGE."""
    patience: float | None = None
    """Seconds for all of it; None: until the transaction on the last flow gives up (64 T1)."""


class Asking:
    """All requests outside dialogs that have no final answer yet."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._asked: dict[int, _Asked] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._asked)

    def request(self, wish: OutsideRequest, now: float) -> int:
        """Send it; `RequestAnswered` follows. Raises `SipError` where it cannot be put into a message, and then nothing was sent."""
        self._last += 1
        number = self._last
        if not wish.flows or len(self._asked) >= MOST_ASKED:
            self._core.count("request_without_flow" if not wish.flows else "request_limit")
            self._core.tell(RequestAnswered(number, _UNAVAILABLE, None, wish.cseq))
            return number
        self._asked[number] = _Asked(self, self._core, number, wish, now)
        return number

    def abandon(self, request: int, now: float) -> None:
        """Nobody waits for this one's answer any more; nothing is told."""
        asked = self._asked.pop(request, None)
        if asked is not None:
            asked.stop(now)

    def answered(self, number: int, status: int, response: Response | None, sequence: int) -> None:
        """One is over."""
        if self._asked.pop(number, None) is not None:
            self._core.count(f"request_answered_{status}")
            self._core.tell(RequestAnswered(number, status, response, sequence))


class _Asked:
    """One request on its way."""

    __slots__ = ("_asking", "_core", "_exchange", "_number", "_patience", "_sequence")

    def __init__(self, asking: Asking, core: Core, number: int, wish: OutsideRequest, now: float) -> None:
        self._asking = asking
        self._core = core
        self._number = number
        self._sequence = wish.cseq or 1 + core.below(2**16)
        self._patience: Timer | None = None
        credentials = Credentials(wish.user, wish.secret) if wish.user else None
        request = _message(core, wish, wish.flows[0], self._sequence)
        self._exchange = Exchange(core, request, wish.flows, self, credentials, self._next_sequence, now)
        if wish.patience is not None:
            self._patience = core.timers.start(now + wish.patience, self, "patience")

    def responded(self, exchange: Exchange, response: Response, flow: Flow, now: float) -> None:
        """From the exchange."""
        if response.status >= 200:
            self._finish(response.status, response)

    def failed(self, exchange: Exchange, cause: str, now: float) -> None:
        """From the exchange."""
        self._finish(_TIMEOUT if cause == "timeout" else _UNAVAILABLE, None)

    def fired(self, name: str, now: float) -> None:
        """The owner waits no longer."""
        self.stop(now)
        self._finish(_TIMEOUT, None)

    def stop(self, now: float) -> None:
        """Send nothing more."""
        self._core.timers.stop(self._patience)
        self._exchange.abandon(now)

    def _finish(self, status: int, response: Response | None) -> None:
        self._core.timers.stop(self._patience)
        self._asking.answered(self._number, status, response, self._sequence)

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % HIGHEST_CSEQ + 1
        return self._sequence


def _message(core: Core, wish: OutsideRequest, flow: Flow, sequence: int) -> Request:
    """The request as it is sent on a flow. Raises `ParseError`, `UnsafeValue`."""
    uri, route = addressed(wish.request_uri, wish.route)
    contact = wish.contact
    headers: list[Header] = [
        core.via(flow),
        ("Max-Forwards", "70"),
        *route,
        ("From", f"{display_address(wish.from_display, wish.from_uri)};tag={core.token()}"),
        ("To", f"<{wish.to_uri}>"),
        ("Call-ID", wish.call_id or core.token()),
        ("CSeq", f"{sequence} {wish.method}"),
        *([] if contact is None else [core.contact(flow, contact.user, contact.parameters, is_sips=asks_for_sips(uri, wish.route))]),
        ("User-Agent", core.settings.user_agent),
        *wish.headers,
        *with_body(wish.body, wish.content_type),
    ]
    request = Request(wish.method, uri, headers, wish.body)
    request.serialize()
    _ = request.request_uri, request.to, request.from_
    return request
