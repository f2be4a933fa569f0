"""The STUN and TURN servers that browsers are told of: whether they answer, and whether TURN takes the name and password that we give."""

import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from config.ice import IceServerSettings
from config.settings import Settings
from mediaserver.doctor.asking import STALE_NONCE, UNAUTHORIZED, Answer, Credential, allocation, binding, length_of, read_answer, release
from mediaserver.doctor.finding import PATIENCE, Check, Finding, Grade
from mediaserver.signalling.browser.servers import server_for
from mediaserver.signalling.browser.stun import StunError

WAIT: Final = PATIENCE / 6
"""Seconds for one answer over UDP; each request is sent `TRIES` times, and TURN needs two answers."""
TRIES: Final = 3
PORTS: Final = {"stun": 3478, "turn": 3478, "stuns": 5349, "turns": 5349}
_URL: Final = re.compile(r"(?P<scheme>stuns?|turns?):(?P<host>\[[^\]]+\]|[^:?]+)(:(?P<port>\d{1,5}))?(\?transport=(?P<transport>udp|tcp))?")


@dataclass(frozen=True, slots=True)
class Server:
    """Where one is."""

    scheme: str
    host: str
    port: int
    is_stream: bool

    @classmethod
    def read(cls, url: str) -> "Server":
        """From RFC 7064 and 7065's writing. Raises ValueError."""
        found = _URL.fullmatch(url)
        if found is None:
            raise ValueError(f"{url!r} cannot be read")
        scheme = found["scheme"]
        is_stream = scheme.endswith("s") or found["transport"] == "tcp"
        return cls(scheme, found["host"].strip("[]"), int(found["port"] or PORTS[scheme]), is_stream)


class Unanswered(OSError):
    """Nothing that could be read came in time."""


Exchange = Callable[[bytes, bytes], Answer]
"""Sends a request, whose transaction is named too; gives the answer. Raises OSError."""


@contextmanager
def opened(server: Server) -> Iterator[Exchange]:
    """A way to ask a server. Raises OSError."""
    if not server.is_stream:
        family, kind, _, _, address = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as datagrams:
            datagrams.connect(address)
            datagrams.settimeout(WAIT)
            yield lambda request, transaction: _by_datagram(datagrams, request, transaction)
        return
    with socket.create_connection((server.host, server.port), timeout=PATIENCE / 2) as stream:
        if not server.scheme.endswith("s"):
            yield lambda request, transaction: _by_stream(stream, request, transaction)
            return
        with ssl.create_default_context().wrap_socket(stream, server_hostname=server.host) as secured:
            yield lambda request, transaction: _by_stream(secured, request, transaction)


def seen_from(server: Server) -> Answer:
    """What a STUN server says of us. Raises OSError."""
    transaction = os.urandom(12)
    with opened(server) as exchange:
        return exchange(binding(transaction), transaction)


def lent_by(server: Server, user: str, password: str) -> Answer:
    """What a TURN server lends us by name and password; it is given back at once. Raises OSError."""
    with opened(server) as exchange:
        transaction = os.urandom(12)
        answer = exchange(allocation(transaction), transaction)
        for _ in range(2):
            if answer.code not in (UNAUTHORIZED, STALE_NONCE) or not answer.nonce:
                break
            credential, transaction = Credential(user, password, answer.realm, answer.nonce), os.urandom(12)
            refused, answer = answer, exchange(allocation(transaction, credential), transaction)
            if answer.code == 0:
                transaction = os.urandom(12)
                exchange(release(transaction, credential), transaction)
            if answer.code == refused.code:
                break
        return answer


def _by_datagram(datagrams: socket.socket, request: bytes, transaction: bytes) -> Answer:
    for _ in range(TRIES):
        datagrams.send(request)
        until = time.monotonic() + WAIT
        while (left := until - time.monotonic()) > 0:
            datagrams.settimeout(left)
            try:
                answer = read_answer(datagrams.recv(2048), transaction)
            except TimeoutError:
                break
            except StunError:
                continue
            if answer is not None:
                return answer
    raise Unanswered(f"no answer in {WAIT * TRIES:g} s")


def _by_stream(stream: socket.socket, request: bytes, transaction: bytes) -> Answer:
    stream.sendall(request)
    try:
        header = _exactly(stream, 20)
        answer = read_answer(header + _exactly(stream, length_of(header) - len(header)), transaction)
    except StunError:
        answer = None
    if answer is None:
        raise Unanswered("what answers is no STUN server")
    return answer


def _exactly(stream: socket.socket, octets: int) -> bytes:
    data = b""
    while len(data) < octets:
        part = stream.recv(octets - len(data))
        if not part:
            raise Unanswered("the connection was closed")
        data += part
    return data


def _servers(settings: Settings) -> tuple[Finding, ...]:
    until = int(time.time() + PATIENCE * 20)
    return tuple(_one(server, url, f"{until}:doctor") for server in settings.ice.servers for url in server.urls)


def _one(settings: IceServerSettings, url: str, passing_name: str) -> Finding:
    name = "TURN" if url.startswith("turn") else "STUN"
    away = "see whether it runs, and whether a firewall is between: browsers behind strict NATs have no audio without it"
    try:
        server = Server.read(url)
        shown = server_for(settings, passing_name)
        answer = lent_by(server, shown["username"], shown["credential"]) if name == "TURN" else seen_from(server)
    except ValueError as problem:
        return Finding(name, Grade.BAD, str(problem), "write it as turn:host:port?transport=udp")
    except OSError as problem:
        return Finding(name, Grade.BAD, f"{url}: {(problem.strerror or str(problem)).lower()}", away)
    if answer.code == UNAUTHORIZED:
        todo = "give the secret of the server (static-auth-secret), or its name and password; both clocks must be right"
        return Finding(name, Grade.BAD, f"{url} does not take our name and password", todo)
    if answer.code:
        return Finding(name, Grade.BAD, f"{url} refuses: {answer.code} {answer.text}", "its log says why")
    if name == "TURN":
        return Finding(name, Grade.GOOD, f"{url} lends {_written(answer.relayed)}")
    return Finding(name, Grade.GOOD, f"{url} sees us as {_written(answer.mapped)}")


def _written(address: tuple[str, int] | None) -> str:
    return "an address that cannot be read" if address is None else f"{address[0]}:{address[1]}"


CHECKS: Final[tuple[Check, ...]] = (_servers,)
