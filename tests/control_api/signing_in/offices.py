"""An office on a virtual clock, with an issuer whose documents the test writes."""

import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from config.settings import Settings
from control_api.permissions import Identity
from control_api.signing_in.fetching import post
from control_api.signing_in.office import Means, Office

SETTINGS = Settings.model_validate(
    {
        "roles": [{"name": "lead", "teams": ["support"], "mode": "barge", "rights": ["end", "links"]}],
        "identities": [
            {"name": "carla", "password": "open sesame", "role": "lead"},
            {"name": "dora", "password": "hush", "ceiling": {"agents": ["*"], "mode": "listen", "rights": ["admin"]}},
            {"name": "carla", "tenant": "second", "password": "other", "ceiling": {"agents": ["*"], "mode": "barge", "rights": ["admin"]}},
        ],
    }
)
"""Two who sign in, and one of another tenant who has the first one's name."""


class Clock:
    """Time that goes by when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Notes:
    """A notary whose book is read."""

    def __init__(self) -> None:
        self.denials: list[tuple[str, str, str]] = []
        """Way, address and code."""
        self.changes: list[tuple[str, str, dict[str, Any]]] = []
        """Kind, whose, detail."""

    def denied(self, way: str, address: str, code: str, why: str) -> None:
        self.denials.append((way, address, code))

    def changed(self, kind: str, identity: Identity | None, address: str, detail: Mapping[str, Any]) -> None:
        self.changes.append((kind, identity.name if identity else "", dict(detail)))

    @property
    def kinds(self) -> list[str]:
        """Kinds of what was written."""
        return [kind for kind, _, _ in self.changes]


async def compare(kept: str, said: str) -> bool | None:
    """A comparison of passwords that are kept as they are."""
    return kept == said


async def nothing(place: str) -> bytes:
    """Nobody answers."""
    raise OSError(f"{place} is not there")


def office_of(
    settings: Settings = SETTINGS, clock: Callable[[], float] = time.monotonic, notes: Notes | None = None, **means: Any
) -> Office:
    """An office whose tokens are ``t1``, ``t2`` … with filling."""
    numbers = count(1)
    given: dict[str, Any] = {
        "check_password": compare,
        "fetch": nothing,
        "post": post,
        "entropy": lambda: f"t{next(numbers)}".ljust(43, "-"),
        "clock": clock,
        "wall": lambda: clock() + 1e9,
        "notary": notes or Notes(),
    }
    return Office(settings, Means(**given | means))
