"""Why a command of the link is not carried out."""

from typing import TypeVar

from mixer.modes import Mode, Role

_Choice = TypeVar("_Choice", Role, Mode)


class Refusal(Exception):
    """A command is not carried out, and nothing was changed."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def member(kind: type[_Choice], value: str, what: str) -> _Choice:
    """A value that a command names; `Refusal` where there is none of that name."""
    try:
        return kind(value)
    except ValueError:
        raise Refusal("bad_value", f"{what} {value!r}; it is one of {', '.join(kind)}") from None
