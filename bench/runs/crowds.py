"""Setting up many monitored calls at a steady pace."""

import asyncio
from collections.abc import Callable

from bench.generator.secrecy import PLAIN
from bench.generator.signals import Signal
from bench.house import AGENTS, CUSTOMERS, SUPERVISORS
from bench.progress import Progress
from bench.stage import Call, Stage, in_group

_SET_UPS_A_SECOND = 25

Signals = Callable[[int], tuple[Signal, Signal, Signal]]
"""A call's number to what its customer, agent and supervisor send."""


async def stand_up(
    stage: Stage,
    count: int,
    signals: Signals,
    progress: Progress,
    *,
    mode: Callable[[int], str] = lambda number: "listen",
    records: bool = True,
    codecs: tuple[str, ...] = ("",),
    suites: tuple[str, ...] = (PLAIN,),
    first: Callable[[], int] = lambda: -1,
) -> list[Call]:
    """So many calls, each with its supervisor, recorded unless told otherwise. Raises `CallFailed` where one fails.

    Signals are handed to the generator before the first call: amid calls it would send late meanwhile, and playout get used to that.

    codecs, suites: of which each leg has one, other ones in each call; an empty codec for the stage's.
    first: drawn for each leg, the number of the first packet that it sends.
    """
    standing: list[Call] = []
    for number in range(count):
        for place, signal in enumerate(signals(number)):
            stage.rtp.prepare(signal, codecs[(number + place) % len(codecs)] or stage.codec)
    await stage.rtp.sync()
    with progress.task(f"setting up {count} calls", count) as advance:

        async def one(number: int) -> None:
            await asyncio.sleep(number / _SET_UPS_A_SECOND)
            customer, agent, supervisor = (
                stage.take(
                    address,
                    signal,
                    records=records,
                    codec=codecs[(number + place) % len(codecs)],
                    suite=suites[(number + place) % len(suites)].replace(PLAIN, ""),
                    first=first(),
                )
                for place, (address, signal) in enumerate(zip((CUSTOMERS, AGENTS, SUPERVISORS), signals(number), strict=True))
            )
            call = await stage.call(number, customer, agent)
            await stage.join(call, number, supervisor, mode(number))
            standing.append(call)
            advance(1)

        await in_group(one(number) for number in range(count))
    return sorted(standing, key=lambda call: call.agent_number)
