"""The signed head: how many entries a log has and the last one's seal. Kept elsewhere, it shows that nothing was cut off or made anew.

A head is one line of JSON; a file may hold several, of several times or servers.
"""

import hmac
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mediaserver.audit.entry import AuditKey


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain at a time."""

    chain: str
    count: int
    seal: str
    """Of the entry with this number."""
    at: int
    """Microseconds since 1970."""
    key: str
    signature: str = ""

    def signed(self, key: AuditKey) -> "Head":
        """The same, signed."""
        return replace(self, signature=_signature(self, key))

    def is_signed_by(self, key: AuditKey) -> bool:
        """Whether the signature is right."""
        return key.id == self.key and hmac.compare_digest(self.signature, _signature(self, key))

    @property
    def line(self) -> str:
        """As it is kept and sent."""
        return json.dumps(asdict(self), separators=(",", ":"))


def _signature(head: Head, key: AuditKey) -> str:
    fields = asdict(head)
    del fields["signature"]
    return key.seal("head", json.dumps(fields, separators=(",", ":")).encode())


def read_heads(lines: Iterable[str]) -> list[Head]:
    """The heads of these lines. Raises ValueError, which names the line, where one is none."""
    heads = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            head = Head(**json.loads(line))
            if not isinstance(head.count, int):
                raise TypeError
        except (TypeError, ValueError):
            raise ValueError(f"line {number} is not a head") from None
        heads.append(head)
    return heads


def write_head(head: Head, path: Path) -> None:
    """Put the newest head in the place of the one before; whoever reads sees one of the two. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + ".new")
    file = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, (head.line + "\n").encode())
        os.fsync(file)
    finally:
        os.close(file)
    fresh.replace(path)
