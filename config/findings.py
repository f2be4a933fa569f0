"""What the checks of settings share: how a finding is written, and the questions that several of them ask."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from config.schema import Path

Finding = tuple[Path, str]
"""Where, and what is wrong there."""

HEADER_NAME: Final = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")


def distinct(section: str, values: Iterable[tuple[Path, object]]) -> Iterator[Finding]:
    """Those of the values, one for each item of the section, that stand there already."""
    first: dict[object, int] = {}
    for index, (path, value) in enumerate(values):
        if (earlier := first.setdefault(value, index)) != index:
            shown = "" if path == ("sha256",) else f"{value[-1] if isinstance(value, tuple) else value!r} "
            yield (section, index, *path), f"{shown}stands at {section}[{earlier}] already; each may be there once"


def unknown(word: str, name: str, known: Iterable[str]) -> str:
    """That nothing has this name, and which one may be meant."""
    names = sorted(known)
    near = get_close_matches(name, names, 1, 0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names[:10])}" if names else f"no {word} is configured"
    return f"no {word} is named {name!r}; {hint}"


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_network(text: str) -> bool:
    """Whether it is an IP address or network."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
