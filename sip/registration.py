"""One registration of ours at somebody else's registrar (RFC 3261 §10.2), as a state machine without I/O.

- IDLE: not begun. ASKING: a REGISTER is under way. BOUND: the registrar knows where we are. WAITING: the last try failed, the next
  one comes. LEAVING: the binding is being taken back. OVER.
- A binding is renewed after 70 to 85 % of what was granted; all REGISTERs of one life share their Call-ID (§10.2.4).
- 423 is met with the interval that it names, 439 by asking without outbound; each once in a row, after that it is a failure.
- Challenges are met underneath. A redirection is a failure: nobody tells us to show our credentials elsewhere.
- After a failure we wait, twice as long each time, at random between half and all of it (RFC 5626 §4.5), and no less than a
  Retry-After says. A binding that was granted before holds until it runs out, whatever its renewal is told.

The owner sends what `take` gives, hands back the answer, and calls `handle_timer` at `next_timer`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from sip.asking import OutsideRequest, OwnContact
from sip.errors import ParseError
from sip.events import RequestAnswered
from sip.headers import NameAddress, parse_address, parse_number
from sip.message import HIGHEST_SECONDS, Header, Response
from sip.uri import Uri

LONGEST_EXPIRES: Final = 7 * 86_400
MOST_ROUTES: Final = 8
"""Service-Route values that are taken."""
FIRST_WAIT: Final = 5.0
LONGEST_WAIT: Final = 300.0
LONGEST_RETRY_AFTER: Final = 3600.0
PATIENCE: Final = 20.0
"""Seconds for one REGISTER, with all its flows and challenges."""

_EARLIEST, _LATEST = 0.70, 0.85
_TOO_BRIEF: Final = 423
_NO_OUTBOUND: Final = 439


class State(Enum):
    """Where a registration is."""

    IDLE = auto()
    ASKING = auto()
    BOUND = auto()
    WAITING = auto()
    LEAVING = auto()
    OVER = auto()


class Input(Enum):
    """What can happen to it."""

    START = auto()
    ACCEPTED = auto()
    ADJUSTABLE = auto()
    """Refused, and we know what to ask for instead."""
    FAILED = auto()
    TIMER = auto()
    STOP = auto()
    STOP_UNBOUND = auto()
    """The same, while nothing is bound."""


class Do(Enum):
    """What a transition does."""

    ASK = auto()
    KEEP = auto()
    """Remember what was granted."""
    RENEW_LATER = auto()
    RETRY_LATER = auto()
    TAKE_BACK = auto()
    FORGET = auto()


TABLE: Final[dict[tuple[State, Input], tuple[State, tuple[Do, ...]]]] = {
    (State.IDLE, Input.START): (State.ASKING, (Do.ASK,)),
    (State.IDLE, Input.STOP_UNBOUND): (State.OVER, ()),
    (State.ASKING, Input.ACCEPTED): (State.BOUND, (Do.KEEP, Do.RENEW_LATER)),  # §10.2.4
    (State.ASKING, Input.ADJUSTABLE): (State.ASKING, (Do.ASK,)),  # §10.2.8
    (State.ASKING, Input.FAILED): (State.WAITING, (Do.RETRY_LATER,)),
    (State.ASKING, Input.STOP): (State.LEAVING, (Do.TAKE_BACK,)),
    (State.ASKING, Input.STOP_UNBOUND): (State.LEAVING, (Do.TAKE_BACK,)),  # it may have been granted by now
    (State.BOUND, Input.TIMER): (State.ASKING, (Do.ASK,)),
    (State.BOUND, Input.STOP): (State.LEAVING, (Do.TAKE_BACK,)),  # §10.2.2
    (State.BOUND, Input.STOP_UNBOUND): (State.OVER, ()),
    (State.WAITING, Input.TIMER): (State.ASKING, (Do.ASK,)),
    (State.WAITING, Input.STOP): (State.LEAVING, (Do.TAKE_BACK,)),
    (State.WAITING, Input.STOP_UNBOUND): (State.OVER, ()),
    (State.LEAVING, Input.ACCEPTED): (State.OVER, (Do.FORGET,)),
    (State.LEAVING, Input.ADJUSTABLE): (State.OVER, (Do.FORGET,)),
    (State.LEAVING, Input.FAILED): (State.OVER, (Do.FORGET,)),
}
"""What is missing is absorbed."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who registers, and where."""

    registrar: str
    """Request-URI, a domain without user: ``sip:provider.example``."""
    address: str
    """Address of record: ``sip:4930123@provider.example``."""
    contact_user: str
    """User part of our Contact: by it calls to this registration are known."""
    user: str = ""
    secret: str = field(default="", repr=False)
    expires: int = 3600
    """Seconds asked for."""
    instance: str = ""
    """``urn:uuid:…`` where outbound is asked for (RFC 5626), the same after each restart."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a registrar granted."""

    expires_at: float
    service_route: tuple[str, ...] = ()
    """Route values for requests of ours by way of this registrar (RFC 3608 §6.1)."""
    path: tuple[str, ...] = ()
    """The proxies on the way to us, as the registrar noted them (RFC 3327)."""
    is_outbound: bool = False
    """The registrar does outbound: the flow is the way back to us, and is to be kept alive (RFC 5626 §4.2)."""


class Registration:
    """One account's registration. ``entropy(n)`` gives n random bytes; times are seconds of one monotonic clock."""

    def __init__(self, account: Account, entropy: Callable[[int], bytes]) -> None:
        self.account = account
        self.state = State.IDLE
        self.binding: Binding | None = None
        """None: never granted, or taken back. It may have run out: see `is_registered`."""
        self.status = 0
        """Of the last answer; 0 before there was one."""
        self._entropy = entropy
        self._call_id = entropy(8).hex()
        self._sequence = 1 + int.from_bytes(entropy(2), "big")
        self._expires = account.expires
        self._instance = account.instance
        self._adjusted: set[int] = set()
        self._failures = 0
        self._granted: Binding | None = None
        self._retry_after = 0.0
        self._timer: float | None = None
        self._unsent: OutsideRequest | None = None

    def is_registered(self, now: float) -> bool:
        """Whether the registrar knows where we are."""
        return self.binding is not None and now < self.binding.expires_at

    @property
    def is_leaving(self) -> bool:
        """Whether what is asked now takes the binding back."""
        return self.state is State.LEAVING

    def start(self, now: float) -> None:
        """Begin."""
        self._step(Input.START, now)

    def stop(self, now: float) -> None:
        """Take the binding back, if there is one."""
        self._step(Input.STOP if self.is_registered(now) else Input.STOP_UNBOUND, now)

    def take(self) -> OutsideRequest | None:
        """The REGISTER that is to be sent now, still without flows; told once."""
        unsent, self._unsent = self._unsent, None
        return unsent

    def answered(self, answer: RequestAnswered, now: float) -> None:
        """The answer to what was sent last; 503 without a response where no way to the registrar was found."""
        self.status = answer.status
        self._sequence = max(self._sequence, answer.sequence) + 1
        self._step(self._judge(answer, now), now)

    def next_timer(self, now: float) -> float | None:
        """When `handle_timer` is worth a call; a binding's running out is one such moment."""
        runs_out = self.binding.expires_at if self.binding is not None and self.is_registered(now) else None
        return min((at for at in (self._timer, runs_out) if at is not None), default=None)

    def handle_timer(self, now: float) -> None:
        """Renew or try again, if it is time."""
        if self._timer is not None and self._timer <= now:
            self._timer = None
            self._step(Input.TIMER, now)

    def _step(self, kind: Input, now: float) -> None:
        found = TABLE.get((self.state, kind))
        if found is None:
            return
        self.state, actions = found
        self._timer = None
        for action in actions:
            self._act(action, now)

    def _act(self, action: Do, now: float) -> None:
        match action:
            case Do.ASK:
                self._unsent = self._request(self._expires)
            case Do.TAKE_BACK:
                self._unsent = self._request(0)
            case Do.KEEP:
                self.binding, self._granted = self._granted, None
                self._failures = 0
                self._adjusted.clear()
            case Do.RENEW_LATER:
                assert self.binding is not None
                self._timer = now + (self.binding.expires_at - now) * self._between(_EARLIEST, _LATEST)
            case Do.RETRY_LATER:
                wait = min(FIRST_WAIT * 2**self._failures, LONGEST_WAIT)
                self._failures = min(self._failures + 1, 16)
                self._timer = now + max(wait * self._between(0.5, 1.0), self._retry_after)
            case Do.FORGET:
                self.binding = None

    def _judge(self, answer: RequestAnswered, now: float) -> Input:
        """What an answer means; what it grants or asks for is taken down."""
        response = answer.response
        self._retry_after = 0.0 if response is None else _retry_after(response)
        if 200 <= answer.status < 300 and response is not None:
            self._granted = self._grant(response, now)
            return Input.ACCEPTED if self._granted.expires_at > now or self.state is State.LEAVING else Input.FAILED
        if response is not None and answer.status not in self._adjusted and self._adjust(response):
            self._adjusted.add(answer.status)
            return Input.ADJUSTABLE
        return Input.FAILED

    def _adjust(self, response: Response) -> bool:
        """Ask for something else the next time; False where we would not know what."""
        if response.status == _TOO_BRIEF:
            wanted = min(_number(response.header("Min-Expires")) or 0, LONGEST_EXPIRES)
            is_more = wanted > self._expires
            self._expires = max(self._expires, wanted)
            return is_more
        had_instance = bool(self._instance)
        if response.status == _NO_OUTBOUND:
            self._instance = ""
        return response.status == _NO_OUTBOUND and had_instance

    def _request(self, expires: int) -> OutsideRequest:
        account = self.account
        outbound = f';+sip.instance="<{self._instance}>";reg-id=1' if self._instance else ""
        supported: Header = ("Supported", "path, outbound" if self._instance else "path")
        return OutsideRequest(
            method="REGISTER",
            request_uri=account.registrar,
            from_uri=account.address,
            to_uri=account.address,
            flows=(),
            headers=(("Expires", str(expires)), supported),
            user=account.user,
            secret=account.secret,
            call_id=self._call_id,
            cseq=self._sequence,
            contact=OwnContact(account.contact_user, f";expires={expires}{outbound}"),
            patience=PATIENCE,
        )

    def _grant(self, response: Response, now: float) -> Binding:
        """What a 2xx grants: the seconds beside our Contact, else those of the answer, else what was asked for (§10.2.4)."""
        ours = self._our_contact(response)
        seconds = _number(ours.parameters.get("expires")) if ours is not None else None
        if seconds is None:
            seconds = _number(response.header("Expires"))
        return Binding(
            expires_at=now + min(self._expires if seconds is None else seconds, LONGEST_EXPIRES),
            service_route=_routes(response, "Service-Route"),
            path=_routes(response, "Path"),
            is_outbound="outbound" in response.items("Require"),
        )

    def _our_contact(self, response: Response) -> NameAddress | None:
        """Found by its user part: the host is any proxy's to rewrite."""
        try:
            for contact in response.contacts:
                if Uri.parse(contact.uri).user == self.account.contact_user:
                    return contact
        except ParseError:
            pass
        return None

    def _between(self, lowest: float, highest: float) -> float:
        """At random."""
        return lowest + (highest - lowest) * int.from_bytes(self._entropy(4), "big") / 2**32


def _routes(response: Response, name: str) -> tuple[str, ...]:
    """The values of a route header; none where one of them is no route, or they are too many."""
    values = tuple(response.items(name))
    try:
        for value in values:
            Uri.parse(parse_address(value).uri)
    except ParseError:
        return ()
    return values if len(values) <= MOST_ROUTES else ()


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else parse_number(text, "seconds", HIGHEST_SECONDS)
    except ParseError:
        return None


def _retry_after(response: Response) -> float:
    value = (response.header("Retry-After") or "").partition(";")[0].partition("(")[0]
    return min(float(_number(value) or 0), LONGEST_RETRY_AFTER)
