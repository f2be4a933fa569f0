"""The head of an Opus packet: durations, frames, FEC flags, and packing."""

import numpy as np
import pytest

from mixer.coders.opus import OpusEncoder
from mixer.coders.opus_packet import first_frame, pack, packet_ticks, tells_of_the_one_before, ticks_of
from mixer.opus_parameters import OpusParameters
from tests.mixer.signals import voice

# RFC 6716 table 2, line by line: configurations and their frame sizes in milliseconds
TABLE = (
    [10, 20, 40, 60] * 3  # SILK narrow, medium, wide
    + [10, 20] * 2  # hybrid super-wide, full
    + [2.5, 5, 10, 20] * 4  # CELT narrow, wide, super-wide, full
)


def toc(configuration: int, code: int = 0, stereo: bool = False) -> bytes:
    """The first byte of a packet."""
    return bytes((configuration << 3 | stereo << 2 | code,))


@pytest.mark.parametrize("configuration", range(32))
def test_a_frame_lasts_what_its_configuration_says(configuration: int) -> None:
    assert packet_ticks(toc(configuration) + b"abc") == TABLE[configuration] * 48


@pytest.mark.parametrize(("head", "frames"), [(toc(1, 1), 2), (toc(1, 2), 2), (toc(1, 3) + b"\x03", 3), (toc(1, 3) + b"\xc6", 6)])
def test_a_packet_lasts_as_long_as_its_frames_together(head: bytes, frames: int) -> None:
    assert packet_ticks(head + b"abc") == frames * 960


@pytest.mark.parametrize("payload", [b"", toc(1, 3), toc(1, 3) + b"\x00", toc(1, 3) + b"\x07", toc(3, 3) + b"\x3f"])
def test_no_frames_or_more_than_120_ms_are_no_packet(payload: bytes) -> None:
    assert packet_ticks(payload) == 0


def test_many_packets_are_timed_at_once_as_one_by_one() -> None:
    random = np.random.default_rng(7)
    payloads = [random.bytes(int(length)) for length in random.integers(0, 5, 2000)]
    heads = np.array([list(payload.ljust(2, b"\0")[:2]) for payload in payloads], dtype=np.uint8)
    lengths = np.array([len(payload) for payload in payloads])
    assert ticks_of(heads, lengths).tolist() == [packet_ticks(payload) for payload in payloads]


@pytest.mark.parametrize(
    ("payload", "frame"),
    [
        (toc(1) + b"one", b"one"),
        (toc(1, 1) + b"onetwo", b"onetwo"),
        (toc(1, 2) + b"\x03onetw", b"onetw"),
        (toc(1, 2) + b"\x00two", b""),
        (toc(1, 3) + b"\x02onetwo", b"onetwo"),
        (toc(1, 3) + b"\x83\x03\x02onetwx", b"onetwx"),
        (toc(1, 3) + b"\x83\x00\x02twx", b""),
        (toc(1, 3) + b"\x42\x02onetwo\0\0", b"onetwo\0\0"),
        (toc(1, 3) + b"\xc2\xff\x01\x03onetwo", b"onetwo"),
        (toc(1, 2) + b"\xfc\x01" + bytes(256) + b"x", bytes(256) + b"x"),
        (toc(1, 3), b""),
        (b"", b""),
    ],
)
def test_the_first_frame_is_found_behind_every_kind_of_head(payload: bytes, frame: bytes) -> None:
    assert first_frame(payload) == frame


def test_packed_frames_follow_their_lengths() -> None:
    packed = pack([toc(0) + b"one", toc(0) + bytes(260), toc(0) + b"three"])
    assert packed == toc(0, 3) + b"\x83" + b"\x03" + b"\xfc\x02" + b"one" + bytes(260) + b"three"
    assert packet_ticks(packed) == 3 * 480


def test_a_frame_of_another_configuration_leaves_its_place_empty() -> None:
    assert pack([toc(0) + b"one", toc(4) + b"two", toc(0) + b"three"]) == toc(0, 3) + b"\x83\x03\x00onethree"


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 50, 60])
@pytest.mark.parametrize("channels", [1, 2])
def test_fec_is_seen_where_the_encoder_was_asked_for_it_and_nowhere_else(ptime_ms: int, channels: int) -> None:
    frames = voice(1.2, 16_000).reshape(-1, 160)[: 120 // (ptime_ms // 10) * (ptime_ms // 10)].reshape(-1, 16 * ptime_ms)
    stereo = [np.repeat(frame[:, None], channels, axis=1) if channels > 1 else frame for frame in frames]
    with_fec = OpusEncoder(16_000, channels, OpusParameters(takes_fec=True))
    without = OpusEncoder(16_000, channels)
    assert sum(tells_of_the_one_before(with_fec.encode(frame)) for frame in stereo) > len(frames) // 3
    assert not any(tells_of_the_one_before(without.encode(frame)) for frame in stereo)


def test_celt_has_no_fec() -> None:
    assert not tells_of_the_one_before(toc(19) + b"\xff\xff")
