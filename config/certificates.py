"""Whether PEM files are what they are said to be: a certificate, the key that belongs to it, roots to believe."""

import ssl
from collections.abc import Iterator
from pathlib import Path


def problems_of_pair(certificate: str, key: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a certificate and its key, by the setting's name."""
    missing = [("certificate", certificate), ("key", key)]
    unreadable = [(name, text) for name, file in missing if (text := _unreadable(file))]
    if unreadable:
        yield from unreadable
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(certificate)
    except ssl.SSLError:
        yield "certificate", f"{certificate!r} holds no PEM certificate"
        return
    try:
        # An empty passphrase: else OpenSSL would ask whoever sits at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            yield "key", f"{key!r} is not the key of {certificate!r}; give the one that it was made with"
        else:
            yield "key", f"{key!r} holds no PEM key that can be read without a passphrase"


def problems_of_roots(file: str) -> Iterator[str]:
    """What is wrong with a file of roots."""
    if text := _unreadable(file):
        yield text
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        yield f"{file!r} holds no PEM certificate"


def _unreadable(file: str) -> str:
    """Why a file cannot be read; empty where it can."""
    if not file:
        return "is missing; give a PEM file"
    try:
        with Path(file).open("rb"):
            return ""
    except FileNotFoundError:
        return f"there is no file {file!r}"
    except OSError as error:
        return f"{file!r} cannot be read ({(error.strerror or str(error)).lower()})"
