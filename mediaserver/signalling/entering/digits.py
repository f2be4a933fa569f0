"""Digits that a supervisor presses during the call, and how SIP INFO carries them. Pure."""

from config.settings import DigitSettings
from mixer.modes import Mode, Role

_KEYS = frozenset("0123456789*#ABCD")


def digit_of_info(content_type: str, body: bytes) -> str | None:
    """The digit of an INFO body; None where there is none.

    ``application/dtmf-relay`` says ``Signal=5``, ``application/dtmf`` just ``5``; 10 and 11 stand for star and hash.
    """
    text = body.decode("ascii", "replace").strip()
    if content_type == "application/dtmf-relay":
        pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
        text = next((value.strip() for key, value in pairs if key.strip().lower() == "signal"), "")
    digit = {"10": "*", "11": "#"}.get(text, text.upper())
    return digit if digit in _KEYS else None


def mode_of_digit(digit: str, digits: DigitSettings) -> tuple[Mode, Role] | None:
    """The mode that a digit asks for, and toward whom; None: it means nothing."""
    for key, mode, target in (
        (digits.listen, Mode.LISTEN, Role.AGENT),
        (digits.whisper, Mode.WHISPER, Role.AGENT),
        (digits.whisper_customer, Mode.WHISPER, Role.CUSTOMER),
        (digits.barge, Mode.BARGE, Role.AGENT),
    ):
        if key and digit == key:
            return mode, target
    return None
