"""What must be right about trunks beyond their single keys."""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from config.findings import HEADER_NAME, Finding, distinct, is_network, unknown
from config.schema import Path
from config.settings import Settings
from config.sip import TlsSettings
from config.trunks import RewriteSettings, TrunkSettings

USERS_TRUNK: Final = "users"
"""What a route calls the trunk of our own users' calls."""
NOT_PASSED: Final = frozenset(
    {
        *("via", "v", "from", "f", "to", "t", "call-id", "i", "cseq", "contact", "m", "route", "record-route", "max-forwards"),
        *("content-type", "c", "content-length", "l", "content-encoding", "e", "content-disposition", "content-language", "mime-version"),
        *("authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info"),
        *("require", "proxy-require", "supported", "k", "unsupported", "allow", "allow-events", "u", "accept", "user-agent", "server"),
        *("p-asserted-identity", "p-preferred-identity", "remote-party-id", "privacy", "diversion", "history-info", "identity", "y"),
        *("path", "service-route", "session-expires", "x", "min-se", "replaces", "refer-to", "r", "referred-by", "b", "rack", "rseq"),
        *("event", "o", "subscription-state", "expires", "min-expires", "warning", "retry-after", "x-mediaserver-path"),
    }
)
"""Headers that are a leg's own, or are carried by rules of their own; in lower case."""

SECRETS: Final = frozenset({"authorization", "proxy-authorization", "authentication-info", "proxy-authentication-info"})
"""Headers that never become metadata; in lower case."""


def check_trunks(settings: Settings) -> Iterator[Finding]:
    """Everything about the trunks."""
    yield from distinct("trunks", ((("name",), trunk.name) for trunk in settings.trunks))
    owners: dict[str, str] = {}
    for index, trunk in enumerate(settings.trunks):
        for path, text in (
            *_identity(trunk, settings.sip.tls, owners),
            *_auth_user(trunk, settings),
            *_ways(trunk, settings),
            *_registration(trunk),
            *_numbers(trunk),
            *_headers(trunk),
        ):
            yield ("trunks", index, *path), text


def _identity(trunk: TrunkSettings, tls: TlsSettings, owners: dict[str, str]) -> Iterator[Finding]:
    """``owners`` remembers which trunk each source is."""
    if trunk.name == USERS_TRUNK:
        yield ("name",), f"{USERS_TRUNK!r} means our own users' calls; take another name"
    if not (trunk.addresses or trunk.tls_names or trunk.is_reachable):
        yield (), "give addresses that calls come from, a host that calls go to, or both"
    for position, address in enumerate(trunk.addresses):
        path: Path = ("addresses", position)
        if not is_network(address):
            yield path, f"must be an IP address or network, not {address!r}"
        elif (owner := owners.setdefault(str(ipaddress.ip_network(address, strict=False)), trunk.name)) != trunk.name:
            yield path, f"{address} is trunk {owner!r} already; one source is one trunk"
    for position, name in enumerate(trunk.tls_names):
        if (owner := owners.setdefault(name.lower(), trunk.name)) != trunk.name:
            yield ("tls_names", position), f"{name!r} is trunk {owner!r} already; one certificate is one trunk"
    if trunk.tls_names and tls.client_certificates == "off":
        yield ("tls_names",), "are given, and sip.tls.client_certificates is 'off': nobody would be asked for one"
    if trunk.asserts_users and not trunk.trusted:
        yield ("asserts_users",), "is true, and the trunk is not trusted; a proxy that vouches for users must be"
    if trunk.agents_by != "none" and not trunk.trusted:
        yield ("agents_by",), f"is {trunk.agents_by!r}, and the trunk is not trusted; who calls must be believed for that"


def _auth_user(trunk: TrunkSettings, settings: Settings) -> Iterator[Finding]:
    if trunk.auth_user is None:
        return
    users = {user.name: user for user in settings.users if user.tenant == trunk.tenant}
    others = [one.name for one in settings.trunks if one.auth_user == trunk.auth_user and one.name != trunk.name]
    if trunk.auth_user not in users:
        yield ("auth_user",), unknown("user", trunk.auth_user, users) + f" (of tenant {trunk.tenant!r})"
    elif users[trunk.auth_user].ceiling is not None:
        yield ("auth_user",), f"{trunk.auth_user!r} has a ceiling; a trunk supervises nobody, so give it a user of its own"
    elif others:
        yield ("auth_user",), f"{trunk.auth_user!r} is trunk {others[0]!r} already; one user is one trunk"
    elif any(agent.user == trunk.auth_user for agent in settings.agents):
        yield ("auth_user",), f"{trunk.auth_user!r} is an agent's phone; give the trunk a user of its own"


def _ways(trunk: TrunkSettings, settings: Settings) -> Iterator[Finding]:
    if trunk.host and trunk.targets:
        yield ("targets",), "and host are both given; host is the short form for one target"
    if trunk.transport == "tcp" and not settings.sip.tcp:
        yield ("transport",), "is tcp, and sip.tcp is false; set one of the two"
    for position, target in enumerate(trunk.targets):
        if target.transport == "tcp" and not settings.sip.tcp:
            yield ("targets", position, "transport"), "is tcp, and sip.tcp is false; set one of the two"
    keepalive = trunk.keepalive
    if keepalive.interval and keepalive.timeout > keepalive.interval:
        yield ("keepalive", "timeout"), f"must be at most keepalive.interval ({keepalive.interval:g})"


def _registration(trunk: TrunkSettings) -> Iterator[Finding]:
    registration = trunk.registration
    if registration is None:
        return
    if not (registration.registrar or trunk.host or trunk.targets):
        yield ("registration", "registrar"), "must be given, since the trunk has no host"
    if not trunk.user:
        yield ("user",), "must be given: it is the number or name that is registered"


def _numbers(trunk: TrunkSettings) -> Iterator[Finding]:
    if trunk.numbers.send == "national" and not trunk.numbers.country:
        yield ("numbers", "send"), "is 'national', and numbers.country does not say of which nation"
    for position, rule in enumerate(trunk.rewrite):
        for key, text in _rule(rule):
            yield ("rewrite", position, key), text


def _rule(rule: RewriteSettings) -> Iterator[tuple[str, str]]:
    try:
        compiled = re.compile(f"(?:{rule.match})?")
        re.compile(rule.match)
    except re.error as error:
        yield "match", f"is not a regular expression: {error}"
        return
    empty = compiled.fullmatch("")
    try:
        if empty is not None:
            empty.expand(rule.replace)
    except (re.error, IndexError) as error:
        yield "replace", f"does not fit match: {error}"


def _headers(trunk: TrunkSettings) -> Iterator[Finding]:
    for header in trunk.headers:
        if not HEADER_NAME.fullmatch(header):
            yield ("headers",), f"{header!r} is not a header name"
        elif header.lower() in SECRETS:
            yield ("headers",), f"{header!r} holds a proof of who somebody is; metadata is shown to everybody who sees the call"
    for position, header in enumerate(trunk.pass_headers):
        if not HEADER_NAME.fullmatch(header):
            yield ("pass_headers", position), f"{header!r} is not a header name"
        elif header.lower() in NOT_PASSED:
            yield (
                ("pass_headers", position),
                f"{header!r} is each leg's own, or has a rule of its own; name others, such as X-Account",
            )
