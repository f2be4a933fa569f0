"""Where what is kept lies on disk."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.storage import AuditSettings, StorageSettings

URL_VARIABLE: Final = "MEDIASERVER_STORAGE_URL"
"""By which processes of ours are told the database: in the environment, since it may hold a password."""


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one server's storage."""

    folder: Path

    @property
    def journal(self) -> Path:
        """The folder of the journal's segments."""
        return self.folder / "journal"

    @property
    def database(self) -> Path:
        """The embedded database, where no other is configured."""
        return self.folder / "mediaserver.sqlite"

    @property
    def head(self) -> Path:
        """The audit log's signed head, where no other place is configured."""
        return self.folder / "audit-head"

    def head_at(self, settings: AuditSettings) -> Path:
        """The head's file, as configured or here."""
        return Path(settings.head) if settings.head else self.head

    @property
    def key(self) -> Path:
        """A key of the audit log's own, where the server has none."""
        return self.folder / "audit-key"

    @property
    def outbox(self) -> Path:
        """The folder of what webhooks are still to be told."""
        return self.folder / "outbox"

    @property
    def policies(self) -> Path:
        """The policies that were last read from the database, for a start while it is away."""
        return self.folder / "policies.json"

    @property
    def status(self) -> Path:
        """How far the journal is in the database."""
        return self.folder / "status"

    def url(self, settings: StorageSettings) -> str:
        """The database's, as SQLAlchemy wants it."""
        configured = settings.url.get_secret_value()
        for scheme, driver in (("postgresql://", "postgresql+asyncpg://"), ("sqlite://", "sqlite+aiosqlite://")):
            if configured.startswith(scheme):
                return driver + configured.removeprefix(scheme)
        return configured or f"sqlite+aiosqlite:///{self.database}"


def configured_folder(settings: StorageSettings, environment: Mapping[str, str]) -> Path | None:
    """The folder that the settings or the service manager name; None where neither does."""
    if settings.folder:
        return Path(settings.folder)
    state = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(state) / "storage" if state else None


class StorageFolder:
    """The folder for the life of a server: one that stays, or a temporary one that goes with it."""

    def __init__(self, settings: StorageSettings, environment: Mapping[str, str]) -> None:
        configured = configured_folder(settings, environment)
        self._temporary = (
            None if configured is not None else tempfile.TemporaryDirectory(prefix="mediaserver-storage-", ignore_cleanup_errors=True)
        )
        self.places = Places(configured if configured is not None else Path(self._temporary.name if self._temporary else ""))

    @property
    def is_temporary(self) -> bool:
        """Whether all of it is gone when the server ends."""
        return self._temporary is not None

    def close(self) -> None:
        """The server ends."""
        if self._temporary is not None:
            self._temporary.cleanup()
