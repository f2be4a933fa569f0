"""Wishes about an Opus stream, read from fmtp and said again."""

import pytest

from mixer.opus_parameters import MAX_BITRATE, MIN_BITRATE, OpusParameters


def test_nothing_said_is_the_default_of_the_rfc() -> None:
    wishes = OpusParameters.read("")
    assert (wishes.takes_fec, wishes.takes_dtx, wishes.takes_stereo, wishes.is_constant) == (False, False, False, False)
    assert (wishes.max_playback_rate, wishes.max_bitrate) == (48_000, MAX_BITRATE)


def test_every_parameter_is_read() -> None:
    wishes = OpusParameters.read("maxplaybackrate=16000; stereo=1;useinbandfec=1; UseDTX=1;cbr=1;maxaveragebitrate=20000")
    assert wishes == OpusParameters(
        takes_fec=True, takes_dtx=True, takes_stereo=True, is_constant=True, max_playback_rate=16_000, max_bitrate=20_000
    )


@pytest.mark.parametrize("text", ["useinbandfec=yes", "useinbandfec", "=1", ";;;", "maxaveragebitrate=-1;maxplaybackrate=1e9", "x" * 9000])
def test_nonsense_changes_nothing(text: str) -> None:
    assert OpusParameters.read(text) == OpusParameters()


def test_numbers_are_held_within_what_an_encoder_can() -> None:
    assert OpusParameters.read("maxaveragebitrate=510000").max_bitrate == MAX_BITRATE
    assert OpusParameters.read("maxaveragebitrate=1").max_bitrate == MIN_BITRATE
    assert OpusParameters.read("maxplaybackrate=96000").max_playback_rate == 48_000


def test_of_two_with_one_name_the_first_holds() -> None:
    assert OpusParameters.read("usedtx=1;usedtx=0").takes_dtx


def test_what_is_written_is_read_the_same() -> None:
    wishes = OpusParameters(takes_fec=True, takes_stereo=True, max_playback_rate=12_000, bitrate=18_000, complexity=9)
    assert OpusParameters.read(str(wishes)) == wishes


def test_no_remote_chooses_our_bitrate_or_how_hard_we_work() -> None:
    wishes = OpusParameters.read("complexity=10;bitrate=100000;maxaveragebitrate=20000")
    within = wishes.within(bitrate=24_000, complexity=3, sends_fec=True, sends_dtx=True, sends_stereo=True)
    assert (within.complexity, within.bitrate, within.max_bitrate) == (3, 24_000, 20_000)


def test_fec_dtx_and_stereo_are_sent_where_both_sides_want_them() -> None:
    wishes = OpusParameters(takes_fec=True, takes_dtx=True, takes_stereo=True)
    assert wishes.within(bitrate=0, complexity=5, sends_fec=True, sends_dtx=True, sends_stereo=True) == wishes
    assert wishes.within(bitrate=0, complexity=5, sends_fec=False, sends_dtx=False, sends_stereo=False) == OpusParameters()
    assert OpusParameters().within(bitrate=0, complexity=5, sends_fec=True, sends_dtx=True, sends_stereo=True) == OpusParameters()
