"""Which services of a domain are asked for, and what they are called (RFC 3263 §4.1, §4.2, §9).

What is asked for as secure is never looked for under a name that is not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sip.location.records import Naptr, as_name
from sip.uri import Uri

_TRANSPORT_OF: Final = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
_PREFIXES: Final = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}


@dataclass(frozen=True, slots=True)
class Service:
    """SIP over one transport."""

    transport: str
    name: str
    """Under which its servers are found (SRV)."""


def asked_transport(uri: Uri) -> str:
    """The transport that a URI itself names, ``tls`` for TCP under sips (RFC 3261 §26.2.2, RFC 5630 §3.1.4); empty: none."""
    named = (uri.parameter("transport") or "").lower()
    return "tls" if named == "tcp" and uri.scheme == "sips" else named


def default_transport(uri: Uri) -> str:
    """What is spoken where neither URI nor DNS say anything (RFC 3263 §4.1)."""
    return "tls" if uri.scheme == "sips" else "udp"


def allowed(uri: Uri, transports: Sequence[str]) -> list[str]:
    """Those of our transports that may be used for a URI."""
    return [transport for transport in transports if uri.scheme != "sips" or transport == "tls"]


def service_of(domain: str, transport: str) -> Service:
    """The service of a domain over one transport."""
    return Service(transport, f"{_PREFIXES[transport]}.{domain}")


def is_about_sip(record: Naptr) -> bool:
    """Whether a NAPTR record speaks of SIP at all; domains have others as well."""
    return record.service.upper().startswith(("SIP+D2", "SIPS+D2"))


def offered(records: Iterable[Naptr], transports: Sequence[str]) -> list[Service]:
    """The services that a domain offers and we can use, in the domain's order."""
    found: list[Service] = []
    for record in sorted(records, key=lambda record: (record.order, record.preference)):
        transport = _TRANSPORT_OF.get(record.service.upper(), "")
        service = Service(transport, as_name(record.replacement))
        if transport in transports and record.flags.lower() == "s" and service.name and service not in found:
            found.append(service)
    return found
