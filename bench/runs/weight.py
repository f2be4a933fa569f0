"""How heavy the server is while something happens to it: resident memory over time, and what it grows by."""

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np

from bench.server import Server

_EVERY = 2.0


@dataclass(slots=True)
class Weight:
    """Samples of resident memory, all processes of the server."""

    times: list[float] = field(default_factory=list)
    """Monotonic."""
    kib: list[int] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Seconds of the processor so far."""

    async def watch(self, server: Server, until: float) -> None:
        """Weigh it every two seconds."""
        while time.monotonic() < until:
            self.times.append(time.monotonic())
            self.kib.append(server.resident_kib())
            self.cpu.append(server.cpu_seconds())
            await asyncio.sleep(_EVERY)

    def slope_kib_a_minute(self) -> float:
        """Growth in the second half, by least squares: what is filled once is filled by then. 0.0 of less than three samples."""
        half = len(self.times) // 2
        times, kib = np.array(self.times[half:]), np.array(self.kib[half:], np.float64)
        if len(times) < 3:
            return 0.0
        return float(np.polyfit(times - times[0], kib, 1)[0] * 60.0)

    def figures(self) -> dict[str, object]:
        """For a bench's result."""
        if len(self.times) < 2:
            return {}
        share = (self.cpu[-1] - self.cpu[0]) / (self.times[-1] - self.times[0])
        return {
            "rss_mib": [round(kib / 1024, 1) for kib in (self.kib[0], self.kib[len(self.kib) // 2], self.kib[-1])],
            "rss_slope_kib_a_minute": round(self.slope_kib_a_minute(), 1),
            "server_cpu": round(100 * share, 1),
        }
