"""Sessions of libsrtp by ctypes, against pylibsrtp's own, which reach it another way; and their rollover counters."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pylibsrtp
import pytest
from pylibsrtp import Policy
from pylibsrtp import Session as Independent

from rtp.srtp.library import OK, is_available, load, version
from rtp.srtp.sessions import Session
from rtp.srtp.suites import KEY_BYTES, LONGEST_TAG, SUITES, Suite

SSRC = 0x1122_3344
PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


def key_of(suite: Suite) -> bytes:
    return bytes(range(suite.key_bytes))


def packet(number: int, payload: bytes = b"voice" * 32) -> bytes:
    return bytes([0x80, 0]) + (number & 0xFFFF).to_bytes(2, "big") + bytes(4) + SSRC.to_bytes(4, "big") + payload


def changed(session: Session, datagram: bytes, *, opens: bool = False) -> bytes | None:
    """A packet closed or opened; None where that failed."""
    room = ctypes.create_string_buffer(datagram, len(datagram) + LONGEST_TAG)
    size = ctypes.c_int(len(datagram))
    status = (session.unprotect if opens else session.protect)(ctypes.addressof(room), ctypes.addressof(size))
    return room.raw[: size.value] if status == OK else None


def begun(suite: Suite, rollovers: int = 0) -> Session:
    session = Session(suite, key_of(suite))
    session.begin(SSRC, rollovers)
    return session


def test_there_is_a_library_with_all_suites() -> None:
    assert is_available()
    assert version().startswith("libsrtp2 2.")
    assert load() is load()


def test_the_library_is_the_one_that_pylibsrtp_brings_along() -> None:
    assert (Path(pylibsrtp.__file__).parent / "_binding.abi3.so").samefile(load()._name)


def test_who_loads_it_first_is_of_no_matter() -> None:
    orders = ("import pylibsrtp; from rtp.srtp.library import load; load()", "from rtp.srtp.library import load; load(); import pylibsrtp")
    for order in orders:
        program = order + "; assert 'pylibsrtp' in load()._name, load()._name"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_what_is_closed_has_its_tag_and_is_opened_bit_by_bit(suite: Suite) -> None:
    closed = changed(begun(suite), packet(5))
    assert closed is not None
    assert len(closed) == len(packet(5)) + suite.tag
    assert b"voice" not in closed
    assert changed(begun(suite), closed, opens=True) == packet(5)
    assert suite.key_bytes <= KEY_BYTES


@pytest.mark.parametrize("suite", [suite for suite in SUITES if suite.name in PROFILES], ids=lambda suite: suite.name)
def test_another_implementations_view_is_the_same(suite: Suite) -> None:
    key, profile = key_of(suite), PROFILES[suite.name]
    theirs = Independent(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
    closed = changed(begun(suite), packet(7))
    report = begun(suite).protect_report(bytes([0x80, 201, 0, 1]) + SSRC.to_bytes(4, "big"))
    assert closed is not None
    assert report is not None
    assert theirs.unprotect(closed) == packet(7)
    assert len(report) == 8 + 4 + suite.report_tag
    assert theirs.unprotect_rtcp(report) == bytes([0x80, 201, 0, 1]) + SSRC.to_bytes(4, "big")


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
@pytest.mark.parametrize("rollovers", [1, 7, 0x8000_0000])
def test_a_session_goes_on_under_the_rollover_counter_that_it_is_given(suite: Suite, rollovers: int) -> None:
    sending, receiving = begun(suite, rollovers), begun(suite, rollovers)
    for number in (65_535, 65_536):
        closed = changed(sending, packet(number))
        assert closed is not None
        assert changed(receiving, closed, opens=True) == packet(number)
    assert sending.rollovers(SSRC) == receiving.rollovers(SSRC) == rollovers + 1


def test_another_rollover_counter_opens_nothing() -> None:
    suite = SUITES[0]
    closed = changed(begun(suite, 1), packet(9))
    assert closed is not None
    assert changed(begun(suite, 0), closed, opens=True) is None
    assert changed(begun(suite, 1), closed, opens=True) == packet(9)


def test_no_number_is_closed_twice() -> None:
    session = begun(SUITES[0])
    assert changed(session, packet(9)) is not None
    assert changed(session, packet(9, b"other" * 32)) is None


def test_a_stream_that_was_ended_is_gone() -> None:
    session = begun(SUITES[0])
    assert session.has(SSRC)
    session.end(SSRC)
    assert not session.has(SSRC)
    assert changed(session, packet(1)) is None


@pytest.mark.parametrize("length", [0, 16, 29, 31])
def test_a_key_of_another_length_is_refused_and_not_told(length: int) -> None:
    with pytest.raises(ValueError, match="AES_CM_128_HMAC_SHA1_80 has keys of 30 bytes") as refused:
        Session(SUITES[0], b"\x07" * length)
    assert "07" not in str(refused.value)
