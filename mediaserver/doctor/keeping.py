"""What is kept: the journal and its disk, the database and its tables, the audit log's key and head, and the console that is served."""

import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import control_api
from config.settings import Settings
from mediaserver.doctor.finding import PATIENCE, Check, Finding, Grade

MEGABYTE: Final = 2**20
SLOW_DISK: Final = 0.1
"""Seconds that bringing a line to the disk may take; the audit log wants it within one."""


def _folder(settings: Settings) -> Path | None:
    # Imported late, as all that one check alone needs.
    from mediaserver.storage.folder import configured_folder

    return configured_folder(settings.storage, os.environ)


def _journal(settings: Settings) -> Finding:
    name, folder = "journal", _folder(settings)
    if folder is None:
        todo = "set storage.folder (the service manager's STATE_DIRECTORY does)"
        return Finding(name, Grade.POOR, "what happens goes with the server", todo)
    known = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        seconds = written_within(known)
    except OSError as problem:
        text = f"{known} cannot be written ({(problem.strerror or str(problem)).lower()}): nobody could supervise"
        return Finding(name, Grade.BAD, text, "give it to the user that the server runs as, on a disk that is not full")
    free, wanted = shutil.disk_usage(known).free // MEGABYTE, settings.storage.journal_megabytes
    text = f"{folder}, {free} MB free, a line on disk in {seconds * 1000:.1f} ms"
    if free < wanted:
        todo = f"make room: storage.journal_megabytes = {wanted} are needed while the database is away"
        return Finding(name, Grade.POOR, text, todo)
    if seconds > SLOW_DISK:
        return Finding(name, Grade.POOR, text, "set storage.folder to a faster disk")
    return Finding(name, Grade.GOOD, text)


def written_within(folder: Path) -> float:
    """Seconds in which a line comes to the disk here; nothing is left of it. Raises OSError."""
    with tempfile.TemporaryFile(dir=folder) as file:
        began = time.perf_counter()
        file.write(b"doctor\n")
        file.flush()
        os.fsync(file.fileno())
        return time.perf_counter() - began


def _database(settings: Settings) -> Finding:
    from mediaserver.storage.database import PROBLEMS, Database
    from mediaserver.storage.folder import Places

    name, folder, url = "database", _folder(settings), settings.storage.url.get_secret_value()
    if not url and (folder is None or not Places(folder).database.exists()):
        return Finding(name, Grade.GOOD, "SQLite, made when the server first starts")
    database = Database(Places(folder or Path()).url(settings.storage))

    async def ask() -> tuple[str | None, str]:
        try:
            async with asyncio.timeout(PATIENCE):
                return await database.steps()
        finally:
            await database.close()

    try:
        at, newest = asyncio.run(ask())
    except PROBLEMS as problem:
        reason = (str(problem) or "no answer in time").splitlines()[0]
        todo = "start it, and see to storage.url; meanwhile the journal grows"
        return Finding(name, Grade.BAD, f"{database.name}: {reason}", todo)
    if at is not None and at > newest:
        todo = "run that version, or restore what was saved before it"
        return Finding(name, Grade.BAD, f"{database.name}: tables of a newer version ({at}; this one knows {newest})", todo)
    text = "its tables are made" if at is None else "its tables are right" if at == newest else f"tables go from {at} to {newest}"
    return Finding(name, Grade.GOOD, f"{database.name}; {text}{'' if at == newest else ' when the server starts'}")


def _audit_key(settings: Settings) -> Finding:
    from mediaserver.secrecy.key import FILE_VARIABLE, SecrecyError, key_of

    name, todo = "audit key", f"`mediaserver key` makes one for {FILE_VARIABLE}, to lie elsewhere"
    try:
        if key_of(os.environ) is not None:
            return Finding(name, Grade.GOOD, "the server's key, outside of what it seals")
    except SecrecyError as problem:
        return Finding(name, Grade.BAD, str(problem), todo)
    return Finding(name, Grade.POOR, "beside the audit log that it seals", todo)


def _audit_head(settings: Settings) -> tuple[Finding, ...]:
    head = settings.audit.head
    if not head:
        return ()
    folder = Path(head).parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        text = f"{head} cannot be written here"
        return (Finding("audit head", Grade.POOR, text, "make its folder, for the user that the server runs as"),)
    return (Finding("audit head", Grade.GOOD, f"{head}"),)


def _crashes(settings: Settings) -> tuple[Finding, ...]:
    from mediaserver.signalling.journal import journal_folder

    if not settings.journal.enabled:
        return ()
    if journal_folder(settings.journal, os.environ) is None:
        text, todo = "calls that a crash leaves behind stand until the phones notice", "set journal.folder"
        return (Finding("dialogs", Grade.POOR, text, todo),)
    return (Finding("dialogs", Grade.GOOD, "those that a crash leaves behind are ended at the next start"),)


def _console(_: Settings) -> Finding:
    built = Path(str(control_api.__file__)).parent / "static" / "index.html"
    if built.exists():
        return Finding("console", Grade.GOOD, "built")
    return Finding("console", Grade.POOR, "not built: the page of supervisors is not served", "make console (Node 20.19 or newer)")


CHECKS: Final[tuple[Check, ...]] = (_journal, _database, _audit_key, _audit_head, _crashes, _console)
