"""Settings read anew while calls go on (SIGHUP): who calls from where, whither, and who may supervise.

What stands in `TAKEN` is taken, all of it or, where something is wrong, nothing. Calls that stand are not touched: they keep what
was decided when they began. A trunk whose settings changed registers anew and is watched anew, one that is gone ends its
registration, and the others go on as they are. Anything else that changed waits for a restart, and the log names it.

Settings that name nobody and lead nowhere, where those before did, are no wish but a file that is empty or half written: they change
nothing. Who means it restarts.
"""

from collections.abc import Callable
from typing import Final

import structlog

from config.errors import ConfigError, Problem
from config.settings import Settings
from control_api.signing_in.office import Office
from control_api.tokens import TokenStore
from mediaserver.secrecy.key import SecrecyError
from mediaserver.signalling.desk.changes import changes
from mediaserver.signalling.entering.identities import ConfiguredUsers
from mediaserver.signalling.house import House
from mediaserver.signalling.routing.routes import Router
from mediaserver.signalling.trunks.places import addresses_of

TAKEN: Final = ("trunks", "routes", "agents", "users", "tokens", "roles", "identities", "issuers", "policies", "limits", "transfers")

HOUSE: Final = ("trunks", "routes", "agents", "users", "tokens", "identities", "issuers")
"""Sections of which a house has at least one: who calls, whither, and who supervises."""

_log = structlog.get_logger(__name__)


class Reloading:
    """Takes new settings for the parts of the house that can change under way."""

    def __init__(
        self,
        house: House,
        users: ConfiguredUsers,
        tokens: TokenStore,
        office: Office,
        read: Callable[[], Settings],
        beside: Callable[[Settings], Settings] = lambda settings: settings,
    ) -> None:
        """``read`` gives the settings as they are written now, or raises `ConfigError`; ``beside`` those that can be used, with what is
        kept elsewhere."""
        self._house = house
        self._users = users
        self._tokens = tokens
        self._office = office
        self._read = read
        self._beside = beside
        self._configured = house.settings
        """What was read last; ``house.settings`` have what is kept elsewhere too."""

    def reload(self) -> bool:
        """Take what is written now; False, and a line in the log, where it cannot be used or nothing changed."""
        try:
            written = self._read()
            _check_house(written, self._configured)
            users = self._users.read(written)
            self._configured, written = written, self._beside(written)
        except (ConfigError, SecrecyError) as error:
            self._house.counters.add("settings", "refused")
            _log.error("settings.refused", problem=str(error))
            return False
        before = self._house.settings
        changed = [name for name in type(written).model_fields if getattr(written, name) != getattr(before, name)]
        if waiting := [name for name in changed if name not in TAKEN]:
            _log.warning("settings.need_restart", sections=waiting)
        if taken := [name for name in changed if name in TAKEN]:
            settings = before.model_copy(update={name: getattr(written, name) for name in taken})
            for kind, detail in changes(before, settings):
                self._house.recorder.changed(kind, None, detail)
            self._users.take(users)
            self._take(settings)
            self._house.counters.add("settings", "reloaded")
            _log.info("settings.reloaded", sections=taken)
        return bool(taken)

    def _take(self, settings: Settings) -> None:
        house = self._house
        house.router = Router(settings)
        house.take(settings)
        house.agent.trust(*(address for trunk in settings.trunks for address in addresses_of(trunk)))
        house.trunks.take(settings.trunks)
        self._tokens.take(settings.tokens)
        self._office.take(settings)
        house.settle()


def _check_house(written: Settings, before: Settings) -> None:
    """Raise `ConfigError` for settings without any house, where there is one."""
    if any(getattr(before, name) for name in HOUSE) and not any(getattr(written, name) for name in HOUSE):
        text = "the settings have none of them; is the file empty, or half written? Whoever means it restarts the server"
        raise ConfigError((Problem("settings", ", ".join(HOUSE), text),))
