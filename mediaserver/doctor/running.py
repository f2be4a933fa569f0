"""Every check at once, each with its own bounded wait; told in one order."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from config.settings import Settings
from mediaserver.doctor import certificates, clock, helpers, keeping, machine, nat, ports
from mediaserver.doctor.finding import Check, Finding, Grade

CHECKS: Final[tuple[Check, ...]] = (
    *(*machine.CHECKS, *clock.CHECKS, *ports.CHECKS, *nat.CHECKS),
    *(*certificates.CHECKS, *helpers.CHECKS, *keeping.CHECKS),
)
"""In the order in which they are told."""


def examine(settings: Settings, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """Every finding. A check that fails itself is one too."""
    with ThreadPoolExecutor(len(checks)) as threads:
        return [finding for found in threads.map(lambda check: _checked(check, settings), checks) for finding in found]


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether nothing is bad."""
    return all(finding.grade is not Grade.BAD for finding in findings)


def _checked(check: Check, settings: Settings) -> tuple[Finding, ...]:
    try:
        found = check(settings)
    except Exception as problem:
        # The outermost place of a check: one that fails must not keep the others from being told.
        name = check.__name__.strip("_").replace("_", " ")
        return (Finding(name, Grade.POOR, f"could not be looked at: {problem or type(problem).__name__}", "see docs/command-line.md"),)
    return found if isinstance(found, tuple) else (found,)
