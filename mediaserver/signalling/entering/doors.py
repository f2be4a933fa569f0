"""The dial-in doors: what a supervisor's called number asks for. Pure."""

import re
from dataclasses import dataclass

from config.settings import DoorSettings
from mixer.modes import Mode

_CALL_USER = re.compile(r"call-([0-9a-z]{1,32})(?:;mode=(listen|whisper|barge))?")
"""A call's own URI is ``sip:call-ID@server``; ``sip:call-ID;mode=whisper@server`` names a mode too."""


@dataclass(frozen=True, slots=True)
class Knock:
    """What was dialled: an agent or a call, a mode, perhaps a PIN."""

    mode: Mode
    agent: str = ""
    call: str = ""
    pin: str = ""


def read_knock(user: str, doors: DoorSettings) -> Knock | None:
    """What the user part of a called URI asks for; None: it is no door.

    Codes are ``*1robert`` or, with the PIN behind another star, ``*1robert*4711``.
    """
    if match := _CALL_USER.fullmatch(user):
        return Knock(Mode(match[2] or Mode.LISTEN), call=match[1])
    for code, mode in ((doors.listen, Mode.LISTEN), (doors.whisper, Mode.WHISPER), (doors.barge, Mode.BARGE)):
        if code and user.startswith(code) and len(user) > len(code):
            agent, _, pin = user[len(code) :].partition("*")
            return Knock(mode, agent=agent, pin=pin)
    return None
