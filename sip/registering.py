"""REGISTER: challenged, checked, given to the registrar, told (RFC 3261 §10.3, §22)."""

from functools import partial

from sip.digest import DigestServer, HashOf
from sip.errors import ParseError
from sip.events import Registered, SourceBanned
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
        core.guard.is_registered = self.registrar.is_bound

    def authenticate(self, request: Request, flow: Flow, now: float) -> Authentication:
        """Judge the credentials that a request carries, which came by this flow."""
        core, stale, wrong = self._core, False, ""
        for value in request.values("Authorization"):
            verdict = self._digest.verify(request.method, request.uri, value, self._ha1_of, now, source=flow.remote[0], body=request.body)
            if verdict.user is not None and not core.guard.keeps_out(flow, verdict.user, now):
                return Authentication(verdict.user, False)
            stale = stale or verdict.stale
            wrong = wrong or verdict.wrong_user or verdict.user or ""
            core.count("credentials_stale" if verdict.stale else "credentials_wrong")
            if stale or wrong:
                break  # one guess a request
        return Authentication(None, stale and not wrong, self._slowed(flow, wrong, now) if wrong else 0.0)

    def _slowed(self, flow: Flow, user: str, now: float) -> float:
        """Note a wrong proof; how long its answer is to wait."""
        guard = self._core.guard
        ban = None if guard.keeps_out(flow, user, now) else guard.failed(flow, user, now)
        if ban is not None:
            self._core.count("banned")
            self._core.tell(SourceBanned(ban.source, ban.user, ban.until - now))
        return guard.delay(flow, user, now)

    def challenges(self, request: Request, flow: Flow, now: float, *, stale: bool) -> list[str]:
        """Values for WWW-Authenticate, as the one who asks can bear them; good for where he asks from."""
        return self._digest.challenges(flow.remote[0], now, stale, request.header("User-Agent") or "")

    def receive(self, transaction: ServerTransaction, now: float) -> None:
        """Answer a REGISTER."""
        request = transaction.request
        who = self.authenticate(request, transaction.flow, now)
        if who.user is None:
            return self._core.late.say(partial(self._challenge, transaction, who.stale), who.after, now)
        if _user_of(request) != who.user:
            return self._answer(transaction, 403, now, [])
        self.expire(now)
        flow = transaction.flow
        own = (flow.local, self._core.settings.advertised(flow))
        is_trusted = self._core.guard.is_trusted(flow.remote[0])
        outcome = self.registrar.register(who.user, request, flow, now, own=own, is_trusted=is_trusted)
        self._answer(transaction, outcome.status, now, (self._core.supported, *outcome.headers))
        if outcome.changed:
            self._tell(who.user, now)

    def _challenge(self, transaction: ServerTransaction, stale: bool, now: float) -> None:
        challenges = self.challenges(transaction.request, transaction.flow, now, stale=stale)
        self._answer(transaction, 401, now, [("WWW-Authenticate", value) for value in challenges])

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
