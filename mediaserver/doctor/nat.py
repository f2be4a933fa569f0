"""Which address peers are told, against the machine's own and what a STUN server sees: the usual reason for silence behind a NAT."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Final

from config.settings import Settings
from mediaserver.doctor.finding import Check, Finding, Grade
from mediaserver.doctor.helpers import Server, seen_from

OUTSIDE: Final = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses of nobody (RFC 5737, RFC 3849), to ask the system whence it would send; nothing is sent."""


def own_address(family: socket.AddressFamily = socket.AF_INET) -> str:
    """Whence this machine would send to the outside; empty: it has no way there."""
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((OUTSIDE[family], 9))
        except OSError:
            return ""
        return str(asked.getsockname()[0])


def is_own(address: str) -> bool:
    """Whether an interface of this machine has the address."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind((address, 0))
        except OSError:
            return False
    return True


def _advertised(settings: Settings) -> tuple[Finding, ...]:
    sip, media = settings.sip.advertised, settings.media.advertised
    findings = (
        [_named(settings, "sip.advertised", sip), _named(settings, "media.advertised", media)] if sip or media else [_unnamed(settings)]
    )
    if bool(sip) != bool(media):
        given, missing = ("sip.advertised", "media.advertised") if sip else ("media.advertised", "sip.advertised")
        findings.append(Finding("NAT", Grade.POOR, f"{given} is set and {missing} is not", f"set {missing} too, or neither"))
    return tuple(found for found in findings if found is not None)


def _named(settings: Settings, setting: str, host: str) -> Finding | None:
    if not host:
        return None
    try:
        addresses = {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)}
    except OSError as problem:
        return Finding(
            "NAT", Grade.BAD, f"{setting} = {host}: {(problem.strerror or str(problem)).lower()}", "give an address that peers reach"
        )
    if any(is_own(address) for address in addresses):
        return Finding("NAT", Grade.GOOD, f"{setting} = {host} is an address of this machine")
    todo = "have it forward the ports of SIP and media, on the same numbers"
    if all(_is_near(settings, address) for address in addresses):
        return Finding(
            "NAT", Grade.POOR, f"{setting} = {host} is of our own networks, and no address of this machine", "set it to the public address"
        )
    return Finding("NAT", Grade.GOOD, f"{setting} = {host}: a translator is in front; {todo}")


def _unnamed(settings: Settings) -> Finding:
    bound = [address for address in settings.sip.addresses if address not in ("0.0.0.0", "::")]
    own = bound[0] if bound else own_address() or own_address(socket.AF_INET6)
    text = f"peers are told {own or 'the address of their flow'}"
    strangers = sorted(set(_strangers(settings)))
    if own and strangers and _is_near(settings, own):
        todo = "set sip.advertised and media.advertised to the public address"
        return Finding("NAT", Grade.POOR, f"{text}, an address of our own networks, and {strangers[0]} is outside", todo)
    return Finding("NAT", Grade.GOOD, f"{text}: right where nothing translates between them and us")


def _strangers(settings: Settings) -> Iterator[str]:
    """Addresses of trunks that are in none of our networks."""
    for trunk in settings.trunks:
        for host in (*trunk.addresses, *(target.host.partition(":")[0] for target in trunk.targets), trunk.host.partition(":")[0]):
            if not _is_near(settings, host, if_unknown=True):
                yield host


def _is_near(settings: Settings, place: str, *, if_unknown: bool = False) -> bool:
    """Whether an address or network lies in one of ours. A name is not looked up: ``if_unknown``."""
    try:
        network = ipaddress.ip_network(place, strict=False)
    except ValueError:
        return if_unknown
    near = (ipaddress.ip_network(own, strict=False) for own in settings.sip.local_networks)
    return any(network.version == own.version and network.subnet_of(own) for own in near)  # type: ignore[arg-type]


def _mapped(settings: Settings) -> tuple[Finding, ...]:
    """What the first STUN server that answers sees, against what peers are told."""
    for url in (url for server in settings.ice.servers for url in server.urls if url.startswith("stun:")):
        try:
            seen = seen_from(Server.read(url)).mapped
        except (OSError, ValueError):
            continue  # told by the check of these servers
        if seen is not None:
            return (_compared(settings, seen[0], url),)
    return ()


def _compared(settings: Settings, seen: str, url: str) -> Finding:
    told = settings.media.advertised or own_address(socket.AF_INET6 if ":" in seen else socket.AF_INET)
    if seen in (told, *_addresses(told)):
        return Finding("NAT", Grade.GOOD, f"{url} sees us as {seen}, as peers are told")
    if not settings.media.advertised and _is_near(settings, seen):
        return Finding("NAT", Grade.GOOD, f"{url} sees us as {seen}; it is inside, as we are")
    todo = f"set sip.advertised and media.advertised to {seen}, where peers are outside"
    return Finding("NAT", Grade.POOR, f"{url} sees us as {seen}, while peers are told {told or 'nothing'}", todo)


def _addresses(host: str) -> set[str]:
    try:
        return {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)} if host else set()
    except OSError:
        return set()


CHECKS: Final[tuple[Check, ...]] = (_advertised, _mapped)
