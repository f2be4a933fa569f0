"""Dialog information documents (RFC 4235): what lamp keys and consoles are told of somebody's calls.

A document holds all dialogs (``full``) or those that changed (``partial``, §4.1). Each has a version one above the one before (§4.3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import Final

PACKAGE: Final = "dialog"
CONTENT_TYPE: Final = "application/dialog-info+xml"
ANONYMOUS: Final = "sip:anonymous@anonymous.invalid"
"""The party that is not to be told (RFC 3323 §4.1.1.3)."""

_NAMESPACE: Final = "urn:ietf:params:xml:ns:dialog-info"
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class DialogState(StrEnum):
    """Where a dialog is (§3.7.1)."""

    TRYING = "trying"
    PROCEEDING = "proceeding"
    EARLY = "early"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class DialogInfo:
    """One dialog as a watcher may see it."""

    id: str
    """The same in each document, and no other dialog's."""
    state: DialogState
    is_initiator: bool | None = None
    """Whether the watched one began it; None: not told."""
    remote: str = ""
    """URI of the other party; empty: not told."""
    display: str = ""
    """Its name; empty: not told."""


def write(entity: str, version: int, dialogs: Sequence[DialogInfo], *, is_full: bool = True) -> bytes:
    """A document about the calls of ``entity``, a URI."""
    state = "full" if is_full else "partial"
    head = f'<dialog-info xmlns="{_NAMESPACE}" version="{version}" state="{state}" entity="{_text(entity)}">'
    body = "".join(_dialog(dialog, entity) for dialog in dialogs)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{body}</dialog-info>\n'.encode()


def _dialog(dialog: DialogInfo, entity: str) -> str:
    direction = "" if dialog.is_initiator is None else f' direction="{"initiator" if dialog.is_initiator else "recipient"}"'
    parties = _party("local", entity, "") + _party("remote", dialog.remote, dialog.display) if dialog.remote else ""
    return f'<dialog id="{_text(dialog.id)}"{direction}><state>{dialog.state}</state>{parties}</dialog>\n'


def _party(name: str, uri: str, display: str) -> str:
    shown = f' display="{_text(display)}"' if display else ""
    return f'<{name}><identity{shown}>{_text(uri)}</identity><target uri="{_text(uri)}"/></{name}>'


def _text(text: str) -> str:
    """Text for an element or an attribute; what XML cannot hold is left out."""
    return escape(_NOT_XML.sub("", text))
