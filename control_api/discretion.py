"""Who may see who listens: calls, events and meters without the supervisors whom their reader is not to see, by his tenant's policy.

Everybody sees himself, and whoever has the right ``see_listeners`` sees all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from control_api.permissions import Identity, Right
from mixer.modes import Role

SeenBy = Literal["everybody", "supervisors", "permitted"]
"""Whoever may see the call; those who supervise it too; those who have the right."""


NOTHING: Final[frozenset[int]] = frozenset()
GONE: Final = -1
"""Stands for the legs of supervisors who have left."""


@dataclass(frozen=True, slots=True)
class Discretion:
    """Of one call, as it is told at one moment."""

    seen_by: SeenBy = "everybody"
    supervisors: Mapping[int, str] = field(default_factory=dict)
    """The identities of its supervisors, by leg, of one who is about to be gone too."""

    def hides_from(self, identity: Identity | None) -> frozenset[int]:
        """The legs that he does not see; None: a program that is told of calls, and is nobody."""
        if self.seen_by == "everybody" or (identity is not None and Right.SEE_LISTENERS in identity.ceiling.rights):
            return NOTHING
        own = {leg for leg, name in self.supervisors.items() if identity is not None and name == identity.name}
        return NOTHING if own and self.seen_by == "supervisors" else frozenset((*(self.supervisors.keys() - own), GONE))


OPEN: Final = Discretion()
"""Nothing is hidden."""


def without(call: dict[str, Any], hidden: frozenset[int]) -> dict[str, Any]:
    """A call's model without these legs; of supervisors who were there once, nothing either."""
    if not hidden:
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
    if body.get("leg") in hidden and not kind.startswith("call."):
        return None
    told = dict(body)
    if isinstance(told.get("call"), Mapping):
        told["call"] = without(told["call"], hidden)
    if told.get("leg") in hidden:
        told["leg"], told["detail"] = None, {}
    return told
