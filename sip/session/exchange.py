"""A request of ours with its answer. What is met on the way here and seen by nobody:

- A digest challenge (RFC 3261 §22): the request goes again with credentials.
- A hop that cannot be reached, says 503, or says nothing for `failover_after`: the request goes to the next one under a new branch
  (RFC 3263 §4.3), and what the old branch still brings is ended (`sip.session.abandoned`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from sip.digest import authorize
from sip.errors import SipError
from sip.headers import parse_number
from sip.message import HIGHEST_SECONDS, Header, Request, Response
from sip.session.abandoned import Abandoned
from sip.session.core import Core
from sip.session.hops import NOWHERE_ELSE, Hops
from sip.timers import Timer
from sip.transaction.client import ClientTransaction
from sip.transport.flow import Flow

_CHALLENGES: Final = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
_CREDENTIALS: Final = ("Authorization", "Proxy-Authorization")
_UNAVAILABLE: Final = 503
_ELSEWHERE: Final = 'SIP;cause=408;text="Tried elsewhere"'


class Credentials:
    """Who we are to the other side."""

    __slots__ = ("_uses", "secret", "user")

    def __init__(self, user: str, secret: str) -> None:
        self.user = user
        self.secret = secret
        self._uses: dict[str, int] = {}
        """How often each nonce's challenge was met."""

    def meet(self, request: Request, response: Response, cnonce: str) -> Header | None:
        """The header that meets a challenge; None where we cannot."""
        asked, answered = _CHALLENGES[response.status]
        challenges = list(response.values(asked))
        key = challenges[0] if challenges else ""
        count = self._uses.get(key, 0) + 1
        self._uses = {key: count}
        value = authorize(
            challenges,
            method=request.method,
            uri=request.uri,
            user=self.user,
            secret=self.secret,
            body=request.body,
            cnonce=cnonce,
            nonce_count=count,
        )
        return None if value is None else (answered, value)


class ExchangeUser(Protocol):
    """Whoever asked."""

    def responded(self, exchange: "Exchange", response: Response, flow: Flow, now: float) -> None:
        """A response came that is no challenge we can meet."""

    def failed(self, exchange: "Exchange", cause: str, now: float) -> None:
        """There will be no answer: ``timeout`` or ``transport``."""


class Exchange:
    """One request, sent until somebody answers it: once more with credentials where it is challenged, and to the next hop in need."""

    __slots__ = ("_core", "_credentials", "_hops", "_met", "_next_sequence", "_patience", "_user", "is_abandoned", "request", "transaction")

    def __init__(
        self,
        core: Core,
        request: Request,
        flows: Sequence[Flow],
        user: ExchangeUser | None,
        credentials: Credentials | None,
        next_sequence: Callable[[], int],
        now: float,
        uris: Mapping[Flow, str] = NOWHERE_ELSE,
    ) -> None:
        """Send the request, which was written for the first flow; ``uris`` are the Request-URIs of flows on which it is another one.

        Raises `UnsafeValue`, and then nothing was sent.
        """
        self._core = core
        self._user = user
        self._credentials = credentials
        self._next_sequence = next_sequence
        self._met: dict[str, int] = {}
        self._hops = Hops(core, flows, now, uris)
        self._patience: Timer | None = None
        self.request = self._hops.advance(request, now) or request
        """The newest one."""
        self.is_abandoned = False
        """Challenges are not met any more, and no other hop is tried."""
        self.transaction: ClientTransaction = self._sent(now)

    def abandon(self, now: float) -> None:
        """Nobody waits for the answer any more: it is not sent again, and nothing is told. Not for an INVITE, which wants a CANCEL."""
        self._user = None
        self.is_abandoned = True
        self._core.timers.stop(self._patience)
        self.transaction.abandon(now)

    def leave(self, reason: str, now: float) -> None:
        """Nobody waits for the answer to an INVITE any more: it is cancelled, and whoever answers all the same is hung up."""
        self._user = None
        self.is_abandoned = True
        self._core.timers.stop(self._patience)
        Abandoned(self._core, self.transaction, reason, now)

    @property
    def credentials(self) -> list[Header]:
        """The credentials that the newest request carries; the ACK to its 2xx repeats them (§22.1)."""
        return [header for header in self.request.headers if header[0] in _CREDENTIALS]

    def responded(self, transaction: ClientTransaction, response: Response, flow: Flow, now: float) -> None:
        """From the transaction."""
        if transaction is not self.transaction:
            return
        self._core.timers.stop(self._patience)
        if response.status in _CHALLENGES and not self.is_abandoned and self._retry(response, now):
            return
        if response.status == _UNAVAILABLE:
            if self._go_on("503", retry_after(response), now):
                return
        else:
            self._core.penalties.forgive(transaction.flow)
        if self._user is not None:
            self._user.responded(self, response, flow, now)

    def failed(self, transaction: ClientTransaction, cause: str, now: float) -> None:
        """From the transaction."""
        if transaction is not self.transaction:
            return
        self._core.timers.stop(self._patience)
        if not self._go_on(cause, None, now) and self._user is not None:
            self._user.failed(self, cause, now)

    def over(self, transaction: ClientTransaction) -> None:
        """From the transaction: who asked hears nothing more, and need not be kept for it."""
        if transaction is self.transaction:
            self._user = None
            self._next_sequence = _nothing_follows

    def fired(self, name: str, now: float) -> None:
        """The hop has said nothing for long enough."""
        self._go_on("timeout", None, now)

    def _sent(self, now: float) -> ClientTransaction:
        transaction = self._core.transactions.request(self.request, self._hops.current, self, now)
        patience = self._hops.patience
        if patience is not None:
            self._patience = self._core.timers.start(now + patience, self, "patience")
        return transaction

    def _go_on(self, cause: str, seconds: float | None, now: float) -> bool:
        """Leave a hop that is of no use, for so long; False where there is no other."""
        old = self.transaction
        self._hops.failed(cause, self._core.settings.hop_penalty if seconds is None else seconds, now)
        request = None if self.is_abandoned else self._hops.advance(self.request, now)
        if request is None:
            return False
        self._core.count(f"failover_{cause}")
        self._met.clear()
        self.request = request
        self.transaction = self._sent(now)
        if not old.is_answered:
            Abandoned(self._core, old, _ELSEWHERE, now)
        return True

    def _retry(self, response: Response, now: float) -> bool:
        asked, answered = _CHALLENGES[response.status]
        met = self._met.get(asked, 0)
        if self._credentials is None or met > (1 if _is_stale(response.values(asked)) else 0):
            return False
        header = self._credentials.meet(self.request, response, self._core.token())
        if header is None:
            self._core.count("challenge_not_understood")
            return False
        self._met[asked] = met + 1
        self._core.count("challenge_met")
        replaced = {"Via": self._core.via(self._hops.current)[1], "CSeq": f"{self._next_sequence()} {self.request.method}"}
        headers = [(name, replaced.get(name, value)) for name, value in self.request.headers if name != answered]
        request = Request(self.request.method, self.request.uri, [*headers, header], self.request.body)
        self.request = self._hops.enter(request, self._hops.current, now)
        self.transaction = self._sent(now)
        return True


def retry_after(response: Response | None) -> float | None:
    """The seconds of a Retry-After (RFC 3261 §20.33); None where there is none, or nonsense."""
    value = response.header("Retry-After") if response is not None else None
    if value is None:
        return None
    try:
        return float(parse_number(value.partition(";")[0].partition("(")[0], "Retry-After", HIGHEST_SECONDS))
    except SipError:
        return None


def _nothing_follows() -> int:
    raise AssertionError("an exchange that is over asks again")


def _is_stale(challenges: Sequence[str]) -> bool:
    return any("stale=true" in challenge.lower().replace('"', "").replace(" ", "") for challenge in challenges)
