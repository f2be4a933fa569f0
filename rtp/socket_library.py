"""The compiled socket loop as a library: where it lies, whether it is this version's, what its functions take. Free of numpy.

What it does stands in `rtp.loops`.
"""

import ctypes
from functools import lru_cache
from pathlib import Path
from typing import Final

LIBRARY: Final = Path(__file__).with_name("_socket_loop.so")
"""Where the installation puts it."""
VERSION: Final = 4
"""What it must say that it is, so that an old one is not taken for the present one."""


class CLines(ctypes.Structure):
    """``struct lines``."""

    _fields_ = (
        ("bytes", ctypes.c_void_p),
        ("width", ctypes.c_int64),
        ("count", ctypes.c_int64),
        ("lengths", ctypes.c_void_p),
        ("rows", ctypes.c_void_p),
    )


class CCounters(ctypes.Structure):
    """``struct counters``."""

    _fields_ = (("receive_errors", ctypes.c_void_p), ("send_errors", ctypes.c_void_p), ("empty", ctypes.c_void_p))


def is_compiled() -> bool:
    """Whether a compiled loop of this version is installed."""
    try:
        load_library()
    except OSError:
        return False
    return True


@lru_cache(maxsize=1)
def load_library() -> ctypes.CDLL:
    """The library; `OSError` where there is none, or one of another version."""
    library = ctypes.CDLL(str(LIBRARY))
    if library.socket_loop_version() != VERSION:
        raise OSError(f"{LIBRARY} is another version's; install anew")
    lines, counters, seconds = ctypes.POINTER(CLines), ctypes.POINTER(CCounters), ctypes.POINTER(ctypes.c_double)
    library.socket_loop_watch.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_uint32]
    library.socket_loop_receive.argtypes = [ctypes.c_int, lines, ctypes.c_int64, ctypes.c_void_p, counters, seconds]
    library.socket_loop_receive.restype = ctypes.c_int64
    library.socket_loop_send.argtypes = [lines, ctypes.c_int64, ctypes.c_void_p, counters]
    library.socket_loop_send.restype = None
    return library
