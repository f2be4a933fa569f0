"""What is wrong with ceilings, roles, those who sign in, and issuers."""

import re
from collections.abc import Iterator

from config.ceilings import CeilingSettings
from config.findings import Finding, distinct, is_network, unknown
from config.identities import CALLBACK
from config.schema import Path
from config.settings import Settings
from config.user_checks import HASHED_PIN


def check_identities(settings: Settings) -> Iterator[Finding]:
    """Names that must exist, or be there once, and places that must be safe."""
    yield from distinct("roles", ((("name",), role.name) for role in settings.roles))
    yield from distinct("identities", ((("name",), (one.tenant, one.name)) for one in settings.identities))
    yield from distinct("issuers", ((("issuer",), issuer.issuer) for issuer in settings.issuers))
    yield from distinct("issuers", ((("name",), issuer.name) for issuer in settings.issuers))
    yield from distinct("policies", ((("tenant",), policy.tenant) for policy in settings.policies))
    yield from _identities(settings)
    yield from _issuers(settings)
    for index, network in enumerate(settings.signing_in.proxies):
        if not is_network(network):
            yield ("signing_in", "proxies", index), f"must be an IP network such as 10.0.0.0/8, not {network!r}"
    for index, origin in enumerate(settings.control.origins):
        if origin != "null" and not re.fullmatch(r"https?://[^\s/*?#@]+", origin):
            yield ("control", "origins", index), f"must be an origin such as https://crm.example.com, without a path, not {origin!r}"


def _identities(settings: Settings) -> Iterator[Finding]:
    roles = [role.name for role in settings.roles]
    users = {user.name: user.tenant for user in settings.users}
    tokens = {(token.tenant, token.identity) for token in settings.tokens}
    for index, one in enumerate(settings.identities):
        path: Path = ("identities", index)
        if bool(one.role) == (one.ceiling is not None):
            yield (*path, "role"), "give either a role or a ceiling"
        elif one.role and one.role not in roles:
            yield (*path, "role"), unknown("role", one.role, roles)
        elif one.ceiling is not None:
            yield from check_ceiling(settings, (*path, "ceiling"), one.ceiling, one.tenant)
        if not one.password.get_secret_value():
            yield (*path, "password"), "must not be empty"
        elif one.has_hashed_password and not HASHED_PIN.fullmatch(one.password.get_secret_value()):
            yield (*path, "password"), "must be an argon2id hash such as `mediaserver identity` makes"
        if one.user and users.get(one.user) != one.tenant:
            yield (*path, "user"), unknown("user", one.user, [name for name, tenant in users.items() if tenant == one.tenant])
        elif not one.user and users.get(one.name) == one.tenant:
            yield (*path, "user"), f"must be {one.name!r}: the SIP user of that name counts as the same person; or take another name"
        if (one.tenant, one.name) in tokens:
            yield (*path, "name"), f"{one.name!r} has a configured token; one way in each, or two names"


def _issuers(settings: Settings) -> Iterator[Finding]:
    roles = [role.name for role in settings.roles]
    for index, issuer in enumerate(settings.issuers):
        for place, key in ((issuer.issuer, "issuer"), (issuer.jwks_uri, "jwks_uri"), (issuer.redirect_uri, "redirect_uri")):
            if place and not re.match(r"https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/]", place + "/"):
                yield ("issuers", index, key), f"must begin with https://, not {place!r}"
        for position, grant in enumerate(issuer.grants):
            if grant.role not in roles:
                yield ("issuers", index, "grants", position, "role"), unknown("role", grant.role, roles)
        if not issuer.grants:
            yield ("issuers", index, "grants"), "name at least one grant, or nobody can come by this issuer"
        if issuer.redirect_uri and not issuer.redirect_uri.endswith(CALLBACK):
            yield ("issuers", index, "redirect_uri"), f"must end with {CALLBACK}, not {issuer.redirect_uri!r}"
        if issuer.client_secret.get_secret_value() and not issuer.redirect_uri:
            yield ("issuers", index, "client_secret"), "means nothing without redirect_uri"
        if "openid" not in issuer.scopes:
            yield ("issuers", index, "scopes"), "must have openid, or there is no ID token"
        if bool(issuer.tenant_claim) != bool(issuer.tenants):
            yield ("issuers", index, "tenants"), "tenant_claim and tenants go together"


def check_ceiling(settings: Settings, path: Path, ceiling: CeilingSettings, tenant: str) -> Iterator[Finding]:
    """Agents and teams that must exist in the tenant."""
    agents = {agent.name for agent in settings.agents if agent.tenant == tenant}
    teams = {agent.team for agent in settings.agents if agent.tenant == tenant and agent.team}
    for key, word, names, known in (("agents", "agent", ceiling.agents, agents), ("teams", "team", ceiling.teams, teams)):
        for position, name in enumerate(names):
            if name not in known and name != "*":
                yield (*path, key, position), unknown(word, name, [*known, "*"])
