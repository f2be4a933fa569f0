"""Who may see who listens: calls, events and meters without the supervisors whom their reader is not to see, by his tenant's policy.

Everybody sees himself, and whoever has the right ``see_listeners`` sees all. What people say of a call among themselves (notes, flags,
calls for help) no guest is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from control_api.permissions import Identity, Right, is_guest
from mixer.modes import Role

SeenBy = Literal["everybody", "supervisors", "permitted"]
"""Whoever may see the call; those who supervise it too; those who have the right."""


NOTHING: Final[frozenset[int]] = frozenset()
GONE: Final = -1
"""Stands for the legs of supervisors who have left."""
WORDS: Final = -2
"""Stands for what is said of the call."""
MARKS: Final = frozenset({GONE, WORDS})
"""What is no leg."""
_NO_WORDS: Final = frozenset({WORDS})
_OF_WORDS: Final = frozenset({"call.note", "call.flag", "call.unflag", "call.help", "call.help_over"})
"""Events that tell of nothing else."""


@dataclass(frozen=True, slots=True)
class Discretion:
    """Of one call, as it is told at one moment."""

    seen_by: SeenBy = "everybody"
    supervisors: Mapping[int, str] = field(default_factory=dict)
    """The identities of its supervisors, by leg, of one who is about to be gone too."""

    def hides_from(self, identity: Identity | None) -> frozenset[int]:
        """The legs, and marks, that he does not see; None: a program that is told of calls, and is nobody."""
        hidden = self._listeners_hidden_from(identity)
        return hidden | _NO_WORDS if identity is not None and is_guest(identity) else hidden

    def _listeners_hidden_from(self, identity: Identity | None) -> frozenset[int]:
        if self.seen_by == "everybody" or (identity is not None and Right.SEE_LISTENERS in identity.ceiling.rights):
            return NOTHING
        own = {leg for leg, name in self.supervisors.items() if identity is not None and name == identity.name}
        return NOTHING if own and self.seen_by == "supervisors" else frozenset((*(self.supervisors.keys() - own), GONE))


OPEN: Final = Discretion()
"""Nothing is hidden."""


def without(call: dict[str, Any], hidden: frozenset[int]) -> dict[str, Any]:
    """A call's model without these legs; of supervisors who were there once, nothing either, where they are hidden too."""
    if WORDS in hidden:
        call = {**call, "flags": [], "help": None}
    if not hidden - _NO_WORDS:
        return call
    shown = {str(leg["leg"]) for leg in call["legs"] if leg["role"] == Role.SUPERVISOR and leg["leg"] not in hidden}
    quality = {leg: told for leg, told in call.get("quality", {}).items() if told["role"] != Role.SUPERVISOR or leg in shown}
    return {**call, "legs": [leg for leg in call["legs"] if leg["leg"] not in hidden], "quality": quality}


def meters_without(body: Mapping[str, Any], hidden: frozenset[int]) -> dict[str, Any]:
    """Meters without these legs."""
    return {"legs": {leg: told for leg, told in body["legs"].items() if int(leg) not in hidden}}


def event_without(kind: str, body: Mapping[str, Any], hidden: frozenset[int]) -> dict[str, Any] | None:
    """An event's body without these legs, and without who did what it tells of; None where it is about nothing but one of them."""
    if not hidden:
        return dict(body)
    if WORDS in hidden and kind in _OF_WORDS:
        return None
    if body.get("leg") in hidden and not kind.startswith("call."):
        return None
    told = dict(body)
    if isinstance(told.get("call"), Mapping):
        told["call"] = without(told["call"], hidden)
    if told.get("leg") in hidden:
        told["leg"], told["detail"] = None, {}
    return told
