"""How a trunk writes numbers: brought to E.164 on their way in, to the trunk's own form on their way out, and then its rules. Pure.

- A number with a plus is E.164 already. One with the international prefix, else with the national one, becomes it.
- A number with neither (an extension, a service) stays as it is: nobody can know what it would be elsewhere.
- Of the rules for one number the first that matches it as a whole is applied, and no other.
"""

import re

from config.trunks import NumberSettings, RewriteSettings, TrunkSettings


class Numbering:
    """One trunk's way with numbers."""

    def __init__(self, trunk: TrunkSettings) -> None:
        self._numbers = trunk.numbers
        self._rules = [(rule, re.compile(rule.match)) for rule in trunk.rewrite]

    def inward(self, which: str, number: str) -> str:
        """A number that came from the trunk, as the house has it; ``which`` is ``called`` or ``caller``."""
        return self._rewritten("in", which, to_e164(self._numbers, number))

    def outward(self, which: str, number: str) -> str:
        """A number of the house's as the trunk wants it."""
        return self._rewritten("out", which, from_e164(self._numbers, number))

    def _rewritten(self, direction: str, which: str, number: str) -> str:
        for rule, pattern in self._rules:
            if _is_for(rule, direction, which) and (match := pattern.fullmatch(number)):
                return match.expand(rule.replace)
        return number


def to_e164(settings: NumberSettings, number: str) -> str:
    """A dialled number with its country in front of it, where that can be told."""
    digits = number.removeprefix("+")
    if not settings.country or number.startswith("+") or not (digits.isascii() and digits.isdigit()):
        return number
    international, national = settings.international_prefix, settings.national_prefix
    if international and digits.startswith(international):
        return f"+{digits.removeprefix(international)}"
    if national and digits.startswith(national):
        return f"+{settings.country}{digits.removeprefix(national)}"
    return number


def from_e164(settings: NumberSettings, number: str) -> str:
    """An E.164 number in the form that is sent; others stay as they are."""
    digits = number.removeprefix("+")
    if not number.startswith("+") or not (digits.isascii() and digits.isdigit()):
        return number
    match settings.send:
        case "international":
            return settings.international_prefix + digits
        case "plain":
            return digits
        case "national":
            is_home = digits.startswith(settings.country)
            return settings.national_prefix + digits.removeprefix(settings.country) if is_home else settings.international_prefix + digits
        case _:
            return number


def _is_for(rule: RewriteSettings, direction: str, which: str) -> bool:
    return rule.direction == direction and rule.which == which
