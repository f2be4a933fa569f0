"""Who is kept out for wrong passwords, shown to administrators and let in again."""

from typing import Any

import structlog

from control_api.permissions import Identity, Refusal, Right, check_right
from mediaserver.signalling.entering.identities import UserRepository
from mediaserver.signalling.house import House

_log = structlog.get_logger(__name__)


class Bans:
    """The guard's bans as the API has them. A user of another tenant is nobody's business."""

    def __init__(self, house: House, users: UserRepository) -> None:
        self._house = house
        self._users = users

    def listed(self, identity: Identity) -> list[dict[str, Any]]:
        """`control_api.access_models.BanModel` fields, the newest last. Raises `Refusal` without the right `admin`."""
        check_right(identity, Right.ADMIN)
        now = self._house.clock()
        return [
            {"source": ban.source, "user": ban.user, "seconds": round(ban.until - now, 1)}
            for ban in self._house.agent.bans(now)
            if self._may_see(identity, ban.user)
        ]

    def lift(self, identity: Identity, source: str, user: str) -> None:
        """Let somebody in again. Raises `Refusal`."""
        check_right(identity, Right.ADMIN)
        if not self._may_see(identity, user) or not self._house.agent.lift_ban(source, user):
            raise Refusal("not_found", f"{user or source} is not kept out", "bans shows who is")
        _log.info("ban.lifted", source=source, user=user, identity=identity.name)

    def _may_see(self, identity: Identity, user: str) -> bool:
        found = self._users.get(user) if user else None
        return found is None or found.tenant == identity.tenant
