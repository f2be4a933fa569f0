"""A desk with as many calls as one wants, which talk: meters twice a second, and events."""

import asyncio
import random
from contextlib import suppress
from itertools import count
from typing import Any, Final

from control_api.ports import HouseEvent
from mixer.modes import Role
from tests.control_api.desk import FakeDesk, call_model, leg_model

TEAMS: Final = ("support", "sales", "billing", "retention")
QUEUES: Final = ("orders", "returns", "contracts", "vip", "technical")
CAMPAIGNS: Final = ("", "", "spring", "winback")
NAMES: Final = ("anders", "bea", "carlos", "dana", "emil", "farah", "greta", "hugo", "ines", "jonas", "kira", "liam", "mara", "nils")


class Crowd:
    """Fills a desk, and keeps it alive."""

    def __init__(self, desk: FakeDesk, calls: int, seed: int = 1) -> None:
        self._desk = desk
        self._random = random.Random(seed)
        self._numbers = count(1)
        self._speaks: dict[str, int] = {}
        for _ in range(calls):
            self.add()

    def add(self) -> dict[str, Any]:
        """One more call."""
        number = next(self._numbers)
        draw = self._random
        agent = f"{draw.choice(NAMES)}.{number}"
        customer = f"+49 {draw.randrange(30, 900)} {draw.randrange(100_000, 9_999_999)}"
        metadata = {"queue": draw.choice(QUEUES)} | ({"campaign": campaign} if (campaign := draw.choice(CAMPAIGNS)) else {})
        parties = [leg_model(1, Role.CUSTOMER, customer), leg_model(2, Role.AGENT, agent)]
        if draw.random() < 0.3:
            parties = [leg_model(1, Role.AGENT, agent), leg_model(2, Role.CUSTOMER, customer)]
        call = call_model(
            f"c{number}",
            agent,
            caller=customer,
            team=draw.choice(TEAMS),
            metadata=metadata,
            duration=draw.expovariate(1 / 240),
            state="held" if draw.random() < 0.04 else "answered",
            legs=parties,
        )
        self._speaks[call["call"]] = draw.choice((1, 2))
        self._desk.put(call)
        return call

    async def talk(self, meters_hz: float, events_hz: float) -> None:
        """Until cancelled."""
        with suppress(asyncio.CancelledError):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._meter(1 / meters_hz))
                if events_hz:
                    group.create_task(self._happen(1 / events_hz))

    def meter(self) -> None:
        """What everybody's legs say now."""
        for identifier, call in self._desk.live.items():
            self._desk.publish(self._meters(identifier, call))

    async def _meter(self, period: float) -> None:
        while True:
            self.meter()
            await asyncio.sleep(period)

    async def _happen(self, period: float) -> None:
        """Calls end and others begin, are held and resumed."""
        while True:
            await asyncio.sleep(period)
            identifier = self._random.choice(list(self._desk.live))
            call = self._desk.live[identifier]
            match self._random.randrange(3):
                case 0:
                    self._desk.end_call(identifier)
                    self.add()
                case 1:
                    self._desk.put(call | {"state": "held"}, "call.held")
                case _:
                    self._desk.put(call | {"state": "answered"}, "call.resumed")

    def _meters(self, identifier: str, call: dict[str, Any]) -> HouseEvent:
        draw = self._random
        speaker = self._speaks.get(identifier, 0)
        if draw.random() < 0.18:
            speaker = self._speaks[identifier] = draw.choice((0, 1, 1, 2, 2, 3))
        legs = {}
        for leg in call["legs"]:
            speaks = leg["role"] != "supervisor" and bool(speaker & leg["leg"])
            level = draw.uniform(-30, -14) if speaks else draw.uniform(-75, -60)
            mos = 4.4 - (hash(identifier) % 100 < 4) * 1.2 - (hash(identifier) % 100 < 12) * 0.5
            legs[str(leg["leg"])] = {"level_dbov": level, "speaks": speaks, "mos_up": mos, "mos_down": None}
        body = {"legs": legs}
        return HouseEvent("meters", call["tenant"], identifier, call["agent"], call["team"], lambda: body)
