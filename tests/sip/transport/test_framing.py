"""Cutting streams into messages."""

import pytest

from sip.message import LONGEST_BODY, LONGEST_HEAD
from sip.transport.framing import Framer

HEAD = b"OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n"
EMPTY = HEAD + b"Content-Length: 0\r\n\r\n"
FULL = HEAD + b"l : 5\r\n\r\nhello"


def test_messages_come_out_as_they_become_whole() -> None:
    framer = Framer()
    assert framer.feed(FULL[:30]) == []
    assert framer.is_waiting
    assert framer.feed(FULL[30:-1]) == []
    assert framer.feed(FULL[-1:] + EMPTY + FULL[:10]) == [FULL, EMPTY]
    assert framer.feed(FULL[10:]) == [FULL]
    assert not framer.is_waiting


def test_a_double_line_end_is_a_ping_and_a_single_one_is_nothing() -> None:
    framer = Framer()
    assert framer.feed(b"\r\n\r\n\r\n" + EMPTY + b"\r") == [EMPTY]
    assert framer.pings == 1
    assert framer.feed(b"\n\r\n") == []
    assert framer.pings == 2


def test_without_a_length_the_body_is_empty_and_what_follows_is_skipped() -> None:
    framer = Framer()
    assert framer.feed(HEAD + b"\r\nv=0\r\nm=x\r\n\r\n" + EMPTY) == [HEAD + b"\r\n", EMPTY]
    assert framer.skipped == 12
    assert framer.broken == ""


@pytest.mark.parametrize("value", [b"-999", b"x", b"5\r\nl: 6", b"99999999999999"])
def test_a_length_that_cannot_be_read_ends_the_stream_after_the_head(value: bytes) -> None:
    framer = Framer()
    head = HEAD + b"Content-Length: " + value + b"\r\n\r\n"
    assert framer.feed(head + b"body" + EMPTY) == [head]
    assert framer.broken == "content_length"
    assert framer.feed(EMPTY) == []


def test_what_is_held_is_bounded() -> None:
    framer = Framer()
    assert framer.feed(b"OPTIONS " + b"x" * (LONGEST_HEAD + 1)) == []
    assert framer.broken == "head_too_long"
    framer = Framer()
    assert len(framer.feed(HEAD + b"l: %d\r\n\r\n" % (LONGEST_BODY + 1))) == 1
    assert framer.broken == "body_too_long"


def test_a_head_that_trickles_in_is_not_searched_anew_each_time() -> None:
    framer = Framer()
    whole = HEAD + b"X: " + b"y" * 30_000 + b"\r\nl: 0\r\n\r\n"
    messages = [message for octet in whole for message in framer.feed(bytes([octet]))]
    assert messages == [whole]


def test_a_head_that_is_too_long_ends_the_stream_also_where_it_comes_whole() -> None:
    framer = Framer()
    assert framer.feed(b"OPTIONS sip:a SIP/2.0\r\n" + b"X: y\r\n" * (LONGEST_HEAD // 6) + b"\r\n") == []
    assert framer.broken == "head_too_long"
