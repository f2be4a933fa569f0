"""What a server keeps, opened where it lies: its folder, its database and the keys of its audit log."""

import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from config.loading import load
from config.settings import Settings
from mediaserver.audit.entry import AuditKey
from mediaserver.audit.keys import kept_key
from mediaserver.audit.reading import Log
from mediaserver.secrecy.key import key_of, read_key
from mediaserver.storage.database import Database
from mediaserver.storage.folder import Places, configured_folder


@dataclass(frozen=True, slots=True)
class Kept:
    """One server's storage."""

    settings: Settings
    places: Places

    @property
    def head(self) -> Path:
        """Where the server writes its signed head."""
        return self.places.head_at(self.settings.audit)

    def keys(self, files: Iterable[Path]) -> list[AuditKey]:
        """The keys that are at hand: the environment's, the folder's own, and those of files. Raises `SecrecyError`."""
        server_key, own = key_of(os.environ), kept_key(self.places.key)
        given = [AuditKey.of(read_key(path.read_text(encoding="ascii", errors="replace"), str(path))) for path in files]
        return [*([AuditKey.of(server_key)] if server_key else []), *([own] if own else []), *given]

    @asynccontextmanager
    async def log(self) -> AsyncIterator[Log]:
        """The audit log, from the journal and the database."""
        if not self.settings.storage.url.get_secret_value() and not self.places.database.exists():
            yield Log(self.places.journal, None)  # nothing came into it yet, and to look must not make it
            return
        database = Database(self.places.url(self.settings.storage))
        try:
            yield Log(self.places.journal, database)
        except SQLAlchemyError as error:
            raise OSError(f"database {database.name}: {str(error).splitlines()[0]}") from None
        finally:
            await database.close()


def open_kept(config: Path | None, folder: Path | None) -> Kept:
    """As configured, or in this folder. Raises `ConfigError`, and ValueError where neither says where."""
    settings = load(config, os.environ)
    found = folder if folder is not None else configured_folder(settings.storage, os.environ)
    if found is None:
        raise ValueError("nothing says where the server keeps what happened: give --folder (its log tells it), or storage.folder")
    if not found.is_dir():
        raise ValueError(f"{found}: no such folder")
    return Kept(settings, Places(found))
