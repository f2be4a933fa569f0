"""How far somebody may go: the table that users, tokens, identities and roles share."""

from typing import Literal

from config.section import Section

RightName = Literal[
    "whisper_customer",
    "hang_up",
    "end",
    "take_over",
    "originate",
    "outside_numbers",
    "see_listeners",
    "links",
    "recordings",
    "reports",
    "trace",
    "admin",
]


class CeilingSettings(Section):
    """How far an identity may go; empty lists cover nobody, ``*`` everybody of the tenant."""

    agents: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    mode: Literal["listen", "whisper", "barge"] | None = None
    rights: tuple[RightName, ...] = ()
