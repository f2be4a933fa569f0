"""demo: calls that talk for ever, for somebody who wants to see the server at work. Reads the server's own configuration."""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.generator import process
from bench.generator.phones.asking import CallFailed, Credentials
from bench.generator.signals import AUDIO, Speech
from bench.stage import Call, Cast, Stage, in_group
from config.loading import load
from config.settings import RouteSettings, Settings

_AGENTS = "127.0.0.3"
_SUPERVISORS = "127.0.0.4"
_AGAIN_AFTER = 3.0
"""Seconds between the end of a call and the next one."""
_DIALOGUE = 72
_PEOPLE = (("+15550134", "billing"), ("+15550177", "internet"), ("+15550112", "sales"), ("+15550160", "support"))


class NothingToPlay(process.PreparationFailed):
    """The configuration has no trunk, agent or route that the demo could use."""


@dataclass(frozen=True, slots=True)
class Home:
    """The people of a configuration, as the stage wants them."""

    sip: tuple[str, int]
    addresses: tuple[str, str, str]
    agents: tuple[Credentials, ...]
    numbers: tuple[str, ...]

    def agent(self, number: int) -> Credentials:
        """The agents in the order of the file."""
        return self.agents[number]

    def supervisor(self, number: int) -> Credentials:
        """The demo has none of its own."""
        raise NotImplementedError

    def dialled(self, number: int) -> str:
        """The number of the route that leads to him."""
        return self.numbers[number]


async def run(*, config: Path | None = None, calls: int) -> None:
    """Keep so many calls talking until stopped; a call that ends, or fails, is made anew."""
    process.die_with_parent()
    home = home_of(load(config, os.environ), calls)
    async with Stage(home, Cast(calls, calls, 0), core=None, hurries=False, longest=10**9) as stage:
        await in_group(_keep(stage, number) for number in range(len(home.agents)))


def server_of(settings: Settings) -> tuple[str, int]:
    """Where this machine reaches the server's SIP."""
    bind = settings.sip.addresses[0]
    return ("127.0.0.1" if bind in {"0.0.0.0", "::"} else bind), settings.sip.udp_port


def home_of(settings: Settings, calls: int) -> Home:
    """The first agents whom a trunk's customers can dial, with their secrets. Raises `NothingToPlay`."""
    secrets: Mapping[str, str] = {user.name: user.secret.get_secret_value() for user in settings.users if user.secret is not None}
    trunk = next((trunk for trunk in settings.trunks if trunk.addresses), None)
    if trunk is None:
        raise NothingToPlay("the configuration has no trunk with addresses: the demo's customers call from there")
    routes = [route for route in settings.routes if route.trunk in {"*", trunk.name}]
    found = []
    for agent in settings.agents:
        number = next((number for route in routes if (number := _number(route, agent.name))), None)
        secret = secrets.get(agent.user or "")
        if number is not None and agent.user and secret is not None:
            found.append((Credentials(agent.user, secret), number))
    if not found:
        raise NothingToPlay(f"no route of the trunk {trunk.name} leads to an agent with a user and a plain number")
    people, numbers = zip(*found[:calls], strict=True)
    address = trunk.addresses[0].partition("/")[0]
    return Home(server_of(settings), (address, _AGENTS, _SUPERVISORS), tuple(people), tuple(numbers))


def _number(route: RouteSettings, agent: str) -> str | None:
    """A number that this route takes to this agent; None where it does not, or no plain number tells."""
    if f"agent:{agent}" in route.targets and re.fullmatch(r"[\w+]+", route.number):
        return route.number
    if "agent:{number}" in route.targets and re.fullmatch(route.number, agent):
        return agent
    return None


async def _keep(stage: Stage, number: int) -> None:
    """One customer who calls one agent again and again; both speak the dialogue, begun at another place in each call."""
    caller, queue = _PEOPLE[number % len(_PEOPLE)]
    customers, agents, _ = stage.house.addresses
    begins = number * _DIALOGUE // 3 % _DIALOGUE
    customer = stage.take(customers, Speech(AUDIO / "customer.wav", begins))
    agent = stage.take(agents, Speech(AUDIO / "agent.wav", begins))
    while True:
        try:
            await stage.agents.register(stage.house.agent(number))
            call = await stage.call(number, customer, agent, caller=caller, headers=(("X-Queue", queue),))
        except (CallFailed, TimeoutError):
            await asyncio.sleep(_AGAIN_AFTER)
            continue
        await _until_over(call)
        for leg in call.legs:
            stage.rtp.stop(leg.number)
        await asyncio.sleep(_AGAIN_AFTER)


async def _until_over(call: Call) -> None:
    """Until one side is gone; then the other is ended too, should the server not do it."""
    both = [leg.dialog for leg in call.legs if leg.dialog is not None]
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(dialog.ended.wait()) for dialog in both]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(1.0)
        for dialog in both:
            await dialog.bye()
