"""What is wrong with a user's secrets."""

import re
from collections.abc import Iterator
from typing import Final

from config.findings import Finding
from config.schema import Path
from config.settings import UserSettings

PIN: Final = re.compile(r"[0-9]{4,16}")
HASHED_PIN: Final = re.compile(r"\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")
SEALED: Final = re.compile(r"aesgcm\$[0-9a-f]{8}\$[A-Za-z0-9_-]{60,400}")


def check_secrets(path: Path, user: UserSettings) -> Iterator[Finding]:
    """A secret or sealed hashes of one, and a PIN or a hash of it."""
    sealed = {key: value for key, value in (("ha1_md5", user.ha1_md5), ("ha1_sha256", user.ha1_sha256)) if value}
    if user.secret is None and not sealed:
        yield (*path, "secret"), "is missing; `mediaserver user` makes ha1_md5 and ha1_sha256, or give a secret for trying out"
    elif user.secret is not None and sealed:
        yield (*path, "secret"), f"stands beside {' and '.join(sealed)}; keep one of the two"
    elif user.secret is not None and not user.secret.get_secret_value():
        yield (*path, "secret"), "must not be empty"
    for key, value in sealed.items():
        if not SEALED.fullmatch(value):
            yield (*path, key), "must be a sealed hash such as `mediaserver user` makes"
    if user.pin is not None and not (HASHED_PIN if user.has_hashed_pin else PIN).fullmatch(user.pin.get_secret_value()):
        yield (*path, "pin"), "must be 4 to 16 digits, or an argon2id hash such as `mediaserver user --pin` makes"
