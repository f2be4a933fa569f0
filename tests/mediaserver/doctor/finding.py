"""Findings looked up by what they are about."""

from collections.abc import Iterable
from typing import Any

from config.settings import Settings
from mediaserver.doctor.finding import Check, Finding
from mediaserver.doctor.running import examine


def the(name: str, findings: Iterable[Finding]) -> Finding:
    """The only one of that name."""
    [found] = [finding for finding in findings if finding.name == name]
    return found


def findings(checks: tuple[Check, ...], **settings: Any) -> list[Finding]:
    """What these checks find with these settings."""
    return examine(Settings.model_validate(settings), checks)
