"""What is wrong with a configuration, one line a problem."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps the settings from being used."""

    source: str
    """The file, or the name of the environment variable."""
    key: str
    """Dotted path, list items by number: ``trunks[0].host``. Empty where the whole source is meant."""
    text: str
    """What is wrong and what would have been right."""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.key, self.text) if part)


class ConfigError(Exception):
    """Settings that cannot be used; as text, one line a problem."""

    exit_code: Final = 78
    """EX_CONFIG of sysexits.h."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
