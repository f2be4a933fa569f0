"""The bench's own codecs say what they should: levels and pitch come back, lengths are right, other implementations agree."""

import av
import numpy as np
import pytest

from bench.coding.codecs import CODECS, MAX_PAYLOAD, Codec
from bench.coding.opus import BIT_RATE

ROWS = [pytest.param(codec, ptime, id=f"{codec.name}-{ptime}") for codec in CODECS.values() for ptime in (10, 20, 30, 40, 60)]


def sine(codec: Codec, seconds: float = 2.0) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    times = np.arange(round(seconds * codec.rate)) / codec.rate
    return np.asarray(np.rint(8000 * np.sin(2 * np.pi * 701 * times)), np.int16)


@pytest.mark.parametrize(("codec", "ptime"), ROWS)
def test_a_tone_comes_back_in_level_pitch_and_length(codec: Codec, ptime: int) -> None:
    sent = sine(codec)
    payloads = codec.encode(sent, ptime)
    heard = codec.decode(payloads, ptime).astype(float)
    assert len(payloads) == 2000 // ptime
    assert len(heard) == len(payloads) * codec.samples(ptime)
    middle = heard[codec.rate // 2 : codec.rate // 2 + codec.rate]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert int(spectrum.argmax()) == 701
    assert np.sqrt((middle**2).mean()) == pytest.approx(8000 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize(("codec", "ptime"), ROWS)
def test_a_packet_fits_where_it_is_said_to(codec: Codec, ptime: int) -> None:
    largest = max(len(payload) for payload in codec.encode(sine(codec, 0.5), ptime))
    assert (largest <= MAX_PAYLOAD) is (ptime <= codec.largest_ms)


@pytest.mark.parametrize(("codec", "ptime"), ROWS)
def test_a_missing_packet_is_made_up_so_that_a_tone_goes_on(codec: Codec, ptime: int) -> None:
    payloads: list[bytes | None] = list(codec.encode(sine(codec), ptime))
    lost = len(payloads) // 2
    payloads[lost] = None
    heard = codec.decode(payloads, ptime).astype(float)
    assert len(heard) == len(payloads) * codec.samples(ptime)
    first = lost * codec.samples(ptime)
    begins = heard[first : first + codec.rate // 100]
    assert np.sqrt((begins**2).mean()) > 0.5 * 8000 / np.sqrt(2)


def test_opus_of_another_author_decodes_the_same() -> None:
    codec = CODECS["opus"]
    payloads = codec.encode(sine(codec), 20)
    ours = codec.decode(payloads, 20).astype(float)
    native = av.CodecContext.create("opus", "r")
    assert isinstance(native, av.AudioCodecContext)
    resampler = av.AudioResampler("s16", "mono", codec.rate)
    frames = [piece for payload in payloads for frame in native.decode(av.Packet(payload)) for piece in resampler.resample(frame)]
    theirs = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]).astype(float)
    size = min(len(ours), len(theirs)) - 4000
    errors = [np.abs(ours[2000:size] - theirs[2000 + lag : size + lag]).mean() for lag in range(-120, 120)]
    assert min(errors) < 300


def test_opus_sends_what_it_was_asked_for() -> None:
    random = np.random.default_rng(1)
    noise = (random.normal(size=32_000) * 3000).astype(np.int16)
    payloads = CODECS["opus"].encode(noise, 20)
    assert 8 * sum(map(len, payloads)) / 2.0 == pytest.approx(BIT_RATE, rel=0.4)
