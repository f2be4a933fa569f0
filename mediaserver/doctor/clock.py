"""The clocks: whether the time of day is kept right by somebody, and what the steady clock is made of."""

import ctypes
import os
import time
from pathlib import Path
from typing import Final

from config.settings import Settings
from mediaserver.doctor.finding import Check, Finding, Grade

WORST_OFFSET: Final = 1.0
"""Seconds that the time of day may be off: tokens, logs and the audit log name it."""
SLOWEST_CLOCK: Final = 2e-6
"""Seconds that a look at the steady clock may take; a media turn makes several."""
LOOKS: Final = 1000
SOURCE: Final = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_UNSYNCHRONISED: Final = 0x0040
"""STA_UNSYNC of adjtimex(2)."""
_NANOSECONDS: Final = 0x2000
_UNREADABLE: Final = -1


class Adjustment(ctypes.Structure):
    """The beginning of ``struct timex`` (adjtimex(2)), and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("largest_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernels_word() -> Adjustment:
    """How the kernel's clock is kept. Raises OSError."""
    asked = Adjustment()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(asked)) == _UNREADABLE:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return asked


def _time_of_day(_: Settings) -> Finding:
    name, todo = "time of day", "run chrony or systemd-timesyncd (timedatectl set-ntp true), in a container on its host"
    try:
        word = kernels_word()
    except OSError as problem:
        return Finding(name, Grade.POOR, f"the kernel does not tell how it is kept ({problem})", todo)
    if word.status & _UNSYNCHRONISED:
        return Finding(name, Grade.POOR, "nobody keeps it right: tokens, logs and the audit log go by it", todo)
    offset = word.offset / (1e9 if word.status & _NANOSECONDS else 1e6)
    if abs(offset) > WORST_OFFSET:
        return Finding(name, Grade.POOR, f"{offset:+.3f} s off", todo)
    return Finding(name, Grade.GOOD, f"kept right, {offset * 1000:+.1f} ms off, at most {word.largest_error / 1000:.0f} ms")


def _steady_clock(_: Settings) -> Finding:
    began = time.perf_counter()
    seen = [time.monotonic() for _ in range(LOOKS)]
    cost = (time.perf_counter() - began) / LOOKS
    source = SOURCE.read_text(encoding="ascii").strip() if SOURCE.exists() else "unknown"
    text = f"{source}, {cost * 1e9:.0f} ns a look"
    if seen != sorted(seen):
        return Finding("steady clock", Grade.BAD, f"{source} goes backwards", "boot with another clocksource=")
    if cost > SLOWEST_CLOCK:
        return Finding("steady clock", Grade.POOR, text, "boot with clocksource=tsc, or kvm-clock in a virtual machine")
    return Finding("steady clock", Grade.GOOD, text)


CHECKS: Final[tuple[Check, ...]] = (_time_of_day, _steady_clock)
