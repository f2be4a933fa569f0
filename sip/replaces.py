"""Replaces (RFC 3891): which dialog a new INVITE is to take the place of, as a header and inside a Refer-To URI."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from sip.errors import ParseError
from sip.headers import TOKEN
from sip.message import Header, Request
from sip.uri import Uri

LONGEST: Final = 1024
_TAGS: Final = ("to-tag", "from-tag")
_WORD: Final = TOKEN | frozenset('()<>:\\"/[]?{}@')
"""What a Call-ID is made of (RFC 3261 §25.1, ``word``)."""


@dataclass(frozen=True, slots=True)
class Replaces:
    """A dialog as the one who is to give it up knows it."""

    call_id: str
    to_tag: str
    """The tag of whoever receives the INVITE."""
    from_tag: str
    early_only: bool = False
    """Only while it is not answered yet."""

    @property
    def header(self) -> Header:
        """The header of the INVITE that replaces."""
        early = ";early-only" if self.early_only else ""
        return "Replaces", f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"


def parse_replaces(value: str) -> Replaces:
    """Read a Replaces value (§6.1). Raises `ParseError`; two dialogs in one header are an error too, not a list."""
    if len(value) > LONGEST:
        raise ParseError(f"Replaces of {len(value)} characters; at most {LONGEST} are accepted")
    call_id, *parts = (part.strip() for part in value.split(";"))
    found: dict[str, str] = {}
    for part in parts:
        name, _, text = part.partition("=")
        name = name.strip().lower()
        if name in found:
            raise ParseError(f"Replaces with two {name[:20]!r}; expected one")
        found[name] = text.strip()
    if not call_id or not _WORD.issuperset(call_id):
        raise ParseError(f"Replaces without a Call-ID: {value[:60]!r}")
    for name in _TAGS:
        if not found.get(name) or not TOKEN.issuperset(found[name]):
            raise ParseError(f"Replaces without a {name}: {value[:60]!r}")
    return Replaces(call_id, found["to-tag"], found["from-tag"], "early-only" in found)


def replaces_in(request: Request) -> Replaces | None:
    """What an INVITE wants to replace; None where nothing. Raises `ParseError` for several (§3) and for nonsense."""
    return _only(request.values("Replaces"))


def replaces_of(uri: Uri) -> Replaces | None:
    """What the INVITE to this URI shall replace (§4, ``?Replaces=`` escaped); the other headers in the URI are passed over.

    Raises `ParseError`.
    """
    pairs = [pair.partition("=") for pair in uri.headers.split("&")]
    return _only([unquote(value) for name, _, value in pairs if unquote(name).strip().lower() == "replaces"])


def _only(values: Sequence[str]) -> Replaces | None:
    if len(values) > 1:
        raise ParseError("several Replaces; expected one")
    return parse_replaces(values[0]) if values else None
