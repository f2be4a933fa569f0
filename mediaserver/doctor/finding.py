"""What a check finds, and how bad it is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from config.settings import Settings


class Grade(StrEnum):
    """How good a finding is."""

    GOOD = "good"
    POOR = "poor"
    """The server runs, and something of it does not, or not as well."""
    BAD = "bad"
    """It will not do what the settings ask."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    name: str
    grade: Grade
    text: str
    todo: str = ""
    """What to do about it; never empty where something is not good."""


Check = Callable[[Settings], Finding | tuple[Finding, ...]]
"""From the settings to what was found; none where the settings do not ask for what it looks at. It waits for `PATIENCE` at most."""
PATIENCE = 3.0
"""Seconds."""
