"""What is dialled at the doors, and which digits mean what."""

import pytest

from config.settings import DigitSettings, DoorSettings
from mediaserver.signalling.entering.digits import digit_of_info, mode_of_digit
from mediaserver.signalling.entering.doors import Knock, read_knock
from mixer.modes import Mode, Role

DOORS = DoorSettings()


@pytest.mark.parametrize(
    ("dialled", "knock"),
    [
        ("*1robert", Knock(Mode.LISTEN, agent="robert")),
        ("*2robert", Knock(Mode.WHISPER, agent="robert")),
        ("*31001", Knock(Mode.BARGE, agent="1001")),
        ("*1robert*4711", Knock(Mode.LISTEN, agent="robert", pin="4711")),
        ("call-0a1b2c", Knock(Mode.LISTEN, call="0a1b2c")),
        ("call-0a1b2c;mode=barge", Knock(Mode.BARGE, call="0a1b2c")),
    ],
)
def test_codes_and_call_uris_name_a_mode_and_who(dialled: str, knock: Knock) -> None:
    assert read_knock(dialled, DOORS) == knock


@pytest.mark.parametrize("dialled", ["", "*1", "*4robert", "1001", "robert", "call-", "call-XY", "call-1;mode=shout", "xcall-1"])
def test_anything_else_is_no_door(dialled: str) -> None:
    assert read_knock(dialled, DOORS) is None


def test_an_empty_code_closes_its_door() -> None:
    assert read_knock("robert", DoorSettings(listen="", whisper="*2", barge="*3")) is None


@pytest.mark.parametrize(
    ("content_type", "body", "digit"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Signal= *\r\nDuration= 250\r\n", "*"),
        ("application/dtmf-relay", b"Signal=11\r\n", "#"),
        ("application/dtmf-relay", b"Duration=160\r\n", None),
        ("application/dtmf", b"6", "6"),
        ("application/dtmf", b"a\r\n", "A"),
        ("application/dtmf", b"\xff\xfe", None),
        ("application/dtmf", b"55", None),
    ],
)
def test_info_bodies_hold_one_digit_or_none(content_type: str, body: bytes, digit: str | None) -> None:
    assert digit_of_info(content_type, body) == digit


def test_our_digits_are_four_five_and_six() -> None:
    asked = [mode_of_digit(digit, DigitSettings()) for digit in "4560"]
    assert asked == [(Mode.LISTEN, Role.AGENT), (Mode.WHISPER, Role.AGENT), (Mode.BARGE, Role.AGENT), None]


def test_freeswitch_digits_can_be_set() -> None:
    digits = DigitSettings(listen="0", whisper="1", whisper_customer="2", barge="3")
    asked = [mode_of_digit(digit, digits) for digit in "01234"]
    assert asked == [(Mode.LISTEN, Role.AGENT), (Mode.WHISPER, Role.AGENT), (Mode.WHISPER, Role.CUSTOMER), (Mode.BARGE, Role.AGENT), None]
