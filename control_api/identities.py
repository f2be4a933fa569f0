"""From settings to identities: who a token or a SIP user is, and how far he may go."""

from config.settings import CeilingSettings, TokenSettings, UserSettings
from control_api.permissions import Ceiling, Identity, Right
from mixer.modes import Mode


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
    )


def identity_of_user(user: UserSettings) -> Identity:
    """Who a SIP user is once his digest was right; his own contacts are his phones."""
    return Identity(name=user.name, tenant=user.tenant, ceiling=ceiling_of(user.ceiling), user=user.name)
