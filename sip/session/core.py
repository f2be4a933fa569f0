"""What all parts of a user agent share: its tables, timers and counters, and how messages of ours are made."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sip.content import SDP
from sip.events import Event
from sip.guard import Guard
from sip.headers import MAGIC_COOKIE, quoted, write_via
from sip.late import LateAnswers
from sip.location.penalties import Penalties
from sip.message import Header, Request, Response
from sip.responding import response_headers
from sip.session.settings import UserAgentSettings
from sip.timers import Timers
from sip.transaction.layer import Transactions
from sip.transaction.machine import Intervals
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow
from sip.uri import USER_SAFE, bracketed

if TYPE_CHECKING:
    from sip.session.session import Session

METHODS: Final = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REGISTER", "INFO", "PRACK", "UPDATE", "REFER", "SUBSCRIBE")
EXTENSIONS: Final = ("100rel", "timer", "replaces", "norefersub", "path", "outbound")
"""Option tags that may be required of us, where no setting turns them off."""
ALLOW: Final[Header] = ("Allow", ", ".join(METHODS))

DialogKey = tuple[str, str, str]
"""Call-ID, our tag, the other side's."""

_TRANSPORT_PARAMETERS: Final = {"udp": "", "tcp": ";transport=tcp", "tls": ";transport=tls", "ws": ";transport=ws", "wss": ";transport=ws"}
"""Of a Contact. In a URI, WebSocket is ``ws`` whether or not there is TLS below it (RFC 7118 §5.2.2); in a Via it is WS or WSS."""


class Core:
    """The shared state. ``entropy(n)`` gives n random bytes."""

    def __init__(self, settings: UserAgentSettings, entropy: Callable[[int], bytes]) -> None:
        self.settings = settings
        self.extensions = tuple(tag for tag in EXTENSIONS if tag not in settings.without)
        """Option tags that may be required of us."""
        self.supported: Header = ("Supported", ", ".join(self.extensions))
        self.entropy = entropy
        self.counters: dict[str, int] = {}
        self.timers = Timers()
        self.intervals = Intervals(settings.t1)
        self.guard = Guard(settings.guard)
        self.late = LateAnswers(self.timers)
        self.transactions = Transactions(self.timers, self.intervals, settings.max_transactions, self.send, self.count)
        self.penalties = Penalties()
        self.outgoing: list[tuple[bytes, Flow]] = []
        self.events: list[Event] = []
        self.sessions: dict[int, Session] = {}
        self.by_local_tag: dict[tuple[str, str], Session] = {}
        """By Call-ID and our tag."""
        self.by_remote_tag: dict[tuple[str, str], Session] = {}
        """By Call-ID and the caller's tag: for phones that forget or invent our tag."""
        self.inside: dict[str, Callable[[Session, ServerTransaction, float], None]] = {}
        """Who serves a method inside the dialogs of sessions, other than the sessions themselves."""
        self.farewells: set[DialogKey] = set()
        """Dialogs in which our BYE is on its way."""
        self._last_session = 0

    def send(self, data: bytes, flow: Flow) -> None:
        """Queue bytes for a flow."""
        self.outgoing.append((data, flow))

    def count(self, reason: str) -> None:
        """Add one to a counter."""
        self.counters[reason] = self.counters.get(reason, 0) + 1

    def tell(self, event: Event) -> None:
        """Queue an event for the owner."""
        self.events.append(event)

    def next_session(self) -> int:
        """A session number that was never used."""
        self._last_session += 1
        return self._last_session

    def token(self) -> str:
        """A tag or Call-ID nobody can guess (§19.3 wants 32 bits; here are 64)."""
        return self.entropy(8).hex()

    def below(self, bound: int) -> int:
        """A random number from 0 to ``bound`` - 1, near enough uniform."""
        return int.from_bytes(self.entropy(4), "big") % bound

    def via(self, flow: Flow) -> Header:
        """A topmost Via with a new branch."""
        host, port = self.settings.advertised(flow)
        return "Via", write_via(flow.transport.upper(), host, port, MAGIC_COOKIE + self.token())

    def contact(self, flow: Flow, user: str = "", parameters: str = "", *, is_sips: bool = False) -> Header:
        """Our Contact on a flow; ``parameters`` are the header's, each with its semicolon.

        ``is_sips`` where the request or its first route asks for it (§8.1.1.8, §12.1.1).
        """
        host, port = self.settings.advertised(flow)
        is_sips = is_sips and flow.is_secure
        transport = "" if is_sips and flow.transport == "tls" else _TRANSPORT_PARAMETERS[flow.transport]
        at = f"{quote(user, safe=USER_SAFE)}@" if user else ""
        return "Contact", f"<{'sips' if is_sips else 'sip'}:{at}{bracketed(host)}:{port}{transport}>{parameters}"

    def reply(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        *,
        to_tag: str = "",
        headers: Sequence[Header] = (),
        body: bytes = b"",
    ) -> bytes:
        """Answer a request, and return the bytes sent. Raises `UnsafeValue`."""
        copied = response_headers(transaction.request, transaction.flow, to_tag)
        return transaction.respond(Response(status, [*copied, *headers, ("Server", self.settings.user_agent)], body), now)

    def reply_anyhow(self, request: Request, flow: Flow, status: int, headers: Sequence[Header] = ()) -> None:
        """Answer a request without a transaction (§8.2.7)."""
        copied = response_headers(request, flow, self.token())
        self.send(Response(status, [*copied, *headers, ("Server", self.settings.user_agent)]).serialize(), flow)


def display_address(display: str, uri: str) -> str:
    """A name-addr; control characters in the name become blanks."""
    clean = "".join(character if character.isprintable() else " " for character in display)
    return f"{quoted(clean)} <{uri}>" if clean else f"<{uri}>"


def with_body(body: bytes, content_type: str = SDP) -> list[Header]:
    """The Content-Type of a body, if there is one."""
    return [("Content-Type", content_type)] if body else []


def reason_header(value: str) -> list[Header]:
    """A Reason header (RFC 3326), unless the value is empty."""
    return [("Reason", value)] if value else []
