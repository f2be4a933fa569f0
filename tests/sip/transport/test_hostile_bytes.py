"""Whatever comes over a connection or beside a datagram, the cores raise nothing and hold a bounded amount."""

import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from sip.transport import ancillary, stun
from sip.transport.certificates import Certificates
from sip.transport.channel import WAITING_LIMIT, Channel
from sip.transport.framing import Framer
from sip.transport.keepalive import KeepAlive
from sip.transport.tls import TlsLayer
from sip.transport.websocket import WebSocketFraming, WebSocketSettings
from tests.sip.transport.authority import Authority
from tests.sip.transport.phone import options

CHUNKS = st.lists(st.binary(max_size=300), max_size=20)
LONGEST = 2000


def browser() -> tuple[Channel, ClientProtocol]:
    """A channel that has shaken hands with a browser, and the browser."""
    channel = Channel(WebSocketFraming(WebSocketSettings(longest_message=LONGEST)), None, KeepAlive(0, 0), 0)
    channel.opened(by_us=False)
    client = ClientProtocol(parse_uri("ws://x/"), subprotocols=[Subprotocol("sip")])
    client.send_request(client.connect())
    channel.receive(b"".join(client.data_to_send()), 0)
    client.receive_data(channel.outgoing())
    assert channel.is_ready
    return channel, client


def feed(channel: Channel, chunks: list[bytes]) -> None:
    for chunk in chunks:
        channel.receive(chunk, 1)
        channel.outgoing()
    channel.check(2)
    channel.send(options("late"))
    channel.close()
    channel.outgoing()


@given(CHUNKS)
@example([b"\r\n\x00\x00"])
def test_any_bytes_before_a_websocket_handshake(chunks: list[bytes]) -> None:
    channel = Channel(WebSocketFraming(WebSocketSettings()), None, KeepAlive(0, 0), 0)
    channel.opened(by_us=False)
    feed(channel, [b"GET / HTTP/1.1\r\n", *chunks])


@given(CHUNKS)
def test_any_bytes_after_a_websocket_handshake(chunks: list[bytes]) -> None:
    feed(browser()[0], chunks)


@given(st.lists(st.tuples(st.sampled_from(list(Opcode)), st.binary(max_size=120), st.booleans()), max_size=30))
def test_any_frames_in_any_order_make_no_message_longer_than_the_bound(frames: list[tuple[Opcode, bytes, bool]]) -> None:
    channel, _ = browser()
    for opcode, data, is_last in frames:
        # The library that writes them here lets no control frame be in parts.
        written = Frame(opcode, data, is_last or opcode >= Opcode.CLOSE).serialize(mask=True)
        assert all(len(message) <= LONGEST for message in channel.receive(written, 1))
    feed(channel, [])


@given(CHUNKS)
def test_any_bytes_on_a_stream(chunks: list[bytes]) -> None:
    channel = Channel(Framer(), None, KeepAlive(1, 0), 0)
    channel.opened(by_us=True)
    feed(channel, chunks)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder: Path = tmp_path_factory.mktemp("authority")
    authority = Authority(folder)
    return authority.certificates(authority.issue("pbx.example.com"))


def sides(shown: Certificates) -> tuple[Channel, Channel]:
    """A client's and a server's channel, the client's hello said."""
    client = TlsLayer(shown.client, is_server=False, name="pbx.example.com", accepts=lambda names: True)
    server = TlsLayer(shown.server, is_server=True, accepts=lambda names: True)
    pair = Channel(Framer(), client, KeepAlive(0, 0), 0), Channel(Framer(), server, KeepAlive(0, 0), 0)
    pair[0].opened(by_us=True)
    pair[1].opened(by_us=False)
    return pair


@settings(max_examples=50, deadline=None)
@given(chunks=CHUNKS)
def test_any_bytes_instead_of_tls(shown: Certificates, chunks: list[bytes]) -> None:
    for channel in sides(shown):
        feed(channel, chunks)


@pytest.mark.parametrize("seed", range(20))
def test_bits_that_flip_under_tls_end_it_and_forge_nothing(shown: Certificates, seed: int) -> None:
    chance = random.Random(seed)
    client, server = sides(shown)
    client.send(options("one"))
    messages: list[bytes] = []
    for _ in range(6):
        data = bytearray(client.outgoing())
        if data and chance.random() < 0.5:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        messages += server.receive(bytes(data), 1)
        client.receive(server.outgoing(), 1)
    assert messages in ([], [options("one")])


def test_what_waits_for_a_handshake_is_bounded(shown: Certificates) -> None:
    client, _ = sides(shown)
    assert [client.send(options(str(number))) for number in range(WAITING_LIMIT + 1)] == [True] * WAITING_LIMIT + [False]


@given(st.binary(max_size=100), st.sampled_from(["192.0.2.1", "2001:db8::1"]))
def test_an_answer_to_any_stun_is_at_most_twice_as_long(data: bytes, host: str) -> None:
    framed = data[:4].ljust(4, b"\0") + stun.COOKIE.to_bytes(4, "big") + data[4:]
    for candidate in (data, framed, bytes((0, 1, 0, 0)) + framed[4:]):
        if stun.is_stun(candidate):
            answer = stun.answer(candidate, (host, 5060))
            assert answer is None or len(answer) <= 2.2 * len(candidate)


def test_ancillary_data_of_other_kinds_is_passed_over() -> None:
    strange = [(1, 2, b""), (0, 99, b"x" * 40)]
    assert ancillary.local_host(strange) == ""
    assert not ancillary.is_refusal(strange)
