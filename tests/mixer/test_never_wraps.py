"""However many speak however loudly, what leaves is held at full scale and never wraps, in every codec and at both rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixer.arrays import Int16
from mixer.coders.opening import open_decoder, open_encoder
from mixer.formats import FORMATS, G722, L16_NARROW, OPUS, PCMA
from mixer.g711 import DECODE, encode
from mixer.l16 import decode_into, encode_into
from mixer.mixing import ramp, saturate, sum_for_ears, sum_plain, sum_ramped

FULL_SCALE = {0: 8031, PCMA: 8064}
STEP = {0: 256, PCMA: 256}
"""Half of the widest interval of G.711 in the 14-bit domain, twice."""
TABLES = [number for number, form in enumerate(FORMATS) if not form.has_coder]
GAINS = st.floats(0.0, 4.0, width=32)


def voices(seed: int, speakers: int) -> Int16:
    """Frames (1, speaker, 160) of any samples that a decoder gives, loud ones above all."""
    rng = np.random.default_rng(seed)
    loud = rng.choice([-8192, -8031, 8031, 8191], (1, speakers, 160))
    return np.where(rng.random((1, speakers, 160)) < 0.5, loud, rng.integers(-8192, 8192, (1, speakers, 160))).astype(np.int16)


def said(mixed: Int16, codec: int) -> Int16:
    """What a phone hears of frames (1, samples) in a codec that is coded from tables."""
    if codec <= PCMA:
        return np.asarray(DECODE[codec][encode(mixed, np.array([codec]))])
    payload = np.zeros((1, 2 * mixed.shape[1]), dtype=np.uint8)
    encode_into(payload, mixed)
    heard = np.zeros_like(mixed)
    decode_into(heard, payload)
    return heard


def assert_held(mixed: Int16, exact: np.ndarray[tuple[int, ...], np.dtype[np.float64]], codec: int) -> None:
    most, slack = FULL_SCALE.get(codec, 8192), STEP.get(codec, 2)
    heard = said(mixed, codec).astype(np.int64)
    assert np.abs(heard).max() <= most
    assert np.abs(heard - np.clip(exact, -most, most)).max() <= slack


@pytest.mark.parametrize("codec", TABLES)
@given(seed=st.integers(0, 1 << 20), speakers=st.integers(1, 16))
@settings(max_examples=30)
def test_a_plain_sum_is_held_at_full_scale(codec: int, seed: int, speakers: int) -> None:
    frames = voices(seed, speakers)
    assert_held(sum_plain(frames), frames.sum(axis=1, dtype=np.float64), codec)


@pytest.mark.parametrize("codec", TABLES)
@given(seed=st.integers(0, 1 << 20), gains=st.lists(GAINS, min_size=1, max_size=16), goal=GAINS)
@settings(max_examples=30)
def test_so_it_is_with_volumes_up_to_four_and_while_they_change(codec: int, seed: int, gains: list[float], goal: float) -> None:
    frames, shares = voices(seed, len(gains)), ramp(2, 80)
    gain, goals = np.array([gains], dtype=np.float32), np.full((1, len(gains)), goal, dtype=np.float32)
    moving = gain[..., None] + (goals - gain)[..., None] * shares
    exact = (frames * moving.astype(np.float64)).sum(axis=1)
    assert_held(saturate(sum_ramped(frames, gain, goals, shares)), exact, codec)
    ears = sum_for_ears(frames, gain, goals, np.ones((1, len(gains), 2), dtype=np.float32), shares)
    for heard in np.split(saturate(ears), 2, axis=1):
        assert_held(heard, exact, codec)


@pytest.mark.parametrize(("codec", "channels"), [(G722, 1), (OPUS, 1), (OPUS, 2)])
@pytest.mark.parametrize("rate", [8_000, 16_000])
@pytest.mark.parametrize("over", [1.0, 4.0, 60.0])
def test_a_coder_is_given_what_is_held_at_full_scale(codec: int, channels: int, rate: int, over: float) -> None:
    encoder, decoder = open_encoder(codec, rate, channels), open_decoder(codec, rate, channels)
    tone = np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate) * 8031 * over
    mixed = saturate(tone.astype(np.float32))
    frames = mixed.reshape(-1, rate // 50)
    out = np.zeros(rate // 50 if channels == 1 else (rate // 50, 2), dtype=np.int16)
    heard = []
    for frame in frames:
        decoder.decode(encoder.encode(frame if channels == 1 else np.stack([frame, frame], axis=1)), out)
        heard.append(out[:, 0].copy() if channels == 2 else out.copy())
    late, wanted = np.concatenate(heard)[rate // 4 :].astype(float), np.clip(tone, -8191, 8191)
    likeness = max(np.corrcoef(late, wanted[rate // 4 - delay :][: len(late)])[0, 1] for delay in range(rate // 50))
    assert likeness > 0.95


def test_one_voice_at_unity_is_as_it_was_at_full_scale_too() -> None:
    everything = np.arange(-8192, 8192, dtype=np.int16).reshape(1, 1, -1)
    assert (sum_plain(everything) == everything[:, 0]).all()
    for codec in (0, PCMA):
        codes = np.arange(256, dtype=np.uint8)[None]
        assert (DECODE[codec][encode(sum_plain(DECODE[codec][codes][:, None]), np.array([codec]))] == DECODE[codec][codes]).all()
    assert (said(everything[:, 0], L16_NARROW) == np.minimum(everything[:, 0], 8191)).all()
