"""What of a Reason (RFC 3326) is passed on to the other side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.reason import Q850, relayed


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('Q.850;cause=16;text="Terminated"', 'Q.850;cause=16;text="normal clearing"'),
        ("q.850 ; cause=17", 'Q.850;cause=17;text="user busy"'),
        ("Q.850;cause=99", "Q.850;cause=99"),
        ("Q.850;cause=0", ""),
        ("Q.850;cause=128", ""),
        ("Q.850", ""),
        ('SIP;cause=200;text="Call completed elsewhere"', 'SIP;cause=200;text="Call completed elsewhere"'),
        ('SIP;cause=200, Q.850;cause=26;text="x"', 'Q.850;cause=26;text="answered elsewhere"'),
        ("SIP;cause=408", ""),
        ("X.corp;cause=1", ""),
        ('Q.850;cause=16;text="open', ""),
        ("", ""),
        ("," * 600 + "Q.850;cause=16", ""),
    ],
)
def test_what_concerns_the_other_side_is_told_in_our_words(value: str, told: str) -> None:
    assert relayed(value) == told


@given(st.text(max_size=80) | st.text(alphabet='Q.850;cause=16,"SIP\r\n ', max_size=80))
def test_whatever_comes_what_goes_on_is_short_and_clean(value: str) -> None:
    told = relayed(value)
    assert len(told) < 80
    assert told.isascii()
    assert told.isprintable()


def test_every_text_can_stand_in_quotes() -> None:
    assert all(text.isascii() and '"' not in text and "\\" not in text for text in Q850.values())
