"""What a reload changes about who may do what, for the audit log. Pure."""

from collections.abc import Iterator
from typing import Any

from config.identities import IdentitySettings
from config.policies import RULES, PolicySettings, policy_of
from config.settings import CeilingSettings, Settings, TokenSettings, UserSettings

Who = tuple[str, str]
"""Tenant and name."""
_SHOWN = 8
"""Digits of a token's hash that name it."""


def changes(before: Settings, after: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each change as its kind and its detail."""
    yield from _of_tokens(_by_hash(before), _by_hash(after))
    yield from _of_identities(_signing_in(before), _signing_in(after))
    yield from _of_users(_by_name(before), _by_name(after))
    yield from _of_policies(before, after)
    sections = [name for name in type(after).model_fields if getattr(before, name) != getattr(after, name)]
    yield "settings.changed", {"sections": " ".join(sections)}


def _of_tokens(before: dict[str, TokenSettings], after: dict[str, TokenSettings]) -> Iterator[tuple[str, dict[str, Any]]]:
    for key in before | after:
        was, now = before.get(key), after.get(key)
        if was != now:
            kind = "token.removed" if now is None else "token.added" if was is None else "token.changed"
            token = now or was
            assert token is not None
            yield kind, {"token": key[:_SHOWN], "whose": token.identity, "tenant": token.tenant, "ceiling": written(token.ceiling)}


Signing = tuple[IdentitySettings, str]
"""Who signs in with a password, and his ceiling, his role's where he has one."""


def _of_identities(before: dict[Who, Signing], after: dict[Who, Signing]) -> Iterator[tuple[str, dict[str, Any]]]:
    for who in before | after:
        was, now = before.get(who), after.get(who)
        if was != now:
            kind = "identity.removed" if now is None else "identity.added" if was is None else "identity.changed"
            ceilings = {"before": was[1] if was is not None else None, "ceiling": now[1] if now is not None else None}
            is_new_password = now is not None and (was is None or was[0].password != now[0].password)
            yield kind, {"whose": who[1], "tenant": who[0], **ceilings, "password": is_new_password}


def _of_users(before: dict[str, UserSettings], after: dict[str, UserSettings]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in before | after:
        was, now = before.get(name), after.get(name)
        ceilings = [written(user.ceiling) if user is not None else None for user in (was, now)]
        if ceilings[0] != ceilings[1]:
            user = now or was
            assert user is not None
            yield "identity.changed", {"whose": name, "tenant": user.tenant, "before": ceilings[0], "ceiling": ceilings[1]}


def _of_policies(before: Settings, after: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    for tenant in changed_policies(before, after):
        yield "policy.changed", {"tenant": tenant} | policy_change(policy_of(before.policies, tenant), policy_of(after.policies, tenant))


def changed_policies(before: Settings, after: Settings) -> list[str]:
    """The tenants whose policy is another."""
    tenants = dict.fromkeys(policy.tenant for policy in (*before.policies, *after.policies))
    return [name for name in tenants if _differs(policy_of(before.policies, name), policy_of(after.policies, name))]


def _differs(before: PolicySettings, after: PolicySettings) -> list[str]:
    return [name for name in RULES if getattr(before, name) != getattr(after, name)]


def policy_change(before: PolicySettings, after: PolicySettings) -> dict[str, str]:
    """What of a policy changed, as it was and as it is."""
    names = _differs(before, after)
    was, now = (" ".join(f"{name}:{getattr(policy, name)}" for name in names) for policy in (before, after))
    return {"before": was, "now": now}


def written(ceiling: CeilingSettings | None) -> str:
    """A ceiling in a few words; empty for none."""
    if ceiling is None:
        return ""
    parts = [
        *(f"agent:{name}" for name in ceiling.agents),
        *(f"team:{name}" for name in ceiling.teams),
        *([f"mode:{ceiling.mode}"] if ceiling.mode else []),
        *(f"right:{right}" for right in ceiling.rights),
    ]
    return " ".join(parts)


def _signing_in(settings: Settings) -> dict[Who, Signing]:
    roles = {role.name: role for role in settings.roles}
    return {(each.tenant, each.name): (each, written(each.ceiling or roles.get(each.role))) for each in settings.identities}


def _by_hash(settings: Settings) -> dict[str, TokenSettings]:
    return {token.sha256: token for token in settings.tokens}


def _by_name(settings: Settings) -> dict[str, UserSettings]:
    return {user.name: user for user in settings.users}
