"""`doctor`: what this machine and this installation give the server, and what they lack.

Each check is a function from the settings to one finding; `CHECKS` lists them. A finding is *good*, *poor* (the server runs, and
something of it does not, or not as well), or *bad* (it will not do what the settings ask).
"""

import json
import os
import platform
import resource
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import typer

from config.loading import load
from config.settings import Settings

SIGNALLING_FILES_A_LEG: Final = 2
WORKER_FILES_A_LEG: Final = 3
OTHER_FILES: Final = 200
"""Open files of a process beside those of its legs."""


class Grade(StrEnum):
    """How good a finding is."""

    GOOD = "good"
    POOR = "poor"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    grade: Grade
    text: str


def doctor(config: Path | None, as_json: bool) -> None:
    """Print every finding; exit code 1 where one is bad."""
    settings = load(config, os.environ)
    findings = [check(settings) for check in CHECKS]
    if as_json:
        print(json.dumps({"ok": is_well(findings), "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            print(f"{finding.grade:<5} {finding.name:<14} {finding.text}")
    if not is_well(findings):
        raise typer.Exit(1)


def is_well(findings: list[Finding]) -> bool:
    """Whether nothing is bad."""
    return all(finding.grade is not Grade.BAD for finding in findings)


def _socket_loop(settings: Settings) -> Finding:
    from rtp.socket_library import load_library

    name = "socket loop"
    try:
        load_library()
    except OSError as problem:
        return Finding(name, Grade.POOR, f"in Python, which carries fewer calls a core ({problem}); with a compiler there, install anew")
    if settings.media.socket_loop == "python":
        return Finding(name, Grade.POOR, 'in Python, as media.socket_loop says; one in C is installed ("auto")')
    return Finding(name, Grade.GOOD, "in C")


def _codecs(settings: Settings) -> Finding:
    from mixer.coders import libopus

    try:
        return Finding("codecs", Grade.GOOD, f"PCMU, PCMA, G722, L16, opus ({libopus.version()})")
    except libopus.OpusUnavailableError as problem:
        grade = Grade.BAD if "opus" in settings.media.codecs else Grade.POOR
        return Finding("codecs", grade, f"PCMU, PCMA, G722, L16; {problem}")


def _srtp(settings: Settings) -> Finding:
    from rtp.srtp import library

    try:
        library.load()
    except library.SrtpError as problem:
        grade = Grade.BAD if settings.media.security in ("prefer", "require") else Grade.POOR
        return Finding("SRTP", grade, str(problem))
    return Finding("SRTP", Grade.GOOD, "libsrtp is there")


def _open_files(settings: Settings) -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    legs = settings.media.rows
    needed = OTHER_FILES + max(SIGNALLING_FILES_A_LEG * legs * settings.media.workers, WORKER_FILES_A_LEG * legs)
    if hard == resource.RLIM_INFINITY or hard >= needed:
        return Finding("open files", Grade.GOOD, f"{'no limit' if hard == resource.RLIM_INFINITY else hard}; {needed} are needed at most")
    return Finding("open files", Grade.POOR, f"{hard} at most, while {needed} are needed for media.rows = {legs}: raise it (ulimit -Hn)")


def _cores(settings: Settings) -> Finding:
    cores, workers = sorted(os.sched_getaffinity(0)), settings.media.workers
    text = f"{len(cores)}, for {workers} media worker{'s' if workers > 1 else ''} and signalling"
    if settings.media.cpu is not None and not set(range(settings.media.cpu, settings.media.cpu + workers)) <= set(cores):
        return Finding("cores", Grade.BAD, f"{text}; media.cpu = {settings.media.cpu} asks for some that are not there")
    return Finding("cores", Grade.GOOD if workers < len(cores) else Grade.POOR, text)


def _system(settings: Settings) -> Finding:
    text = f"Python {platform.python_version()} on {platform.system()} {platform.release()}, {platform.machine()}"
    return Finding("system", Grade.GOOD if platform.system() == "Linux" else Grade.BAD, text)


def _storage(settings: Settings) -> Finding:
    from mediaserver.storage.folder import configured_folder

    name, folder = "storage", configured_folder(settings.storage, os.environ)
    if folder is None:
        return Finding(
            name, Grade.POOR, "what happens goes with the server: set storage.folder (the service manager's STATE_DIRECTORY does)"
        )
    known = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(known, os.W_OK | os.X_OK):
        return Finding(name, Grade.BAD, f"{known} cannot be written here: nobody could supervise")
    where = "PostgreSQL" if settings.storage.url.get_secret_value().startswith("postgresql") else "SQLite"
    return Finding(name, Grade.GOOD, f"{where}, by a journal in {folder}")


def _audit_key(settings: Settings) -> Finding:
    from mediaserver.secrecy.key import FILE_VARIABLE, SecrecyError, key_of

    name = "audit key"
    try:
        if key_of(os.environ) is not None:
            return Finding(name, Grade.GOOD, "the server's key, outside of what it seals")
    except SecrecyError as problem:
        return Finding(name, Grade.BAD, str(problem))
    text = f"beside the audit log that it seals: `mediaserver key` makes one for {FILE_VARIABLE}, to lie elsewhere"
    return Finding(name, Grade.POOR, text)


CHECKS: Final[tuple[Callable[[Settings], Finding], ...]] = (
    *(_system, _socket_loop, _codecs, _srtp, _open_files, _cores),
    *(_storage, _audit_key),
)
"""In the order in which they are told."""
