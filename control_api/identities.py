"""From settings to identities: who a token or a SIP user is, and how far he may go."""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import TypeVar

from config.identities import IdentitySettings, RoleSettings
from config.settings import CeilingSettings, TokenSettings, UserSettings
from control_api.permissions import Ceiling, Identity, Right
from control_api.standing import Standing
from mixer.modes import Mode

Key = TypeVar("Key", bound=Hashable)


def ceiling_of(settings: CeilingSettings | None) -> Ceiling:
    """The ceiling; None covers nobody and permits nothing."""
    if settings is None:
        return Ceiling()
    return Ceiling(
        agents=frozenset(settings.agents),
        teams=frozenset(settings.teams),
        mode=None if settings.mode is None else Mode(settings.mode),
        rights=frozenset(map(Right, settings.rights)),
    )


def identity_of_token(token: TokenSettings) -> Identity:
    """Who comes with this token."""
    return Identity(
        name=token.identity,
        tenant=token.tenant,
        ceiling=ceiling_of(token.ceiling),
        user=token.user or None,
        numbers=frozenset(token.numbers),
        standing=Standing(f"token:{token.sha256[:8]}"),
    )


def identity_of_user(user: UserSettings) -> Identity:
    """Who a SIP user is once his digest was right; his own contacts are his phones."""
    return Identity(
        name=user.name, tenant=user.tenant, ceiling=ceiling_of(user.ceiling), user=user.name, standing=Standing(f"user:{user.name}")
    )


def identity_of_settings(settings: IdentitySettings, roles: Mapping[str, RoleSettings]) -> Identity:
    """Who signs in under this name."""
    return Identity(
        name=settings.name,
        tenant=settings.tenant,
        ceiling=ceiling_of(roles[settings.role] if settings.role else settings.ceiling),
        user=settings.user or None,
        numbers=frozenset(settings.numbers),
        standing=Standing(f"identity:{settings.name}"),
    )


def carry_on(before: Mapping[Key, Identity], now: Mapping[Key, Identity]) -> dict[Key, Identity]:
    """Those of now, who are who they were: what was taken away or made less is withdrawn, so that nobody goes on beyond his ceiling."""
    kept: dict[Key, Identity] = {}
    for key, identity in now.items():
        old = before.get(key)
        is_kept = old is not None and (old.name, old.tenant) == (identity.name, identity.tenant) and identity.ceiling.includes(old.ceiling)
        kept[key] = replace(identity, standing=old.standing) if old is not None and is_kept else identity
    for key, old in before.items():
        if key not in kept or kept[key].standing is not old.standing:
            old.standing.withdraw()
    return kept
