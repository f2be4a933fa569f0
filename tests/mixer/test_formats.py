"""Formats by what their rtpmap says."""

from mixer.formats import FORMATS, G722, L16_NARROW, L16_WIDE, OPUS, PCMA, PCMU, format_of, number_of
from mixer.g711 import LAWS


def test_every_format_is_found_by_its_rtpmap() -> None:
    assert [number_of(form.name, form.clock_rate, form.channels) for form in FORMATS] == [PCMU, PCMA, G722, L16_NARROW, L16_WIDE, OPUS]


def test_names_are_found_however_they_are_written() -> None:
    assert format_of("opus", 48_000, 2) is FORMATS[OPUS]


def test_another_clock_or_more_channels_are_another_format() -> None:
    assert number_of("G722", 16_000, 1) == -1
    assert format_of("L16", 44_100, 1) is None
    assert format_of("PCMU", 8_000, 2) is None


def test_the_laws_of_g711_are_the_numbers_of_their_formats() -> None:
    assert {FORMATS[law].name: law for law in (PCMU, PCMA)} == LAWS


def test_blocks_of_ten_milliseconds_count_ticks_of_the_rtp_clock() -> None:
    assert [form.block_ticks for form in FORMATS] == [80, 80, 80, 80, 160, 480]
