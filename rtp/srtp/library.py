"""libsrtp: the one that pylibsrtp brings along, else the system's. Found once, by name of its functions; nothing of it is compiled here.

Called with the GIL held: a call takes about a microsecond, and letting go of the GIL would cost as much.
"""

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from ctypes.util import find_library
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Final

from rtp.srtp.suites import SUITES

OK: Final = 0
"""libsrtp's status of what succeeded."""
SPECIFIC_SSRC: Final = 1
"""A policy for one SSRC."""
_MAJOR: Final = 2
_POINTER: Final = ctypes.c_void_p


class SrtpError(Exception):
    """libsrtp is not there, or does not take what it is given."""


class CryptoPolicy(ctypes.Structure):
    """``srtp_crypto_policy_t``."""

    _fields_ = (
        ("cipher_type", ctypes.c_uint32),
        ("cipher_key_len", ctypes.c_int),
        ("auth_type", ctypes.c_uint32),
        ("auth_key_len", ctypes.c_int),
        ("auth_tag_len", ctypes.c_int),
        ("services", ctypes.c_int),
    )


class Policy(ctypes.Structure):
    """``srtp_policy_t``."""

    _fields_ = (
        ("ssrc_type", ctypes.c_int),
        ("ssrc", ctypes.c_uint32),
        ("rtp", CryptoPolicy),
        ("rtcp", CryptoPolicy),
        ("key", ctypes.c_char_p),
        ("keys", _POINTER),
        ("key_count", ctypes.c_ulong),
        ("deprecated", _POINTER),
        ("window_size", ctypes.c_ulong),
        ("allow_repeat", ctypes.c_int),
        ("encrypted_extensions", _POINTER),
        ("encrypted_extension_count", ctypes.c_int),
        ("next", _POINTER),
    )


@lru_cache(maxsize=1)
def load() -> ctypes.PyDLL:
    """The library, ready for use; `SrtpError` where there is none that has all suites."""
    problems = []
    for path, is_begun in _places():
        try:
            return _prepared(ctypes.PyDLL(path), is_begun=is_begun)
        except (OSError, AttributeError, SrtpError) as problem:
            problems.append(f"{path}: {problem}")
    raise SrtpError("no libsrtp: " + ("; ".join(problems) or "neither pylibsrtp nor a system library is installed"))


def is_available() -> bool:
    """Whether packets can be secured here."""
    try:
        load()
    except SrtpError:
        return False
    return True


def version() -> str:
    """What the library calls itself."""
    told: bytes = load().srtp_get_version_string()
    return told.decode("ascii", "replace")


def check(status: int, what: str) -> None:
    """`SrtpError` where libsrtp did not do what was asked."""
    if status != OK:
        raise SrtpError(f"libsrtp: {what} failed with status {status}")


def _places() -> Iterator[tuple[str, bool]]:
    """Where a library may be, and whether it was begun already: it cannot be begun twice, and pylibsrtp does it when it is imported."""
    with suppress(ImportError):
        brought = import_module("pylibsrtp")
        for folder in brought.__path__:
            yield from ((str(path), True) for path in sorted(Path(folder).glob("_binding*.so")))
    system = find_library("srtp2")
    if system is not None:
        yield system, False


def _prepared(library: ctypes.PyDLL, *, is_begun: bool) -> ctypes.PyDLL:
    """Say how its functions are called, let it begin with its own tests, and try that each suite is built in."""
    library.srtp_get_version_string.restype = ctypes.c_char_p
    if library.srtp_get_version() >> 24 != _MAJOR:
        raise SrtpError(f"version {_MAJOR} is wanted")
    for name in ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp"):
        getattr(library, name).argtypes = [_POINTER, _POINTER, _POINTER]
    library.srtp_create.argtypes = [ctypes.POINTER(_POINTER), ctypes.POINTER(Policy)]
    library.srtp_add_stream.argtypes = [_POINTER, ctypes.POINTER(Policy)]
    library.srtp_remove_stream.argtypes = [_POINTER, ctypes.c_uint32]
    library.srtp_set_stream_roc.argtypes = [_POINTER, ctypes.c_uint32, ctypes.c_uint32]
    library.srtp_get_stream_roc.argtypes = [_POINTER, ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32)]
    library.srtp_dealloc.argtypes = [_POINTER]
    if not is_begun:
        check(library.srtp_init(), "its own test")
    session = _POINTER()
    check(library.srtp_create(ctypes.byref(session), None), "a session")
    for number, suite in enumerate(SUITES, start=1):
        policy = policy_for(library, suite.packets, suite.reports, bytes(suite.key_bytes), number)
        check(library.srtp_add_stream(session, ctypes.byref(policy)), suite.name)
    check(library.srtp_dealloc(session), "the end of a session")
    return library


def policy_for(library: ctypes.PyDLL, packets: str, reports: str, key: bytes, ssrc: int) -> Policy:
    """libsrtp's policy for one stream; the key is to stay where it is until it was taken."""
    policy = Policy(ssrc_type=SPECIFIC_SSRC, ssrc=ssrc, key=key, window_size=WINDOW, allow_repeat=0)
    getattr(library, packets)(ctypes.byref(policy, Policy.rtp.offset))
    getattr(library, reports)(ctypes.byref(policy, Policy.rtcp.offset))
    return policy


WINDOW: Final = 128
"""Packets behind the newest that libsrtp tells from repeated ones."""
