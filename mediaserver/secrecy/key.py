"""The server's key: 256 bits that never stand in the configuration, but in the environment or in a file of its own."""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

VARIABLE: Final = "MEDIASERVER_KEY"
FILE_VARIABLE: Final = "MEDIASERVER_KEY_FILE"

_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_OTHERS: Final = 0o077
"""Permissions of everybody but the owner."""


class SecrecyError(ValueError):
    """Something sealed cannot be opened, or a key not be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """The key itself, never shown."""

    octets: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Names the key without giving anything of it away."""
        return sha256(b"mediaserver key id" + self.octets).digest()[:_ID_BYTES].hex()

    @property
    def text(self) -> str:
        """As it stands in the environment or in the file."""
        return base64.urlsafe_b64encode(self.octets).decode().rstrip("=")


def new_key() -> Key:
    """A key nobody has."""
    return Key(os.urandom(_KEY_BYTES))


def read_key(text: str, where: str) -> Key:
    """A key from its text. Raises `SecrecyError`."""
    plain = text.strip()
    try:
        octets = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if len(octets) != _KEY_BYTES:
        raise SecrecyError(f"{where}: not a key; `mediaserver key` makes one")
    return Key(octets)


def key_of(environment: Mapping[str, str]) -> Key | None:
    """The key that the environment holds or names the file of; None where it does neither. Raises `SecrecyError`."""
    if text := environment.get(VARIABLE, ""):
        return read_key(text, VARIABLE)
    name = environment.get(FILE_VARIABLE, "")
    if not name:
        return None
    path = Path(name)
    try:
        if path.stat().st_mode & _OTHERS:
            raise SecrecyError(f"{path}: others may read the key; chmod 600 {path}")
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise SecrecyError(f"{path}: the key cannot be read ({(error.strerror or str(error)).lower()})") from None
    return read_key(text, str(path))


def write_key(key: Key, path: Path) -> None:
    """Write a key to a new file that only its owner may read. Raises `SecrecyError`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SecrecyError(f"{path}: cannot be made ({(error.strerror or str(error)).lower()}); a key is never written over") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(key.text + "\n")
