"""floor: the bare cost of the packets. A process that only receives and sends back, in the same language and with the same turns."""

import asyncio
import json
import select
import socket
import subprocess
import sys
import time

import numpy as np

from bench.generator import process
from bench.generator.memory import Size
from bench.generator.rtp import LATE_LIMIT_MS, RtpGenerator, gap_p99_ms, late_ms
from bench.generator.signals import Tones
from bench.house import CUSTOMERS, SERVER
from bench.options import Surroundings
from bench.report import Result
from bench.server import cpu_seconds

_TURN = 0.002
_SETTLE = 2.0


async def run(around: Surroundings, *, calls: int, seconds: float) -> Result:
    """Three legs a call, each of which gets its own packets back."""
    legs = 3 * calls
    async with RtpGenerator(Size(legs), core=around.generator_core) as rtp:
        opened = await rtp.open((CUSTOMERS,) * legs)
        mirror = await asyncio.to_thread(_start_mirror, opened.ports, around)
        try:
            signals = [Tones((307 + 31 * at,), 2500) for at in range(96)]
            for leg, port in enumerate(json.loads(await asyncio.to_thread(_line, mirror))):
                rtp.start(leg, (SERVER, port), signals[leg % len(signals)])
            await rtp.sync()
            await asyncio.sleep(_SETTLE)
            before, cpu, begun = rtp.snapshot(), cpu_seconds(mirror.pid), time.monotonic()
            with around.progress.task("measuring", round(seconds)) as advance:
                while time.monotonic() < begun + seconds:
                    await asyncio.sleep(1)
                    advance(1)
            after, used, lasted = rtp.snapshot(), cpu_seconds(mirror.pid) - cpu, time.monotonic() - begun
        finally:
            mirror.terminate()
            mirror.wait()
    received, sent = int((after.received - before.received).sum()), int((after.sent - before.sent).sum())
    late = late_ms(before, after)[1]
    figures: dict[str, object] = {
        "calls": calls,
        "us_per_packet": round(1e6 * used / max(1, received), 3),
        "cpu_percent": round(100 * used / lasted, 1),
        "loss_percent": round(100 * max(0.0, 1 - received / max(1, sent)), 4),
        "worst_gap_p99_ms": float(gap_p99_ms(before, after, np.arange(legs)).max()),
        "generator_late_p99_ms": late,
    }
    result = Result("floor", figures, ok=late <= LATE_LIMIT_MS)
    if late > LATE_LIMIT_MS:
        result.notes.append(f"the generator was late (p99 {late} ms): this run does not count")
    return result


def _start_mirror(ports: tuple[int, ...], around: Surroundings) -> "subprocess.Popen[str]":
    core = "-" if around.server_core is None else str(around.server_core)
    launcher = [sys.executable, "-m", "bench.launch", core, str(around.server_nice)]
    mirror = subprocess.Popen(
        [*launcher, sys.executable, "-m", "bench.runs.floor"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert mirror.stdin is not None
    mirror.stdin.write(json.dumps(ports) + "\n")
    mirror.stdin.flush()
    return mirror


def _line(mirror: "subprocess.Popen[str]") -> str:
    assert mirror.stdout is not None
    return mirror.stdout.readline()


def mirror_packets() -> None:
    """The mirror's whole life: take the legs' ports, tell its own, send back what comes, every two milliseconds."""
    ports = json.loads(sys.stdin.readline())
    process.need_descriptors(len(ports) + 100)
    epoll, handles = select.epoll(), {}
    own = []
    for port in ports:
        handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        handle.setblocking(False)
        handle.bind((SERVER, 0))
        handle.connect((CUSTOMERS, port))
        epoll.register(handle.fileno(), select.EPOLLIN)
        handles[handle.fileno()] = handle
        own.append(handle.getsockname()[1])
    print(json.dumps(own), flush=True)
    receives = {descriptor: handle.recv_into for descriptor, handle in handles.items()}
    sends = {descriptor: handle.send for descriptor, handle in handles.items()}
    views = [memoryview(bytearray(256)) for _ in handles]
    while True:
        due = time.monotonic() + _TURN
        ready = [descriptor for descriptor, _ in epoll.poll(0, len(views))]
        lengths = [receives[descriptor](view) for descriptor, view in zip(ready, views, strict=False)]
        for descriptor, view, length in zip(ready, views, lengths, strict=False):
            sends[descriptor](view[:length])
        rest = due - time.monotonic()
        if rest > 0:
            time.sleep(rest)


if __name__ == "__main__":
    mirror_packets()
