"""What the machine and the installation give: the system, cores, open files, the libraries for sound."""

import os
import platform
import resource
from typing import Final

from config.settings import Settings
from mediaserver.doctor.finding import Check, Finding, Grade

SIGNALLING_FILES_A_LEG: Final = 2
WORKER_FILES_A_LEG: Final = 3
OTHER_FILES: Final = 200
"""Open files of a process beside those of its legs."""


def _socket_loop(settings: Settings) -> Finding:
    from rtp.socket_library import load_library

    name = "socket loop"
    try:
        load_library()
    except OSError as problem:
        return Finding(name, Grade.POOR, f"in Python, which carries fewer calls a core ({problem})", "with a compiler there, install anew")
    if settings.media.socket_loop == "python":
        return Finding(name, Grade.POOR, "in Python, as media.socket_loop says; one in C is installed", 'media.socket_loop = "auto"')
    return Finding(name, Grade.GOOD, "in C")


def _codecs(settings: Settings) -> Finding:
    from mixer.coders import libopus

    try:
        return Finding("codecs", Grade.GOOD, f"PCMU, PCMA, G722, L16, opus ({libopus.version()})")
    except libopus.OpusUnavailableError as problem:
        grade = Grade.BAD if "opus" in settings.media.codecs else Grade.POOR
        return Finding(
            "codecs", grade, f"PCMU, PCMA, G722, L16; {problem}", "install the package libopus0, or take opus out of media.codecs"
        )


def _srtp(settings: Settings) -> Finding:
    from rtp.srtp import library

    try:
        library.load()
    except library.SrtpError as problem:
        grade = Grade.BAD if settings.media.security in ("prefer", "require") else Grade.POOR
        return Finding("SRTP", grade, str(problem), 'install the package libsrtp2-1, or set media.security = "off"')
    return Finding("SRTP", Grade.GOOD, "libsrtp is there")


def _open_files(settings: Settings) -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    legs = settings.media.rows
    needed = OTHER_FILES + max(SIGNALLING_FILES_A_LEG * legs * settings.media.workers, WORKER_FILES_A_LEG * legs)
    if hard == resource.RLIM_INFINITY or hard >= needed:
        return Finding("open files", Grade.GOOD, f"{'no limit' if hard == resource.RLIM_INFINITY else hard}; {needed} are needed at most")
    return Finding(
        "open files", Grade.POOR, f"{hard} at most, while {needed} are needed for media.rows = {legs}", "LimitNOFILE=, ulimit -Hn"
    )


def _cores(settings: Settings) -> Finding:
    cores, workers = sorted(os.sched_getaffinity(0)), settings.media.workers
    text = f"{len(cores)}, for {workers} media worker{'s' if workers > 1 else ''} and signalling"
    if settings.media.cpu is not None and not set(range(settings.media.cpu, settings.media.cpu + workers)) <= set(cores):
        return Finding("cores", Grade.BAD, f"{text}; media.cpu = {settings.media.cpu} asks for some that are not there", "set media.cpu")
    if workers >= len(cores):
        return Finding("cores", Grade.POOR, text, "leave one to signalling: fewer media.workers, or more cores")
    return Finding("cores", Grade.GOOD, text)


def _system(settings: Settings) -> Finding:
    text = f"Python {platform.python_version()} on {platform.system()} {platform.release()}, {platform.machine()}"
    if platform.system() != "Linux":
        return Finding("system", Grade.BAD, text, "the server runs on Linux")
    return Finding("system", Grade.GOOD, text)


CHECKS: Final[tuple[Check, ...]] = (_system, _cores, _open_files, _socket_loop, _codecs, _srtp)
