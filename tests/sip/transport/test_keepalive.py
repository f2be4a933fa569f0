"""Pings on connections: when they are sent, and what silence means."""

import asyncio
from typing import Final

from sip.transport.channel import Channel
from sip.transport.framing import PING, PONG, Framer
from sip.transport.keepalive import KeepAlive, Pulse
from sip.transport.listeners import TransportSettings
from tests.sip.transport.phone import PATIENCE, options, phone

INTERVAL: Final = 60.0


def test_a_silent_connection_is_pinged_after_the_interval() -> None:
    pulse = KeepAlive(INTERVAL, 0)
    assert [pulse.check(now) for now in (59, 60, 61)] == [Pulse.NOTHING, Pulse.PING, Pulse.NOTHING]


def test_whatever_is_heard_puts_the_ping_off() -> None:
    pulse = KeepAlive(INTERVAL, 0)
    pulse.heard(30)
    assert [pulse.check(now) for now in (60, 89, 90)] == [Pulse.NOTHING, Pulse.NOTHING, Pulse.PING]


def test_a_peer_who_answered_and_answers_no_more_is_dead_after_ten_seconds() -> None:
    pulse = KeepAlive(INTERVAL, 0)
    pulse.check(60)
    pulse.heard(61, is_pong=True)
    assert pulse.check(121) is Pulse.PING
    assert [pulse.check(now) for now in (130.9, 131)] == [Pulse.NOTHING, Pulse.DEAD]


def test_a_peer_who_never_answered_may_not_know_pings_and_is_pinged_on() -> None:
    pulse = KeepAlive(INTERVAL, 0)
    assert [pulse.check(now) for now in (60, 75, 120, 180)] == [Pulse.PING, Pulse.NOTHING, Pulse.PING, Pulse.PING]


def test_an_interval_of_zero_pings_nobody() -> None:
    assert KeepAlive(0, 0).check(10_000) is Pulse.NOTHING


def test_the_first_crlf_after_our_ping_is_its_pong_and_no_half_message() -> None:
    framer = Framer()
    assert framer.ping() == PING
    assert framer.feed(PONG) == []
    assert (framer.pongs, framer.is_waiting) == (1, False)


def test_a_crlf_that_nobody_asked_for_is_no_message_on_its_way() -> None:
    framer = Framer()
    framer.feed(PONG)
    assert (framer.pongs, framer.is_waiting) == (0, False)
    assert framer.feed(options("one")) == [options("one")]


def test_their_ping_that_crosses_ours_is_answered() -> None:
    framer = Framer()
    framer.ping()
    framer.feed(PING + PONG)
    assert (framer.pongs, framer.replies()) == (1, PONG)


def channel(now: float = 0.0) -> Channel:
    made = Channel(Framer(), None, KeepAlive(INTERVAL, now), now)
    made.opened(by_us=True)
    return made


def test_a_channel_whose_pong_is_missing_is_to_be_closed() -> None:
    made = channel()
    made.receive(options("one"), 1)
    assert (made.check(61), made.outgoing()) == ("", PING)
    made.receive(PONG, 62)
    assert (made.check(122), made.outgoing()) == ("", PING)
    assert made.check(132) == "pong_missing"


def test_a_channel_on_which_no_message_becomes_whole_is_overdue() -> None:
    made = channel()
    for now in range(33):
        assert made.check(now) == ""
        made.receive(b"O", now)
    assert made.check(33) == "overdue"


async def test_a_connection_that_we_opened_is_pinged() -> None:
    async with phone(1, settings=TransportSettings(keep_alive=0.05)) as alice:
        heard = asyncio.Event()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(PING)
            await reader.readuntil(PING)
            heard.set()
            writer.close()

        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
            alice.call("tcp", server.sockets[0].getsockname())
            async with asyncio.timeout(PATIENCE):
                await heard.wait()
