"""What legs say: loops without a seam, marks where they are said to be, the same each time."""

from pathlib import Path

import numpy as np
import pytest

from bench.coding.codecs import CODECS
from bench.generator.companding import FRAME, decode
from bench.generator.formats import FORMATS
from bench.generator.signals import AUDIO, SECOND, Code, Marks, Plateau, Signal, Silence, Speech, Tones, mark_positions, render
from bench.judge.levels import ToneBank, decibels
from bench.judge.recording import build
from bench.judge.tones import judge_tone


@pytest.mark.parametrize(
    "signal",
    [Tones((433, 701), 1400.0), Code(7), Marks(7, 8000), Plateau(7, 4000), Silence(), Speech(AUDIO / "agent.wav", 3)],
    ids=lambda signal: type(signal).__name__,
)
def test_a_signal_is_the_same_each_time_and_whole_frames(signal: Signal) -> None:
    frames = render(signal, "PCMU")
    assert frames.shape[1] == FRAME
    assert frames.dtype == np.uint8
    assert np.array_equal(frames, render(signal, "PCMU"))


def test_a_tone_has_no_seam_where_its_loop_begins_again() -> None:
    samples = decode(render(Tones((433,), 8000.0), "PCMU"), "PCMU").ravel().astype(float)
    twice = np.tile(samples, 2)
    spectrum = np.abs(np.fft.rfft(twice * np.blackman(len(twice))))
    peak = int(spectrum.argmax())
    assert peak == 2 * 433
    beside = np.delete(spectrum, slice(peak - 4, peak + 5))
    assert 20 * np.log10(beside.max() / spectrum[peak]) < -50


def test_marks_are_single_samples_at_the_places_told_and_far_apart() -> None:
    signal = Marks(seed=3, amplitude=-8031)
    samples = decode(render(signal, "PCMU"), "PCMU")
    frames, places = mark_positions(signal)
    found = np.argwhere(np.abs(samples.astype(int)) > 100)
    assert [tuple(at) for at in found] == list(zip(frames, places, strict=True))
    assert np.diff(np.concatenate([frames, frames[:1] + signal.frames])).min() >= 15
    assert samples[frames[0], places[0]] < -7800


def test_every_sample_of_a_plateau_is_equally_loud() -> None:
    samples = np.abs(decode(render(Plateau(1, 3999), "PCMU"), "PCMU").astype(int))
    assert len(np.unique(samples)) == 1


def test_speech_may_begin_later_and_goes_round() -> None:
    whole, later = render(Speech(AUDIO / "agent.wav"), "PCMU"), render(Speech(AUDIO / "agent.wav", 10), "PCMU")
    assert np.array_equal(later[0], whole[500])
    assert np.array_equal(later[-1], whole[499])


def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    import wave

    file = tmp_path / "stereo.wav"
    with wave.open(str(file), "wb") as written:
        written.setnchannels(2)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(bytes(400))
    with pytest.raises(ValueError, match=r"stereo\.wav: want mono 16-bit 8 kHz, have 2 channels"):
        render(Speech(file), "PCMU")


@pytest.mark.parametrize("codec", ["G722", "opus", "L16/8000", "L16/16000"])
def test_a_tone_in_any_codec_is_a_second_of_packets_of_one_length_without_a_seam(codec: str) -> None:
    frames = render(Tones((433,), 8000.0), codec)
    assert frames.shape == (SECOND, FORMATS[codec].payload)
    heard = CODECS[codec].decode([frame.tobytes() for frame in np.tile(frames, (3, 1))], 20)
    rate = CODECS[codec].rate
    found = judge_tone(heard[rate // 2 :], 433.0, 8000.0, rate)
    assert abs(found.pitch_error) < 1e-4
    assert found.residual_db < -15


def test_what_is_no_tone_is_said_in_g711_only() -> None:
    with pytest.raises(ValueError, match="Marks is not said in opus"):
        render(Marks(7, 8000), "opus")


@pytest.mark.parametrize("frequencies", [(369, 1578), (524, 2942)])
def test_tones_of_g722_are_as_loud_at_the_seam_of_their_loop_as_everywhere(frequencies: tuple[int, int]) -> None:
    loop = render(Tones(frequencies, 1400.0), "G722")
    recording = build(np.arange(200, dtype=np.uint32) * 160, np.asarray(np.arange(200) * 0.02), np.tile(loop, (4, 1)), "G722")
    amplitudes = ToneBank(np.array(frequencies), 800).amplitudes(recording.samples, np.arange(8000, 24_000, 160))
    assert np.abs(decibels(amplitudes / 1400.0)).max() < 1.0
