"""A request of ours with its answer; digest challenges on the way are met here and seen by nobody (RFC 3261 §22)."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from sip.digest import authorize
from sip.message import Header, Request, Response
from sip.session.core import Core
from sip.transaction.client import ClientTransaction
from sip.transaction.states import Input
from sip.transport.flow import Flow

_CHALLENGES: Final = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
_CREDENTIALS: Final = ("Authorization", "Proxy-Authorization")


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
    """One request, sent again with credentials where it is challenged: once, and once more where the nonce was stale."""

    __slots__ = ("_core", "_credentials", "_met", "_next_sequence", "_user", "is_abandoned", "request", "transaction")

    def __init__(
        self,
        core: Core,
        request: Request,
        flow: Flow,
        user: ExchangeUser | None,
        credentials: Credentials | None,
        next_sequence: Callable[[], int],
        now: float,
    ) -> None:
        """Send the request. Raises `UnsafeValue`, and then nothing was sent."""
        self._core = core
        self._user = user
        self._credentials = credentials
        self._next_sequence = next_sequence
        self._met: dict[str, int] = {}
        self.request = request
        """The newest one."""
        self.is_abandoned = False
        """Challenges are not met any more."""
        self.transaction: ClientTransaction = core.transactions.request(request, flow, self, now)

    def abandon(self, now: float) -> None:
        """Nobody waits for the answer any more: it is not sent again, and nothing is told. Not for an INVITE, which wants a CANCEL."""
        self._user = None
        self.is_abandoned = True
        self.transaction.step(Input.ABANDONED, now)

    @property
    def credentials(self) -> list[Header]:
        """The credentials that the newest request carries; the ACK to its 2xx repeats them (§22.1)."""
        return [header for header in self.request.headers if header[0] in _CREDENTIALS]

    def responded(self, transaction: ClientTransaction, response: Response, flow: Flow, now: float) -> None:
        """From the transaction."""
        if transaction is not self.transaction:
            return
        if response.status in _CHALLENGES and not self.is_abandoned and self._retry(response, flow, now):
            return
        if self._user is not None:
            self._user.responded(self, response, flow, now)

    def failed(self, transaction: ClientTransaction, cause: str, now: float) -> None:
        """From the transaction."""
        if self._user is not None and transaction is self.transaction:
            self._user.failed(self, cause, now)

    def _retry(self, response: Response, flow: Flow, now: float) -> bool:
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
        replaced = {"Via": self._core.via(self.transaction.flow)[1], "CSeq": f"{self._next_sequence()} {self.request.method}"}
        headers = [(name, replaced.get(name, value)) for name, value in self.request.headers if name != answered]
        self.request = Request(self.request.method, self.request.uri, [*headers, header], self.request.body)
        self.transaction = self._core.transactions.request(self.request, self.transaction.flow, self, now)
        return True


def _is_stale(challenges: Sequence[str]) -> bool:
    return any("stale=true" in challenge.lower().replace('"', "").replace(" ", "") for challenge in challenges)
