"""Names that are known without DNS: the hosts file, and localhost (RFC 6761 §6.3)."""

import ipaddress
from typing import Final

from sip.location.records import as_name

MOST_LINES: Final = 10_000
_LOOPBACK: Final = ("127.0.0.1", "::1")


def parse_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """Addresses by name; lines that cannot be read are passed over."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines()[:MOST_LINES]:
        address, *names = line.partition("#")[0].split() or [""]
        if not _is_address(address):
            continue
        for name in map(as_name, names):
            known = found.get(name, ())
            found[name] = known if address in known else (*known, address)
    return found


def local_addresses(name: str, hosts: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """A name's addresses that need no DNS; empty: it is for DNS."""
    known = hosts.get(name, ())
    return known or (_LOOPBACK if name == "localhost" or name.endswith(".localhost") else ())


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
