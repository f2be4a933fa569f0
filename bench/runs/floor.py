"""floor: what the packets cost without any server: a process that receives and sends back, beside a server that carries as many.

Both stand on one core with as many legs, sockets alike, and the same socket loop, and take turns of some seconds: whoever does not have the
turn is stopped (SIGSTOP) and gets no packets. So their ratio holds on a machine whose speed moves. The server goes first, and the mirror
reads as often as it did then: a batch of another size would cost something else.
"""

import asyncio
import json
import os
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench import metrics
from bench.generator import process
from bench.generator.rtp import LATE_LIMIT_MS, RtpGenerator, gap_p99_ms, late_ms
from bench.generator.signals import Tones
from bench.house import CUSTOMERS, SERVER, House
from bench.options import SOCKET_LOOP, Surroundings
from bench.report import Result
from bench.runs.crowds import stand_up
from bench.server import Server, cpu_seconds
from bench.stage import Cast, Stage
from mediaserver.worker.outbox import WIDTH
from rtp.loops import Lines, SocketCounters, make_loop
from rtp.socket_library import is_compiled
from rtp.sockets import adopt, connect_beside

LIMIT_WITH_C = 1.35
"""Times the floor that a server may cost with the compiled loop."""
_USUAL_TURN = 0.002
_SETTLE = 2.0
_SIGNALS = tuple(Tones((307 + 31 * at,), 2500) for at in range(96))
COLUMNS = (
    "round",
    "turn_ms",
    "floor_us",
    "server_us",
    "ratio",
    "floor_cpu_percent",
    "server_cpu_percent",
    "server_loss_percent",
    "late_ms",
)


@dataclass(frozen=True, slots=True)
class Spell:
    """What one of the two did in one turn of some seconds."""

    microseconds: float
    """Of the core, for a packet received and sent."""
    turn: float
    """Seconds from turn to turn; 0 where nobody counts them."""
    cpu: float
    """Cores in use."""
    loss: float
    gap_ms: float
    """The worst listener's p99."""
    late_ms: float


@dataclass(frozen=True, slots=True)
class _Carrier:
    """One of the two: its processes, and the legs of the generator that talk to it."""

    pids: Callable[[], Sequence[int]]
    legs: range
    turns: Callable[[], Awaitable[float]]
    """How many it has made."""

    def stop(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for pid in self.pids())


async def run(around: Surroundings, *, calls: int, seconds: float, rounds: int = 3) -> Result:
    """Calls of three legs, a third of the supervisors whispering, the others listening; the mirror gives each leg its own packets back."""
    house = House.build(calls=calls, refuses_overload=False)
    legs = 3 * calls
    process.need_descriptors(2 * legs + 500)
    async with (
        Server(house, core=around.server_core, nice=around.server_nice) as server,
        Stage(house, Cast(calls, calls, calls), core=around.generator_core, codec=around.codec, spare=legs) as stage,
    ):
        mirror = _Carrier(lambda: (mirrored.pid,), range(legs, 2 * legs), _uncounted)
        served = _Carrier(server.processes, range(legs), lambda: _turns(server))
        mirrored = await _start_mirror(stage.rtp, mirror.legs, around)
        try:
            mirror.stop()
            stage.rtp.pause(mirror.legs)
            await stage.register(range(calls), range(calls), around.progress)
            await stand_up(stage, calls, _signals, around.progress, mode=_mode, records=False)
            spells: list[tuple[Spell, Spell]] = []
            for _ in range(rounds):
                full = await _turn_of(served, mirror, stage.rtp, seconds)
                _tell(mirrored, full.turn or _USUAL_TURN)
                bare = await _turn_of(mirror, served, stage.rtp, seconds)
                spells.append((bare, full))
                around.progress.say(f"floor {bare.microseconds:.2f} µs, server {full.microseconds:.2f} µs a packet")
        finally:
            mirrored.kill()
            mirrored.wait()
            served.go_on()
    return _result(spells, calls)


async def _turn_of(whose: _Carrier, other: _Carrier, rtp: RtpGenerator, seconds: float) -> Spell:
    """Give one of them the core and the packets for some seconds."""
    whose.go_on()
    rtp.pause(other.legs)
    await rtp.sync()
    other.stop()
    await asyncio.sleep(_SETTLE)
    turns, counted = await whose.turns(), time.monotonic()
    before, cpu, begun = rtp.snapshot(), whose.cpu_seconds(), time.monotonic()
    await asyncio.sleep(seconds)
    after, used, lasted = rtp.snapshot(), whose.cpu_seconds() - cpu, time.monotonic() - begun
    turns, counted = await whose.turns() - turns, time.monotonic() - counted
    legs = np.array(whose.legs)
    received, sent = int((after.received - before.received)[legs].sum()), int((after.sent - before.sent)[legs].sum())
    return Spell(
        1e6 * used / max(1, sent),
        counted / turns if turns else 0.0,
        used / lasted,
        max(0.0, 1 - received / max(1, sent)),
        float(gap_p99_ms(before, after, legs).max()),
        late_ms(before, after)[1],
    )


async def _turns(server: Server) -> float:
    return metrics.total(await server.metrics(), metrics.TURNS)


async def _uncounted() -> float:
    return 0.0


def _tell(mirrored: "subprocess.Popen[str]", turn: float) -> None:
    """How long the mirror's turns shall be from now on."""
    assert mirrored.stdin is not None
    mirrored.stdin.write(f"{turn}\n")
    mirrored.stdin.flush()


def _result(spells: Sequence[tuple[Spell, Spell]], calls: int) -> Result:
    language = "C" if is_compiled() and os.environ.get(SOCKET_LOOP) != "python" else "Python"
    ratio = statistics.median(server.microseconds / bare.microseconds for bare, server in spells)
    late = max(spell.late_ms for both in spells for spell in both)
    figures: dict[str, object] = {
        "calls": calls,
        "socket_loop": language,
        "ratio": round(ratio, 3),
        "turn_ms": round(1000 * statistics.median(server.turn for _, server in spells), 2),
        "floor_us_per_packet": round(statistics.median(bare.microseconds for bare, _ in spells), 3),
        "server_us_per_packet": round(statistics.median(server.microseconds for _, server in spells), 3),
        "worst_gap_p99_ms": max(server.gap_ms for _, server in spells),
        "generator_late_p99_ms": late,
    }
    rows = [_cells(number, *both) for number, both in enumerate(spells, 1)]
    within = language == "Python" or ratio <= LIMIT_WITH_C
    result = Result("floor", figures, COLUMNS, rows, ok=late <= LATE_LIMIT_MS and within)
    if late > LATE_LIMIT_MS:
        result.notes.append(f"the generator was late (p99 {late} ms): this run does not count")
    if not within:
        result.notes.append(f"more than {LIMIT_WITH_C} times the floor")
    return result


def _cells(number: int, bare: Spell, server: Spell) -> tuple[object, ...]:
    return (
        number,
        round(1000 * server.turn, 2),
        round(bare.microseconds, 3),
        round(server.microseconds, 3),
        round(server.microseconds / bare.microseconds, 3),
        round(100 * bare.cpu, 1),
        round(100 * server.cpu, 1),
        round(100 * server.loss, 4),
        max(bare.late_ms, server.late_ms),
    )


def _signals(number: int) -> tuple[Tones, Tones, Tones]:
    customer, agent, supervisor = (_SIGNALS[(number + 32 * at) % len(_SIGNALS)] for at in range(3))
    return customer, agent, supervisor


def _mode(number: int) -> str:
    return "whisper" if number % 3 == 2 else "listen"


async def _start_mirror(rtp: RtpGenerator, legs: range, around: Surroundings) -> "subprocess.Popen[str]":
    """Start the mirror, and have the generator's legs talk to it."""
    opened = await rtp.open((CUSTOMERS,) * len(legs))
    core = "-" if around.server_core is None else str(around.server_core)
    launcher = [sys.executable, "-m", "bench.launch", core, str(around.server_nice)]
    command = [*launcher, sys.executable, "-m", "bench.runs.floor"]
    mirror = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert mirror.stdin is not None
    assert mirror.stdout is not None
    mirror.stdin.write(json.dumps(opened.ports) + "\n")
    mirror.stdin.flush()
    for leg, port in zip(legs, json.loads(await asyncio.to_thread(mirror.stdout.readline)), strict=True):
        rtp.start(leg, (SERVER, port), _SIGNALS[leg % len(_SIGNALS)])
    await rtp.sync()
    return mirror


def mirror_packets() -> None:
    """The mirror's whole life: take the legs' ports, tell its own, send back what comes, in turns as long as it is told."""
    ports = json.loads(sys.stdin.readline())
    process.need_descriptors(2 * len(ports) + 100)
    lines = Lines.make(np.zeros((len(ports), WIDTH), dtype=np.uint8))
    counters = SocketCounters(*(np.zeros(len(ports), dtype=np.uint64) for _ in range(3)))
    loop = make_loop(lines, lines, counters, compiled=os.environ.get(SOCKET_LOOP) != "python")
    ends = [_ends(port) for port in ports]
    for row, (_, connected) in enumerate(ends):
        loop.watch(row, connected)
    print(json.dumps([connected.getsockname()[1] for _, connected in ends]), flush=True)
    turn, due = _USUAL_TURN, time.monotonic()
    while True:
        due = max(due + turn, time.monotonic())
        loop.send(0, loop.receive(0))
        if select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
            turn = float(sys.stdin.readline())


def _ends(port: int) -> tuple[socket.socket, socket.socket]:
    """The two sockets of a leg as the server has them: one that owns the port, and one beside it that is connected to the phone."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind((SERVER, 0))
    lent = adopt(bound.detach())
    return lent, connect_beside(lent, (CUSTOMERS, port))[0]


if __name__ == "__main__":
    mirror_packets()
