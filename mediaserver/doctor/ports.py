"""The ports that the settings ask for: whether they can be had, and whether there are enough of them for media."""

import errno
import http.client
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from config.settings import Settings
from mediaserver.doctor.finding import Check, Finding, Grade

TRIED: Final = 64
"""Media ports that are tried, spread over the range."""
PORTS_A_LEG: Final = 2
PASSING: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Whence the system takes ports for connections of anybody."""
HEALTH_TIMEOUT: Final = 1.0
HEALTH: Final = frozenset({"calls", "workers", "draining"})
"""What a server of ours tells of itself at ``/healthz``, and hardly anybody else."""


def _signalling(settings: Settings) -> tuple[Finding, ...]:
    runs = runs_here(settings)
    return tuple(_port(name, kind, host, port, runs) for name, kind, host, port in wanted(settings))


def wanted(settings: Settings) -> Iterator[tuple[str, socket.SocketKind, str, int]]:
    """Name, kind, address and number of each port but those of media."""
    sip = settings.sip
    asked = (
        ("SIP over UDP", socket.SOCK_DGRAM, sip.udp_port, True),
        ("SIP over TCP", socket.SOCK_STREAM, sip.tcp_port, sip.tcp),
        ("SIP over TLS", socket.SOCK_STREAM, sip.tls.port, sip.tls.enabled),
        ("SIP over WS", socket.SOCK_STREAM, sip.ws.port, sip.ws.enabled),
        ("SIP over WSS", socket.SOCK_STREAM, sip.ws.secure_port, sip.ws.secure),
    )
    for name, kind, port, is_on in asked:
        if is_on:
            yield from ((name, kind, address, port) for address in sip.addresses)
    yield "control API", socket.SOCK_STREAM, settings.control.bind, settings.control.port


def runs_here(settings: Settings) -> bool:
    """Whether a server with these settings runs already, by what answers at its control port."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{settings.control.url}/healthz", timeout=HEALTH_TIMEOUT) as answer:
            told = json.loads(answer.read(4096))
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return isinstance(told, dict) and told.keys() >= HEALTH


def problem_of(kind: socket.SocketKind, host: str, port: int) -> OSError | None:
    """Why an address cannot be had; None where it can."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as tried:
        try:
            if kind is socket.SOCK_STREAM:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
            if kind is socket.SOCK_STREAM:
                tried.listen(1)
        except OSError as problem:
            return problem
    return None


def _port(name: str, kind: socket.SocketKind, host: str, port: int, runs: bool) -> Finding:
    place = f"{host}:{port}" if port else f"{host}, a free port"
    problem = problem_of(kind, host, port)
    if problem is None:
        return Finding(name, Grade.GOOD, f"{place} is free")
    if problem.errno == errno.EADDRINUSE and runs:
        return Finding(name, Grade.GOOD, f"{place} is held by the server that runs here")
    todo = {
        errno.EADDRINUSE: "end the program that has it (ss -lptun names it), or set another port",
        errno.EADDRNOTAVAIL: "no interface has this address: set bind to one that `ip address` shows, or 0.0.0.0",
        errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE",
    }.get(problem.errno or 0, "set another address or port")
    return Finding(name, Grade.BAD, f"{place}: {(problem.strerror or str(problem)).lower()}", todo)


def _media_ports(settings: Settings) -> Finding:
    media, name = settings.media, "media ports"
    there = (media.last_port - media.first_port + 1) // PORTS_A_LEG
    step = max(1, there // TRIED) * PORTS_A_LEG
    tried = range(media.first_port, media.last_port, step)
    taken = [port for port in tried if problem_of(socket.SOCK_DGRAM, media.bind, port) is not None]
    text = f"{media.first_port} to {media.last_port} on {media.bind}, for {there} legs"
    if len(taken) == len(tried):
        return Finding(name, Grade.BAD, f"{text}; none of those tried can be had", "set media.bind, or another range")
    if taken and not runs_here(settings):
        few = ", ".join(map(str, taken[:5]))
        return Finding(name, Grade.POOR, f"{text}; others have {len(taken)} of {len(tried)} tried ({few})", "choose a range of your own")
    low, high = _passing()
    if media.first_port <= high and low <= media.last_port:
        todo = f"choose one outside of {low} to {high}, or set net.ipv4.ip_local_reserved_ports"
        return Finding(name, Grade.POOR, f"{text}; the system lends some to any program", todo)
    if there < (legs := media.rows * media.workers):
        return Finding(name, Grade.GOOD, f"{text}; media.rows has room for {legs}, so the ports are the bound")
    return Finding(name, Grade.GOOD, text)


def _passing() -> tuple[int, int]:
    try:
        low, high = PASSING.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return 0, -1
    return int(low), int(high)


CHECKS: Final[tuple[Check, ...]] = (_signalling, _media_ports)
