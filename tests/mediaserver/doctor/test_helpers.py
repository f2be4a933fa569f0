"""STUN and TURN servers: asked as a browser would, against a server that is a function."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5

import pytest

from config.ice import IceServerSettings
from mediaserver.doctor import helpers, nat
from mediaserver.doctor.asking import ALLOCATE_REQUEST, Answer, Credential, allocation, binding, length_of, read_answer
from mediaserver.doctor.finding import Finding, Grade
from mediaserver.doctor.helpers import Exchange, Server
from mediaserver.signalling.browser.servers import server_for
from mediaserver.signalling.browser.stun import StunError, attributes, signed, unsigned, written
from tests.mediaserver.doctor.finding import findings, the

SECRET = IceServerSettings.model_validate({"urls": ["turn:turn.example.com"], "secret": "hush"})
HOST = bytes(one ^ other for one, other in zip((203, 0, 113, 9), bytes.fromhex("2112a442"), strict=True))
MASKED = bytes((0, 1)) + struct.pack("!H", 3478 ^ 0x2112) + HOST
"""203.0.113.9:3478, as STUN writes it."""


class Relay:
    """A TURN server that shares a secret, and a STUN server too."""

    def __init__(self, secret: str = "hush") -> None:
        self.released = 0
        self._secret = secret

    def __call__(self, request: bytes, transaction: bytes) -> Answer:
        """Answer as over the wire."""
        answer = read_answer(self._answer(request, transaction), transaction)
        assert answer is not None
        return answer

    def _answer(self, request: bytes, transaction: bytes) -> bytes:
        kind = int.from_bytes(request[:2], "big")
        said = {number: value for _, number, value in attributes(request)}
        if kind == 1:
            return unsigned(0x0101, transaction, written(0x0020, MASKED))
        if 0x0008 not in said:
            asks = written(0x0009, b"\0\0\4\1Unauthorized") + written(0x0014, b"example.com") + written(0x0015, b"n1")
            return unsigned(0x0113, transaction, asks)
        user = said[0x0006].decode()
        password = server_for(SECRET.model_copy(update={"secret": _Secret(self._secret)}), user)["credential"]
        key = md5(f"{user}:example.com:{password}".encode()).digest()
        unsealed = b"".join(written(number, value) for number, value in said.items() if number not in (0x0008, 0x8028))
        if signed(kind, transaction, unsealed, key) != request:
            return unsigned(0x0113, transaction, written(0x0009, b"\0\0\4\1Unauthorized") + written(0x0015, b"n2"))
        self.released += kind != ALLOCATE_REQUEST
        return unsigned(kind | 0x0100, transaction, written(0x0016, MASKED))


class _Secret:
    """What a settings model gives for a secret."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        return self._text


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Relay:
    """The server behind every address."""
    made = Relay()

    @contextmanager
    def opened(server: Server) -> Iterator[Exchange]:
        yield made

    monkeypatch.setattr(helpers, "opened", opened)
    return made


def found(name: str, *urls: str, **server: str) -> Finding:
    """What is found of a server."""
    return the(name, findings(helpers.CHECKS, ice={"servers": [{"urls": urls} | server]}))


def test_a_stun_server_says_whence_it_sees_us(relay: Relay) -> None:
    finding = found("STUN", "stun:stun.example.com")
    assert (finding.grade, finding.text) == (Grade.GOOD, "stun:stun.example.com sees us as 203.0.113.9:3478")


def test_a_turn_server_lends_by_a_name_that_passes_and_gets_it_back(relay: Relay) -> None:
    assert found("TURN", "turn:turn.example.com", secret="hush").grade is Grade.GOOD
    assert relay.released == 1


def test_a_wrong_secret_is_told_as_such(relay: Relay) -> None:
    finding = found("TURN", "turn:turn.example.com", secret="wrong")
    assert (finding.grade, "static-auth-secret" in finding.todo, relay.released) == (Grade.BAD, True, 0)


def test_what_stun_sees_is_held_against_what_peers_are_told(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nat, "own_address", lambda family: "10.0.0.5")
    ice = {"servers": [{"urls": ["stun:stun.example.com"]}]}
    [silent] = findings((nat._mapped,), ice=ice)
    assert (silent.grade, "203.0.113.9" in silent.todo) == (Grade.POOR, True)
    [right] = findings((nat._mapped,), ice=ice, media={"advertised": "203.0.113.9"})
    assert right.grade is Grade.GOOD


def test_a_server_that_is_not_there_is_bad_at_once() -> None:
    finding = found("STUN", "stun:127.0.0.1:1")
    assert (finding.grade, "refused" in finding.text) == (Grade.BAD, True)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("stun:a.example", Server("stun", "a.example", 3478, False)),
        ("turn:[2001:db8::1]:99?transport=tcp", Server("turn", "2001:db8::1", 99, True)),
        ("turns:a.example", Server("turns", "a.example", 5349, True)),
    ],
)
def test_addresses_are_read_as_the_standards_write_them(url: str, server: Server) -> None:
    assert Server.read(url) == server


def test_another_transactions_answer_is_passed_over_and_garbage_refused() -> None:
    data = unsigned(0x0101, b"1" * 12, b"")
    assert read_answer(data, b"2" * 12) is None
    assert read_answer(binding(b"1" * 12), b"1" * 12) is None
    for garbage in (b"", b"\x80" * 40, data[:-1], data + b"x"):
        with pytest.raises(StunError):
            read_answer(garbage, b"1" * 12)


def test_a_request_by_name_is_as_long_as_it_says() -> None:
    request = allocation(b"1" * 12, Credential("5:doctor", "pass", b"realm", b"nonce"))
    assert length_of(request[:20]) == len(request)
