"""Whose certificate it is (RFC 5922): the SIP domains and host names that a certificate shows, and whether one is the wanted name. Sans-IO.

- Names are those of subjectAltName: a ``sip`` URI without a user part first, then DNS names and addresses. The common name counts
  only where there is no such name (§7.1).
- A name matches whole and without regard to case. A wildcard matches nothing (§7.2), unless a setting lets one stand for a single
  label at the front, as many providers have it.
"""

import ipaddress
from collections.abc import Iterable
from typing import Any

from sip.errors import SipError
from sip.uri import Uri


def names_of(certificate: dict[str, Any]) -> tuple[str, ...]:
    """The names in a certificate as ``ssl.SSLObject.getpeercert`` gives it, lower case, each once."""
    alternatives: list[tuple[str, str]] = list(certificate.get("subjectAltName", ()))
    domains = [domain for kind, value in alternatives if kind == "URI" and (domain := _domain(value))]
    hosts = [value for kind, value in alternatives if kind in ("DNS", "IP Address")]
    if not alternatives:
        subject: Iterable[Iterable[tuple[str, str]]] = certificate.get("subject", ())
        hosts = [value for part in subject for key, value in part if key == "commonName"]
    return tuple(dict.fromkeys(_plain(name) for name in [*domains, *hosts]))


def shows(names: Iterable[str], wanted: str, *, with_wildcards: bool = False) -> bool:
    """Whether a certificate with these names is good for a host."""
    wanted = _plain(wanted)
    return any(name == wanted or (with_wildcards and _is_under(wanted, name)) for name in names)


def _domain(uri: str) -> str:
    """The domain of a SIP URI that names one; empty for all else, a URI with a user part too (§7.1)."""
    try:
        parsed = Uri.parse(uri)
    except SipError:
        return ""
    return parsed.host if parsed.scheme in ("sip", "sips") and not parsed.user else ""


def _is_under(host: str, pattern: str) -> bool:
    label, dot, rest = host.partition(".")
    return bool(label and dot) and pattern == f"*.{rest}" and "." in rest


def _plain(name: str) -> str:
    """One spelling: lower case, no dot at the end, IPv6 as it is written shortest."""
    name = name.strip().rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
