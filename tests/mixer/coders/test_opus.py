"""Opus: what is heard of it, losses, silence, several frames in a packet, stereo, and the remote's wishes."""

import av
import numpy as np
import pytest

from mixer.coders.opening import open_decoder, open_encoder
from mixer.coders.opus import MAX_PAYLOAD, OpusDecoder, OpusEncoder
from mixer.coders.opus_packet import pack, packet_ticks, tells_of_the_one_before
from mixer.formats import OPUS
from mixer.opus_parameters import MAX_BITRATE, OpusParameters
from tests.mixer.signals import Samples, level_change_db, likeness_db, tone, voice

PTIMES = [10, 20, 30, 40, 50, 60]
FEC = OpusParameters(takes_fec=True)


def packets(encoder: OpusEncoder, samples: Samples, rate: int, ptime_ms: int) -> list[bytes]:
    """Samples (n) or (n, channels) in packets."""
    size = rate * ptime_ms // 1000
    return [encoder.encode(samples[start : start + size]) for start in range(0, len(samples) - size + 1, size)]


def heard(payloads: list[bytes], rate: int, decoder: OpusDecoder | None = None) -> Samples:
    """What a decoder makes of packets without a loss."""
    decoder, out = decoder or OpusDecoder(rate), np.zeros(rate * 120 // 1000, dtype=np.int16)
    pieces = []
    for payload in payloads:
        count = decoder.decode(payload, out)
        assert count == packet_ticks(payload) * rate // 48_000
        pieces.append(out[:count].copy())
    return np.concatenate(pieces)


@pytest.mark.parametrize("ptime_ms", PTIMES)
@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_a_voice_is_heard_in_every_packet_time(rate: int, ptime_ms: int) -> None:
    said = voice(1.8, rate)
    payloads = packets(OpusEncoder(rate), said, rate, ptime_ms)
    assert {packet_ticks(payload) for payload in payloads} == {48 * ptime_ms}
    assert likeness_db(said, heard(payloads, rate)) > 8
    assert abs(level_change_db(said, heard(payloads, rate))) < 1.0


@pytest.mark.parametrize(("rate", "heard_at"), [(16_000, 8_000), (8_000, 16_000)])
def test_a_narrowband_and_a_wideband_call_understand_each_other(rate: int, heard_at: int) -> None:
    said, same = tone(700, 1.0, rate), tone(700, 1.0, heard_at)
    assert abs(level_change_db(same, heard(packets(OpusEncoder(rate), said, rate, 20), heard_at))) < 0.1


@pytest.mark.parametrize("rate", [8_000, 16_000])
@pytest.mark.parametrize("frequency", [400, 1000, 2500])
def test_a_tone_keeps_its_level(rate: int, frequency: int) -> None:
    said = tone(frequency, 1.0, rate)
    assert abs(level_change_db(said, heard(packets(OpusEncoder(rate), said, rate, 20), rate))) < 0.1


def test_another_decoder_hears_the_same() -> None:
    """FFmpeg's own Opus decoder has no line of libopus in it."""
    said = voice(1.5, 16_000)
    payloads = packets(OpusEncoder(16_000), said, 16_000, 20)
    context = av.CodecContext.create("opus", "r")
    context.sample_rate, context.layout = 48_000, "mono"
    frames = [frame for payload in payloads for frame in context.decode(av.Packet(payload))]
    theirs = np.concatenate([frame.to_ndarray()[0] for frame in frames])[::3]
    assert likeness_db(heard(payloads, 16_000), np.rint(theirs * 8192).astype(np.int16)) > 20


def loud_loss(payloads: list[bytes], said: Samples, size: int) -> int:
    """Index of a packet from the middle of the loudest sound."""
    energies = [float(np.abs(said[index * size : (index + 1) * size].astype(np.int64)).sum()) for index in range(len(payloads))]
    return int(np.argmax(energies[5:-5])) + 5


@pytest.mark.parametrize("ptime_ms", [20, 40, 60])
def test_a_lost_packet_is_recovered_from_the_next_one_better_than_concealed(ptime_ms: int) -> None:
    said, size = voice(2.4, 16_000), 16 * ptime_ms
    payloads = packets(OpusEncoder(16_000, parameters=FEC), said, 16_000, ptime_ms)
    lost = loud_loss(payloads, said, size)
    true = heard(payloads, 16_000)[lost * size : (lost + 1) * size].astype(np.float64)
    errors = {}
    for way in ("conceal", "recover"):
        decoder, out = OpusDecoder(16_000), np.zeros(size, dtype=np.int16)
        heard(payloads[:lost], 16_000, decoder)
        count = decoder.conceal(out) if way == "conceal" else decoder.recover(payloads[lost + 1], out)
        assert count == size
        errors[way] = float(np.sum((out - true) ** 2))
        assert decoder.decode(payloads[lost + 1], out) == size
    assert errors["recover"] < 0.5 * errors["conceal"]
    assert errors["recover"] < 0.5 * float(np.sum(true**2))


def test_a_packet_without_fec_recovers_nothing_and_changes_nothing() -> None:
    payloads = packets(OpusEncoder(16_000), voice(0.6, 16_000), 16_000, 20)
    decoder, twin, out = OpusDecoder(16_000), OpusDecoder(16_000), np.full(320, 77, dtype=np.int16)
    heard(payloads[:9], 16_000, decoder)
    assert decoder.recover(payloads[10], out) == 0
    assert (out == 77).all()
    heard(payloads[:9], 16_000, twin)
    assert (heard(payloads[9:], 16_000, decoder) == heard(payloads[9:], 16_000, twin)).all()


def test_concealment_goes_on_as_it_sounded_and_fades() -> None:
    decoder, out = OpusDecoder(16_000), np.zeros(320, dtype=np.int16)
    said = heard(packets(OpusEncoder(16_000), tone(300, 0.4, 16_000), 16_000, 20), 16_000, decoder)
    loudness = []
    for _ in range(30):
        assert decoder.conceal(out) == 320
        loudness.append(int(np.abs(out).max()))
    assert loudness[0] > 0.5 * said.max()
    assert loudness[-1] < 0.05 * said.max()


def test_silence_is_not_sent_where_the_remote_wants_it_so() -> None:
    quiet = np.zeros(16_000 * 3, dtype=np.int16)
    payloads = packets(OpusEncoder(16_000, parameters=OpusParameters(takes_dtx=True)), quiet, 16_000, 20)
    assert payloads[100:].count(b"") > 40
    assert any(payloads[100:])
    assert b"" not in packets(OpusEncoder(16_000), quiet, 16_000, 20)


def test_a_tone_however_steady_is_no_silence() -> None:
    said = np.concatenate([tone(433, 4.0, 16_000), np.zeros(16_000 * 2, dtype=np.int16)])
    payloads = packets(OpusEncoder(16_000, parameters=OpusParameters(takes_dtx=True)), said, 16_000, 20)
    assert b"" not in payloads[:200]
    assert payloads[250:].count(b"") > 20


def test_packed_silence_is_not_sent_either() -> None:
    quiet = np.zeros(16_000 * 3, dtype=np.int16)
    payloads = packets(OpusEncoder(16_000, parameters=OpusParameters(takes_dtx=True)), quiet, 16_000, 30)
    assert payloads[60:].count(b"") > 30


def test_a_packed_frame_is_never_left_out_of_a_voice() -> None:
    for payload in packets(OpusEncoder(16_000, parameters=FEC), voice(6.0, 16_000), 16_000, 30):
        assert payload[1] == 0x83
        assert 0 not in payload[2:4]


def test_several_frames_in_a_packet_are_heard_as_if_each_had_its_own() -> None:
    singles = packets(OpusEncoder(16_000), voice(0.8, 16_000), 16_000, 20)
    pairs = [
        bytes((one[0] | 2, len(one) - 1)) + one[1:] + other[1:] for one, other in zip(singles[::2], singles[1::2], strict=True)
    ]  # RFC 6716 §3.2.4
    assert (heard(pairs, 16_000) == heard(singles, 16_000)).all()
    fours = [pack(four) for four in zip(*[iter(singles)] * 4, strict=True)]
    assert (heard(fours, 16_000) == heard(singles, 16_000)).all()


@pytest.mark.parametrize(("rate", "samples"), [(8_000, 20), (16_000, 40)])
def test_a_frame_of_two_and_a_half_milliseconds_is_decoded(rate: int, samples: int) -> None:
    celt = bytes((20 << 3,)) + bytes(20)
    assert OpusDecoder(rate).decode(celt, np.zeros(960, dtype=np.int16)) == samples


@pytest.mark.parametrize("payload", [b"", b"\x4b", b"\x4b\x3f", b"\x4a\xff\xff"])
def test_a_broken_payload_gives_nothing(payload: bytes) -> None:
    assert OpusDecoder(16_000).decode(payload, np.zeros(1920, dtype=np.int16)) == 0


def test_random_payloads_never_give_more_than_they_say() -> None:
    random, decoder, out = np.random.default_rng(3), OpusDecoder(16_000), np.zeros(1920, dtype=np.int16)
    for length in random.integers(0, 60, 3000).tolist():
        payload = random.bytes(length)
        assert decoder.decode(payload, out) in (0, packet_ticks(payload) // 3)
        assert decoder.recover(payload, out[:320]) in (0, 320)


def test_a_packet_with_more_than_there_is_room_for_is_not_decoded() -> None:
    payload = OpusEncoder(16_000).encode(voice(0.06, 16_000))
    assert OpusDecoder(16_000).decode(payload, np.zeros(320, dtype=np.int16)) == 0


def test_samples_beyond_full_scale_are_held_there_and_never_wrap() -> None:
    sound = heard(packets(OpusEncoder(16_000), tone(300, 0.5, 16_000, amplitude=30_000.0), 16_000, 20), 16_000)
    assert sound.max() <= 8191
    assert np.abs(np.diff(sound[1600:].astype(np.int64))).max() < 8191


def test_left_and_right_stay_apart() -> None:
    left, right = tone(500, 0.6, 16_000), np.zeros(9600, dtype=np.int16)
    payloads = packets(OpusEncoder(16_000, 2), np.stack([left, right], axis=1), 16_000, 20)
    decoder, out = OpusDecoder(16_000, 2), np.zeros((320, 2), dtype=np.int16)
    sides = np.zeros(2)
    for payload in payloads:
        assert decoder.decode(payload, out) == 320
        sides = np.maximum(sides, np.abs(out).max(axis=0)) if payload is payloads[-1] else sides
    assert sides[0] > 3_500
    assert sides[1] < 0.05 * sides[0]


def test_stereo_is_heard_in_one_channel_too() -> None:
    both = np.repeat(tone(500, 0.6, 16_000)[:, None], 2, axis=1)
    sound = heard(packets(OpusEncoder(16_000, 2), both, 16_000, 20), 16_000)
    assert abs(level_change_db(tone(500, 0.6, 16_000), sound)) < 0.2


def bits_a_second(parameters: OpusParameters) -> float:
    """What three seconds of a voice are sent with."""
    return sum(map(len, packets(OpusEncoder(16_000, parameters=parameters), voice(3.0, 16_000), 16_000, 20))) * 8 / 3.0


def test_the_remotes_limit_is_kept() -> None:
    assert bits_a_second(OpusParameters(max_bitrate=12_000)) < 13_000
    assert bits_a_second(OpusParameters(max_bitrate=12_000, bitrate=40_000)) < 13_000


def test_our_bitrate_is_sent_where_the_remote_allows_it() -> None:
    assert bits_a_second(OpusParameters(bitrate=40_000)) > 1.2 * bits_a_second(OpusParameters())
    assert bits_a_second(OpusParameters(bitrate=14_000)) < 15_000


def test_constant_packets_have_one_size() -> None:
    payloads = packets(OpusEncoder(16_000, parameters=OpusParameters(is_constant=True)), voice(1.0, 16_000), 16_000, 20)
    assert len({len(payload) for payload in payloads}) == 1


def test_what_the_remote_cannot_play_is_not_sent() -> None:
    narrow = packets(OpusEncoder(16_000, parameters=OpusParameters(max_playback_rate=8_000)), voice(0.4, 16_000), 16_000, 20)
    assert {payload[0] >> 3 for payload in narrow} == {1}


@pytest.mark.parametrize("ptime_ms", PTIMES)
def test_packets_fit_a_datagram(ptime_ms: int) -> None:
    noise = np.random.default_rng(5).integers(-8000, 8000, (16_000, 2)).astype(np.int16)
    payloads = packets(OpusEncoder(16_000, 2, OpusParameters(takes_fec=True, bitrate=MAX_BITRATE)), noise, 16_000, ptime_ms)
    assert max(map(len, payloads)) <= MAX_PAYLOAD


def test_a_remote_without_losses_gets_no_fec() -> None:
    encoder = OpusEncoder(16_000, parameters=FEC)
    said = voice(1.0, 16_000)
    assert any(tells_of_the_one_before(payload) for payload in packets(encoder, said, 16_000, 20))
    encoder.expect_loss(0)
    assert not any(tells_of_the_one_before(payload) for payload in packets(encoder, said, 16_000, 20)[2:])


def test_coders_are_opened_by_number_and_fmtp() -> None:
    encoder = open_encoder(OPUS, 16_000, parameters="maxplaybackrate=8000")
    payload = encoder.encode(voice(0.02, 16_000))
    assert payload[0] >> 3 == 1
    assert open_decoder(OPUS, 16_000).decode(payload, np.zeros(320, dtype=np.int16)) == 320
