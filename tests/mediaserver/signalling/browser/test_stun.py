"""Binding requests of ICE are read and answered as another implementation (aioice) writes and reads them."""

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.signalling.browser.stun import StunError, read_check, role_conflict, success
from tests.mediaserver.signalling.browser.page import HOME, OURS, check, signed

USER = "ours:them"


def test_a_check_is_read_with_its_priority_and_nomination() -> None:
    read = read_check(check(nominates=True, priority=77), USER, OURS.password)
    assert (read.priority, read.nominates, read.is_controlled) == (77, True, False)


@pytest.mark.parametrize("source", [HOME, ("2001:db8::7", 50_001)])
def test_the_answer_tells_where_the_check_came_from_and_is_signed(source: tuple[str, int]) -> None:
    request = check()
    answer = signed(success(read_check(request, USER, OURS.password), source, OURS.password))
    assert (answer.message_class, answer.transaction_id) == (stun.Class.RESPONSE, request[8:20])
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == source
    assert "FINGERPRINT" in answer.attributes


def test_who_would_have_us_choose_is_told_to_take_the_other_role() -> None:
    read = read_check(check(role="ICE-CONTROLLED"), USER, OURS.password)
    assert read.is_controlled
    answer = signed(role_conflict(read, OURS.password))
    assert (answer.message_class, answer.attributes["ERROR-CODE"][0]) == (stun.Class.ERROR, 487)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (check(password="x" * 22), "integrity"),
        (check(user="ours:else"), "user"),
        (check()[:60], "malformed"),
        (b"\x00\x01" + bytes(30), "malformed"),
        (bytes(stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.INDICATION)), "no_request"),
        (bytes(stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)), "integrity"),
    ],
    ids=["password", "user", "cut off", "no cookie", "indication", "unsigned"],
)
def test_what_is_not_signed_with_our_password_is_refused_by_reason(data: bytes, reason: str) -> None:
    with pytest.raises(StunError) as refused:
        read_check(data, USER, OURS.password)
    assert refused.value.reason == reason


def test_one_bit_changed_anywhere_before_the_signature_is_noticed() -> None:
    whole = check(nominates=True)
    for place in range(8, len(whole) - 32):
        broken = bytearray(whole)
        broken[place] ^= 1
        with pytest.raises(StunError):
            read_check(bytes(broken), USER, OURS.password)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_raise_the_documented_error_only(data: bytes, is_headed: bool) -> None:
    if is_headed:
        data = b"\x00\x01" + (len(data) // 4 * 4).to_bytes(2, "big") + bytes.fromhex("2112a442") + bytes(12) + data[: len(data) // 4 * 4]
    with pytest.raises(StunError):
        read_check(data, USER, OURS.password)
