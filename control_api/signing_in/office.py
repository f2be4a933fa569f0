"""The office: where one signs in, renews, signs out, makes and uses links, and where administrators end others' access.

Whoever fails is told the same whatever was wrong, after the same work; too many failures lock. A withdrawal is told to the house at
once, which ends what the access was used for.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final, Protocol

from config.identities import IdentitySettings, RoleSettings, SigningInSettings
from config.settings import Settings
from control_api.identities import carry_on, identity_of_settings
from control_api.messages import iso
from control_api.permissions import Identity, Refusal, Right, Subject, check_mode, check_right
from control_api.signing_in.discovery import Fetch
from control_api.signing_in.issuers import Issuers
from control_api.signing_in.journeys import Journey, Journeys
from control_api.signing_in.links import PLACE, Links
from control_api.signing_in.lockout import Lockout
from control_api.signing_in.redirects import Post, Redirects, Returned
from control_api.signing_in.sessions import Granted, Session, Sessions
from control_api.standing import Standing
from mixer.modes import Mode, Role

NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$ys+U+TWkDjn6wUd/HUL8Aw$y33GzsLZr5CeXwXHVUcIHtTtpoMvgA6LwPtwVFCc6wI"
"""Compared with where nobody has the name, so that it takes as long; no password has this hash."""
CheckPassword = Callable[[str, str], Awaitable[bool | None]]
"""What is kept of a password, and what was said: right, wrong, or None where it cannot be looked at now."""
_WRONG: Final = Refusal("unauthenticated", "name or password is wrong", "after some failures one has to wait")

Who = tuple[str, str]
"""Tenant and name."""


class Notary(Protocol):
    """Who writes down what concerns access; before the answer."""

    def denied(self, way: str, address: str, code: str, why: str) -> None:
        """Somebody was not let in."""

    def changed(self, kind: str, identity: Identity | None, address: str, detail: Mapping[str, Any]) -> None:
        """Access was given or taken: ``session.opened``, ``session.withdrawn``, ``link.made``, ``link.used``, ``identity.shut_out``,
        ``identity.let_in``. No address: it was a command, and who carries it out knows from where it came."""


class Unwritten:
    """A notary who writes nothing, for an API without a house."""

    def denied(self, way: str, address: str, code: str, why: str) -> None:
        """Nothing is written."""

    def changed(self, kind: str, identity: Identity | None, address: str, detail: Mapping[str, Any]) -> None:
        """Nothing is written."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in with a password."""

    identity: Identity
    secret: str = field(repr=False)
    """Its argon2id hash, or for trying out itself; empty: none is right."""


@dataclass(frozen=True, slots=True)
class Means:
    """What the office needs of the world."""

    check_password: CheckPassword
    fetch: Fetch
    post: Post
    entropy: Callable[[], str]
    """A text of at least 256 bits that nobody can guess."""
    clock: Callable[[], float]
    """Monotonic, seconds."""
    wall: Callable[[], float]
    """Seconds since 1970."""
    notary: Notary = field(default_factory=Unwritten)


class Office:
    """Everything about access that is not in a configured token. Every method that may refuse raises `Refusal`."""

    def __init__(self, settings: Settings, means: Means) -> None:
        self.settings: SigningInSettings = settings.signing_in
        self.sessions = Sessions(settings.signing_in, means.entropy, means.clock)
        self.links = Links(means.entropy, means.clock)
        self.lockout = Lockout(settings.signing_in)
        self.on_withdrawn: list[Callable[[], None]] = []
        """Told after access was withdrawn; whoever goes by it is to leave."""
        self._means = means
        self._issuers = Issuers(means.fetch, means.wall, means.clock)
        self._redirects = Redirects(self._issuers, means.post)
        self._journeys = Journeys(means.entropy, means.clock)
        self._accounts: dict[Who, Account] = {}
        self._shut_out: set[Who] = set()
        self.others: list[Callable[[str, str], Iterable[Standing]]] = [self._of_account]
        """Standings that somebody (tenant, name) has by other ways than a session: configured tokens, his digest."""
        self.take(settings)

    @property
    def issuers(self) -> list[str]:
        """What the issuers are called whose tokens are taken."""
        return self._issuers.names

    @property
    def redirects(self) -> list[str]:
        """What those are called at whose own page one can sign in."""
        return self._issuers.redirecting_names

    @property
    def takes_passwords(self) -> bool:
        """Whether anybody has one."""
        return bool(self._accounts)

    def take(self, settings: Settings) -> None:
        """From now on these are the identities, roles and issuers. Who is gone, or permitted less, is out; who is shut out stays it."""
        roles = {role.name: role for role in settings.roles}
        secrets = {(one.tenant, one.name): one.password.get_secret_value() for one in settings.identities}
        before = {who: account.identity for who, account in self._accounts.items()}
        now = carry_on(before, _identities(settings.identities, roles))
        self._accounts = {who: Account(identity, secrets[who]) for who, identity in now.items()}
        self._issuers.take(settings.issuers, settings.roles)
        for standing in (standing for who in self._shut_out for standing in self._standings(who)):
            standing.withdraw()
        self._swept()

    # signing in

    async def sign_in(self, tenant: str, name: str, password: str, address: str) -> Granted:
        """With a password."""
        who = f"{tenant}/{name}"
        self._begin(who, address, "password")
        account = self._accounts.get((tenant, name))
        is_right = await self._means.check_password((account.secret if account else "") or NOBODY, password)
        if is_right is None:
            self.lockout.not_judged(who, address)
            raise Refusal("unavailable", "too many passwords are being looked at", "try again in a few seconds")
        if not is_right or account is None or account.identity.standing.is_withdrawn:
            raise self._denied("password", address, _WRONG, who)
        self.lockout.succeeded(who, address)
        return self._opened(account.identity, "password", address)

    async def exchange(self, token: str, address: str) -> Granted:
        """With a token of an issuer."""
        return await self._by_issuer(lambda: self._issuers.exchange(token), address)

    async def depart(self, issuer: str, address: str) -> tuple[str, Journey]:
        """Toward an issuer's own page: its address, and the journey whose cookie the browser is to keep."""
        journey = self._journeys.begin(issuer)
        try:
            return await self._redirects.way(journey), journey
        except Refusal as refusal:
            raise self._denied("issuer", address, refusal) from None

    async def arrive(self, cookie: str, returned: Returned, address: str) -> Granted:
        """Back from an issuer's page. What no browser of ours began is no try: whoever sends people here must not lock them out."""
        try:
            journey = self._journeys.end(cookie, returned.state)
        except Refusal as refusal:
            raise self._denied("issuer", address, refusal) from None
        return await self._by_issuer(lambda: self._redirects.back(journey, returned), address)

    async def _by_issuer(self, exchange: Callable[[], Awaitable[Identity]], address: str) -> Granted:
        self._begin("", address, "issuer")
        try:
            identity = await exchange()
        except Refusal as refusal:
            if refusal.code != "unauthenticated":
                self.lockout.not_judged("", address)
            raise self._denied("issuer", address, refusal) from None
        self.lockout.succeeded("", address)
        if (identity.tenant, identity.name) in self._shut_out:
            raise self._denied("issuer", address, Refusal("forbidden", "your access was withdrawn", "ask an administrator"), identity.name)
        return self._opened(identity, "issuer", address)

    def use_link(self, token: str, address: str) -> Granted:
        """With a listen-in link, which is used up."""
        self._begin("", address, "link")
        try:
            link = self.links.use(token)
        except Refusal as refusal:
            if self.links.was_one(token):
                self.lockout.not_judged("", address)
            raise self._denied("link", address, refusal) from None
        self.lockout.succeeded("", address)
        self._means.notary.changed("link.used", link.identity, address, {"call": link.call})
        return self._opened(link.identity, "link", address, lasts=self.settings.guest)

    def renew(self, renewal: str, address: str) -> Granted:
        """A session that stands gets a new access token. The identity is what it was when it began."""
        before = self.sessions.session_of(renewal)
        try:
            return self.sessions.renew(renewal)
        except Refusal as refusal:
            if before is not None and before.identity.standing.is_withdrawn:
                self._told(before, before.identity, address, "renewal used twice")
            raise self._denied("renewal", address, refusal) from None

    def sign_out(self, identity: Identity, address: str) -> None:
        """End the session that somebody came by; a configured token has none."""
        found = self._session(identity.standing.name)
        if found is None:
            raise Refusal("conflict", "a configured token has no session to end", "take it out of the configuration")
        self.sessions.withdraw(found.id)
        self._told(found, identity, address, "signed out")

    def _begin(self, who: str, address: str, way: str) -> None:
        wait = self.lockout.begin(who, address, self._means.clock())
        if wait > 0:
            locked = Refusal("too_many", "too many failures; this is not looked at now", f"try again in {ceil(wait)} s")
            raise self._denied(way, address, locked, who)

    def _denied(self, way: str, address: str, refusal: Refusal, who: str = "") -> Refusal:
        self._means.notary.denied(way, address, refusal.code, f"{refusal.text}: {who[:130]}" if who else refusal.text)
        return refusal

    def _opened(self, identity: Identity, way: str, address: str, *, lasts: float | None = None) -> Granted:
        granted = self.sessions.open(identity, way, address, lasts=lasts, is_renewable=way != "link" or (lasts or 0) > self.settings.access)
        self._means.notary.changed("session.opened", granted.identity, address, {"session": granted.session, "by": way})
        for ended in granted.ended:
            self._told(ended, granted.identity, address, "another session took its room")
        return granted

    # what administrators may

    def listed(self, identity: Identity) -> list[dict[str, Any]]:
        """The sessions of his tenant, as `control_api.access_models.SessionModel` fields (right `admin`)."""
        check_right(identity, Right.ADMIN)
        self.sessions.sweep()
        return [self._model(session) for session in self.sessions if session.identity.tenant == identity.tenant]

    def withdraw(self, identity: Identity, session: str) -> None:
        """End a session: one's own, or with the right `admin` any of the tenant."""
        found = next((one for one in self.sessions if one.id == session and one.identity.tenant == identity.tenant), None)
        if found is None or not _is_of(found, identity.name):
            check_right(identity, Right.ADMIN)
        if found is None:
            raise Refusal("not_found", "no such session", "sessions shows those that are open")
        self.sessions.withdraw(found.id)
        self._told(found, identity, "", "withdrawn")

    def shut_out(self, identity: Identity, name: str) -> None:
        """Withdraw whatever access an identity of the tenant has, and give none until `let_in` or a restart (right `admin`)."""
        check_right(identity, Right.ADMIN)
        who = (identity.tenant, name)
        standings = self._standings(who)
        own = [one for one in self.sessions if one.identity.tenant == identity.tenant and _is_of(one, name)]
        if not standings and not own:
            raise Refusal("not_found", f"nobody here is called {name}", "sessions shows who is signed in")
        if name == identity.name:
            raise Refusal("conflict", "that is you", "let another administrator do it, or sign out")
        self._shut_out.add(who)
        for standing in standings:
            standing.withdraw()
        for one in own:
            self.sessions.withdraw(one.id)
        self._means.notary.changed("identity.shut_out", identity, "", {"whose": name, "sessions": len(own)})
        self._swept()

    def let_in(self, identity: Identity, name: str) -> None:
        """Take `shut_out` back (right `admin`)."""
        check_right(identity, Right.ADMIN)
        if (identity.tenant, name) not in self._shut_out:
            raise Refusal("not_found", f"{name} is not shut out", "")
        self._shut_out.discard((identity.tenant, name))
        for standing in self._standings((identity.tenant, name)):
            standing.restore()
        self._means.notary.changed("identity.let_in", identity, "", {"whose": name})

    def _standings(self, who: Who) -> list[Standing]:
        return [standing for other in self.others for standing in other(*who)]

    def _of_account(self, tenant: str, name: str) -> Iterator[Standing]:
        account = self._accounts.get((tenant, name))
        if account is not None:
            yield account.identity.standing

    def make_link(self, identity: Identity, subject: Subject, seconds: float | None) -> dict[str, Any]:
        """A listen-in link to a call that he may listen to himself (right `links`), as `LinkResult` fields."""
        check_right(identity, Right.LINKS)
        check_mode(identity, subject, Mode.LISTEN, Role.AGENT)
        lasts = self.settings.link if seconds is None else min(seconds, self.settings.link)
        self.links.sweep()
        token = self.links.make(identity, subject.call, lasts)
        self._means.notary.changed("link.made", identity, "", {"call": subject.call, "seconds": lasts})
        return {"link": PLACE + token, "token": token, "expires_in": lasts}

    def _session(self, standing: str) -> Session | None:
        return next((session for session in self.sessions if session.identity.standing.name == standing), None)

    def _told(self, session: Session, by: Identity, address: str, why: str) -> None:
        detail = {"session": session.id, "whose": session.identity.name, "why": why}
        self._means.notary.changed("session.withdrawn", by, address, detail)
        self._swept()

    def _swept(self) -> None:
        """What was withdrawn is forgotten here, and ends in the house."""
        self.sessions.sweep()
        self.links.sweep()
        for told in self.on_withdrawn:
            told()

    def _model(self, session: Session) -> dict[str, Any]:
        offset = self._means.wall() - self._means.clock()
        return {
            "session": session.id,
            "identity": session.identity.name,
            "way": session.way,
            "address": session.address,
            "began": iso(session.began + offset),
            "ends": iso(session.ends + offset),
        }


def _is_of(session: Session, name: str) -> bool:
    """Whether it is this identity's, or a guest's of his."""
    return session.identity.name == name or session.identity.name.startswith(f"{name}/link-")


def _identities(settings: Iterable[IdentitySettings], roles: Mapping[str, RoleSettings]) -> dict[Who, Identity]:
    return {(one.tenant, one.name): identity_of_settings(one, roles) for one in settings}
