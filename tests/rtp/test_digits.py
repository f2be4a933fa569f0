"""Telephone-event payloads, byte by byte."""

import pytest

from rtp.digits import EVENTS, Event, read_event


@pytest.mark.parametrize(("number", "digit"), list(enumerate("0123456789*#ABCD")))
def test_events_are_digits(number: int, digit: str) -> None:
    assert read_event(bytes([number, 10, 1, 64])) == Event(digit, False, 320)
    assert EVENTS[number] == digit


def test_the_end_bit_is_read_and_the_volume_is_not() -> None:
    assert read_event(b"\x05\x8a\x03\x20") == Event("5", True, 800)
    assert read_event(b"\x05\x3f\x03\x20\xff") == Event("5", False, 800)


def test_other_events_have_no_digit_and_short_payloads_are_none() -> None:
    assert read_event(b"\x10\x80\x00\x01") == Event("", True, 1)
    assert read_event(b"\x01\x80\x00") is None
    assert read_event(b"") is None
