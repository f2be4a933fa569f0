"""G.722: levels, narrowband calls, and what a coder leaves alone."""

import numpy as np
import pytest

from mixer.coders.opening import NoCoder, open_decoder, open_encoder
from mixer.formats import G722, PCMU
from tests.mixer.signals import Samples, level_change_db, tone


def through(samples: Samples, rate: int, ptime_ms: int = 20, heard_at: int = 0) -> Samples:
    """What is heard of samples (n) after a journey in packets; heard_at: the decoder's rate where it differs."""
    heard_at = heard_at or rate
    encoder, decoder = open_encoder(G722, rate), open_decoder(G722, heard_at)
    size, heard_size = rate * ptime_ms // 1000, heard_at * ptime_ms // 1000
    heard = []
    for start in range(0, len(samples) - size + 1, size):
        payload = encoder.encode(samples[start : start + size])
        assert len(payload) == 8 * ptime_ms
        out = np.zeros(heard_at * 120 // 1000, dtype=np.int16)
        assert decoder.decode(payload, out) == heard_size
        heard.append(out[:heard_size].copy())
    return np.concatenate(heard)


@pytest.mark.parametrize("frequency", [300, 1000, 3000, 5000, 6500])
def test_a_tone_keeps_its_level_in_a_wideband_call(frequency: float) -> None:
    said = tone(frequency, 1.0, 16_000)
    assert abs(level_change_db(said, through(said, 16_000))) < 0.1


@pytest.mark.parametrize("frequency", [300, 1000, 3000])
def test_a_tone_keeps_its_level_in_a_narrowband_call(frequency: float) -> None:
    said = tone(frequency, 1.0, 8_000)
    assert abs(level_change_db(said, through(said, 8_000))) < 0.1


@pytest.mark.parametrize(("rate", "heard_at"), [(16_000, 8_000), (8_000, 16_000)])
def test_a_narrowband_and_a_wideband_call_understand_each_other(rate: int, heard_at: int) -> None:
    said = tone(1000, 1.0, rate)
    assert abs(level_change_db(said, through(said, rate, heard_at=heard_at))) < 0.1


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_what_is_heard_does_not_depend_on_the_packet_time(ptime_ms: int) -> None:
    said = tone(700, 0.6, 16_000)
    assert (through(said, 16_000, ptime_ms) == through(said, 16_000, 10)).all()


def test_samples_beyond_full_scale_are_held_there_and_never_wrap() -> None:
    loud = tone(400, 0.5, 16_000, amplitude=30_000.0)
    heard = through(loud, 16_000)
    assert heard.max() <= 8191
    assert heard.min() >= -8192
    wrapped = np.abs(np.diff(heard[800:].astype(np.int64))).max()
    assert wrapped < 8191


def test_encoding_leaves_the_frame_as_it_was() -> None:
    frame = tone(400, 0.02, 16_000, amplitude=20_000.0)
    before = frame.copy()
    open_encoder(G722, 16_000).encode(frame)
    assert (frame == before).all()


def test_a_payload_with_more_than_there_is_room_for_is_not_decoded() -> None:
    assert open_decoder(G722, 16_000).decode(bytes(161), np.zeros(320, dtype=np.int16)) == 0


def test_an_empty_payload_has_no_samples() -> None:
    assert open_decoder(G722, 16_000).decode(b"", np.zeros(320, dtype=np.int16)) == 0


def test_a_loss_can_neither_be_concealed_nor_recovered_by_the_format() -> None:
    decoder, out = open_decoder(G722, 16_000), np.zeros(320, dtype=np.int16)
    assert decoder.conceal(out) == 0
    assert decoder.recover(bytes(160), out) == 0


def test_formats_from_tables_have_no_coder() -> None:
    with pytest.raises(NoCoder, match="PCMU"):
        open_decoder(PCMU, 8_000)
    with pytest.raises(NoCoder, match="PCMU"):
        open_encoder(PCMU, 8_000)
