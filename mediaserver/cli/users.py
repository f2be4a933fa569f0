"""Making what stands in the configuration instead of passwords and PINs, and the key that it is sealed under."""

import getpass
import json
import os
import sys
from pathlib import Path

from config.loading import load
from mediaserver.secrecy.key import FILE_VARIABLE, VARIABLE, key_of, new_key, write_key
from mediaserver.secrecy.pins import hashed
from mediaserver.secrecy.sealing import seal
from mediaserver.signalling.entering.identities import about
from sip.digest import BOTH, ha1

_LONGEST = 256
_SHORTEST = 8


def make_user(name: str, config: Path | None, realm: str, with_pin: bool, as_json: bool) -> None:
    """Ask for a password, and a PIN where wanted; print the user's lines. Raises `SecrecyError`, `ValueError`, `ConfigError`."""
    key = key_of(os.environ)
    if key is None:
        raise ValueError(f"no key: set {VARIABLE} or {FILE_VARIABLE}; `mediaserver key` makes one")
    realm = realm or load(config, os.environ).sip.realm
    password = asked("Password", 1)
    lines = {"name": name} | {
        f"ha1_{algorithm.lower().replace('-', '')}": seal(key, ha1(name, realm, password, algorithm), about(name, realm, algorithm))
        for algorithm in BOTH
    }
    if with_pin:
        pin = asked("PIN", 4)
        if not (pin.isascii() and pin.isdigit()):
            raise ValueError("a PIN is 4 to 16 digits")
        lines["pin"] = hashed(pin)
    if as_json:
        print(json.dumps(lines | {"realm": realm}))
        return
    print("\n".join(["[[users]]", *(f"{field} = {json.dumps(value)}" for field, value in lines.items())]))
    sys.stdout.flush()
    sys.stderr.write(f"# For the realm {realm!r}, under the key {key.id}. The lines above belong in the configuration.\n")


def make_identity(name: str, tenant: str, role: str, as_json: bool) -> None:
    """Ask for a password; print the lines of somebody who signs in with it. Raises `ValueError`."""
    lines = {"name": name, "tenant": tenant, "password": hashed(asked("Password", _SHORTEST)), "role": role}
    if as_json:
        print(json.dumps(lines))
        return
    print("\n".join(["[[identities]]", *(f"{field} = {json.dumps(value)}" for field, value in lines.items())]))
    sys.stdout.flush()
    sys.stderr.write(f"# The lines above belong in the configuration, and the role {role!r} under [[roles]].\n")


def make_key(path: Path | None) -> None:
    """Print a new key, or write it to a file that only its owner may read. Raises `SecrecyError`."""
    key = new_key()
    if path is None:
        print(key.text)
        sys.stdout.flush()
        sys.stderr.write(f"# The key {key.id}: into {VARIABLE}, or a file that {FILE_VARIABLE} names. What it seals is lost with it.\n")
        return
    write_key(key, path)
    sys.stderr.write(f"# The key {key.id} stands in {path}; set {FILE_VARIABLE}={path}\n")


def asked(what: str, shortest: int, *, is_new: bool = True) -> str:
    """A secret, typed without an echo (a new one twice), or the next line of a pipe."""
    if sys.stdin.isatty():
        text = getpass.getpass(f"{what}: ")
        if is_new and getpass.getpass(f"{what} again: ") != text:
            raise ValueError("the two were not the same; nothing was made")
    else:
        text = sys.stdin.readline().rstrip("\r\n")
    if not shortest <= len(text) <= _LONGEST:
        raise ValueError(f"{what.lower()}: {shortest} to {_LONGEST} characters")
    return text
