"""soak: a crowd of calls with joins, leaves, switches and transfers for a long time; a few are judged, the server is weighed."""

from typing import Final

from bench.options import Surroundings
from bench.report import Result
from bench.runs.audibility import Plan, play_and_judge
from bench.runs.scene import Pace

SLOPE_SHARE: Final = 0.02
"""Share of its memory that the server may grow by in the second half …"""
SLOPE_LEAST_KIB: Final = 8192.0
"""… or this, whatever is more: a run of minutes cannot tell less from chance."""
_JUDGED_PACE: Final = Pace(lasts=(25.0, 60.0), rests=(0.8, 3.0), begins=5.0)
_LASTS: Final = (60.0, 180.0)
_SET_UPS_A_SECOND: Final = 20.0


async def run(
    around: Surroundings,
    *,
    calls: int,
    judged: int,
    minutes: float,
    changes: float,
    seed: int,
    codecs: tuple[str, ...] = (),
    journal: str | None = None,
) -> Result:
    """So many calls at once, ``judged`` of them listened to; ``changes``: things that happen to the others a minute, together."""
    crowd = max(0, calls - judged)
    rests = crowd * 60.0 / changes if changes else 1e9
    pace = Pace(_LASTS, (0.5 * rests, 1.5 * rests), begins=max(1.0, crowd / _SET_UPS_A_SECOND))
    plan = Plan(min(judged, calls), minutes * 60.0, seed, codecs, _JUDGED_PACE, crowd, pace)
    result = await play_and_judge(around, plan, journal=journal)
    slope, rss = result.figures["rss_slope_kib_a_minute"], result.figures["rss_mib"]
    grows = slope * minutes / 2 > max(SLOPE_LEAST_KIB, SLOPE_SHARE * rss[-1] * 1024)
    result.bench = "soak"
    result.figures |= {"calls_at_once": calls, "minutes": minutes}
    result.ok = result.ok and not grows
    if grows:
        result.notes.append(f"the server grows by {slope} KiB a minute")
    return result
