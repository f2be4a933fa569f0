"""REGISTER: challenged, checked, given to the registrar, told (RFC 3261 §10.3, §22)."""

from sip.digest import DigestServer, HashOf
from sip.errors import ParseError
from sip.events import Registered
from sip.message import Header, Request
from sip.registrar import Registrar
from sip.session.core import Core
from sip.session.settings import Authentication
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow
from sip.uri import Uri


class Registering:
    """The registrar's face, and the judge of credentials."""

    def __init__(self, core: Core, ha1_of: HashOf) -> None:
        settings = core.settings
        self._core = core
        self._ha1_of = ha1_of
        self._digest = DigestServer(
            settings.realm, core.entropy, settings.nonce_lifetime, algorithms=settings.digest_algorithms, qop=settings.digest_qop
        )
        self.registrar = Registrar(settings.registration_min, settings.registration_max, settings.max_contacts)

    def authenticate(self, request: Request, flow: Flow, now: float) -> Authentication:
        """Judge the credentials that a request carries, which came by this flow."""
        source = flow.remote[0]
        stale = False
        for value in request.values("Authorization"):
            verdict = self._digest.verify(request.method, request.uri, value, self._ha1_of, now, source=source, body=request.body)
            if verdict.user is not None and not verdict.stale:
                return Authentication(verdict.user, False)
            stale = stale or verdict.stale
            self._core.count("credentials_stale" if verdict.stale else "credentials_wrong")
        return Authentication(None, stale)

    def challenges(self, request: Request, flow: Flow, now: float, *, stale: bool) -> list[str]:
        """Values for WWW-Authenticate, as the one who asks can bear them; good for where he asks from."""
        return self._digest.challenges(flow.remote[0], now, stale, request.header("User-Agent") or "")

    def receive(self, transaction: ServerTransaction, now: float) -> None:
        """Answer a REGISTER."""
        request = transaction.request
        who = self.authenticate(request, transaction.flow, now)
        if who.user is None:
            challenges = self.challenges(request, transaction.flow, now, stale=who.stale)
            return self._answer(transaction, 401, now, [("WWW-Authenticate", value) for value in challenges])
        if _user_of(request) != who.user:
            return self._answer(transaction, 403, now, [])
        self.expire(now)
        outcome = self.registrar.register(who.user, request, transaction.flow, now)
        self._answer(transaction, outcome.status, now, outcome.headers)
        if outcome.changed:
            self._tell(who.user, now)

    def expire(self, now: float) -> None:
        """Drop bindings that have run out."""
        for user in self.registrar.expire(now):
            self._core.count("registration_expired")
            self._tell(user, now)

    def flow_lost(self, flow: Flow, now: float) -> None:
        """Drop bindings whose connection is gone. A datagram's destination cannot be gone, only silent for a while."""
        if flow.is_reliable:
            for user in self.registrar.lose_flow(flow):
                self._core.count("registration_flow_lost")
                self._tell(user, now)

    def _answer(self, transaction: ServerTransaction, status: int, now: float, headers: "list[Header] | tuple[Header, ...]") -> None:
        self._core.count(f"register_{status}")
        self._core.reply(transaction, status, now, to_tag=self._core.token(), headers=headers)

    def _tell(self, user: str, now: float) -> None:
        self._core.tell(Registered(user, tuple(binding.uri for binding in self.registrar.contacts(user, now))))


def _user_of(request: Request) -> str | None:
    """The user of the address of record, None where To is no SIP URI."""
    try:
        return Uri.parse(request.to.uri).user
    except ParseError:
        return None
