"""The books of one server: journal, ledger, recorder, and the process that brings the journal into the database. Opened before the first
call, closed after the last one."""

import os
import time
from collections.abc import Callable, Iterator, Mapping

import structlog

from config.settings import Settings
from mediaserver.audit.keeper import LOOK as KEEPER_LOOK
from mediaserver.audit.keeper import Keeper
from mediaserver.audit.keys import audit_key
from mediaserver.audit.ledger import Ledger
from mediaserver.observing.counters import Counters
from mediaserver.secrecy.key import Key
from mediaserver.signalling.desk.recording import Recorder
from mediaserver.storage.asking import Asking
from mediaserver.storage.folder import StorageFolder
from mediaserver.storage.journal import Journal
from mediaserver.storage.launching import LOOK as PROCESS_LOOK
from mediaserver.storage.launching import StorageProcess
from mediaserver.storage.notebook import Notebook

_log = structlog.get_logger(__name__)

_MEGABYTE = 1_000_000


class Bookkeeping:
    """All of it, made once."""

    def __init__(self, settings: Settings, server_key: Key | None, environment: Mapping[str, str], counters: Counters) -> None:
        """Raises `SecrecyError` where there is no key and none can be made."""
        storage = settings.storage
        self._folder = StorageFolder(storage, environment)
        places = self._folder.places
        key = audit_key(server_key, places.key)
        self.journal = Journal(places.journal, storage.journal_megabytes * _MEGABYTE, counters)
        self.ledger = Ledger(self.journal, key, os.urandom(8).hex())
        self.keeper = Keeper(self.journal, self.ledger, key, settings.audit, places.head_at(settings.audit), counters)
        self.process = StorageProcess(places, places.url(storage), counters, is_temporary=self._folder.is_temporary)
        self.outbox = places.outbox
        """The folder of what webhooks are still to be told."""
        self.notebook = Notebook(self.journal, os.urandom, time.time)
        self.asking = Asking(places, places.url(storage), counters)
        self.is_shared = bool(storage.url.get_secret_value())
        """Other servers may use the database too."""
        self.has_database = self.is_shared or places.database.exists()
        """Something may be in it already."""
        self.recorder = Recorder(self.ledger, self.journal.hold)

    def open(self) -> None:
        """Go on where the life before ended. A journal that cannot be had yet is tried again; nobody supervises until then."""
        is_open = self.keeper.open()
        _log.info("storage.opened", folder=str(self._folder.places.folder), usable=is_open, temporary=self._folder.is_temporary)

    def beats(self) -> Iterator[tuple[str, float, Callable[[], None]]]:
        """What is to be done again and again: its name, how often, and what."""
        yield "audit", KEEPER_LOOK, self.keeper.look
        yield "storage", PROCESS_LOOK, self.process.look

    def close(self) -> None:
        """The server has ended its calls."""
        self.asking.close()
        self.keeper.close()
        self.process.close()
        self._folder.close()
