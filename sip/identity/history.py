"""The addresses that a call was sent to on its way: History-Info (RFC 7044), kept from one leg to the next with our own hop added.

As with diversions, users and reasons are kept, and hosts are not. An entry that is marked private goes on without its user
(§10.1.2), so that the indices stay whole.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from sip.errors import ParseError, SipError
from sip.headers import parse_address
from sip.identity.privacy import ANONYMOUS_URI
from sip.message import Header, Message
from sip.telephone import number_of
from sip.uri import Uri

MOST: Final = 20
"""Entries that are kept; more are none of a call's history."""
LONGEST: Final = 64
"""Characters of a user, of an index, and of a reason."""
_INDEX: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})*")
_REASON: Final = re.compile(r"(?:^|&)Reason=([A-Za-z0-9%._~+-]{1,64})(?:&|$)", re.IGNORECASE)
_PRIVATE: Final = re.compile(r"(?:^|&)Privacy=[^&]*history", re.IGNORECASE)
_CHANGES: Final = ("rc", "mp", "np")


@dataclass(frozen=True, slots=True)
class Entry:
    """One address that the call was for."""

    number: str
    """Empty: private."""
    index: str
    """``1``, ``1.1``: the entry's place in the tree of retargetings (§10.3)."""
    reason: str = ""
    """The escaped Reason that it was left for, as it stands in the URI."""
    change: str = ""
    """``rc=1``, ``mp=1``, ``np=1``: how it came from which entry."""


def history_in(message: Message) -> tuple[Entry, ...]:
    """The history of a request in its order; none where it is too long, or an entry cannot be read: half a tree tells nothing."""
    values = message.readable_items("History-Info")
    if len(values) > MOST:
        return ()
    found = []
    for value in values:
        try:
            found.append(_read(value))
        except SipError:
            return ()
    return tuple(found)


def went_on(history: tuple[Entry, ...], called: str, target: str) -> tuple[Entry, ...]:
    """The history with this hop: the address that we were called by, and the one that we send the call to (§7.2, §7.3)."""
    known = history if history and history[-1].number == called else _with_request(history, called)
    last = known[-1]
    change = "rc" if last.number == target else "mp"
    return (*known, Entry(target, f"{last.index}.1", change=f"{change}={last.index}"))[-MOST:]


def without_users(history: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The same tree with nobody in it."""
    return tuple(replace(entry, number="") for entry in history)


def history_header(entry: Entry, host: str) -> Header:
    """One entry as we write it, under our own host."""
    uri = str(Uri("sip", entry.number, host)) if entry.number else ANONYMOUS_URI
    reason = f"?Reason={entry.reason}" if entry.reason else ""
    change = f";{entry.change}" if entry.change else ""
    return "History-Info", f"<{uri}{reason}>;index={entry.index}{change}"


def _with_request(history: tuple[Entry, ...], called: str) -> tuple[Entry, ...]:
    index = f"{history[-1].index}.1" if history else "1"
    return (*history, Entry(called, index))


def _read(value: str) -> Entry:
    """Raises `SipError`."""
    address = parse_address(value)
    uri = Uri.parse(address.uri)
    index = address.parameters.get("index") or ""
    if not _INDEX.fullmatch(index) or len(index) > LONGEST:
        raise ParseError(f"index {index[:20]!r}; expected numbers and dots")
    number = number_of(uri)
    reason = _REASON.search(uri.headers)
    changes = [
        f"{name}={source}" for name in _CHANGES if _INDEX.fullmatch(source := address.parameters.get(name) or "") and len(source) <= LONGEST
    ]
    is_private = bool(_PRIVATE.search(uri.headers)) or len(number) > LONGEST
    return Entry("" if is_private else number, index, reason[1] if reason else "", changes[0] if changes else "")
