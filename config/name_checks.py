"""How the server calls itself, and what may stand where a peer's digits are filled in: texts that go into messages as they are."""

import re
from collections.abc import Iterator
from typing import Final

from config.findings import Finding, is_address
from config.schema import Path
from config.settings import Settings

HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?", re.ASCII)
REALM: Final = re.compile(r'[^"\\\x00-\x1f\x7f-\x9f]{1,128}')
PLACEHOLDER: Final = re.compile(r"\{(\w*)\}")


def check_names(settings: Settings) -> Iterator[Finding]:
    """The names of ours that peers are told, or know us by."""
    sip = settings.sip
    if not REALM.fullmatch(sip.realm):
        yield ("sip", "realm"), f"must be 1 to 128 printable characters without quotes and backslashes, not {sip.realm!r}"
    named: list[tuple[Path, str]] = [(("sip", "domains", index), name) for index, name in enumerate(sip.domains)]
    named += [
        (path, name) for path, name in ((("sip", "advertised"), sip.advertised), (("sip", "tls", "advertised"), sip.tls.advertised)) if name
    ]
    for path, name in named:
        if not (HOST.fullmatch(name) or is_address(name.removeprefix("[").removesuffix("]"))):
            yield path, f"must be a host name or an IP address, without a port, not {name!r}"


def problem_of_uri(uri: str) -> str:
    """Why a route's target cannot be this URI; empty where it can. What a caller dials is a number there, and never a host."""
    if PLACEHOLDER.search(uri.rpartition("@")[2]):
        return "what is dialled can be filled in before the @ only: callers would say which host is called"
    return ""
