"""How the legs of a call sounded: read from the worker while they live, kept with the call when they end, written down at its end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from control_api.messages import iso
from mediaserver.call.inputs import LegId
from mediaserver.link.quality import LegQuality, Way
from mediaserver.observing.quality_metrics import EndedLegs
from mediaserver.signalling.calls.legs import Leg
from mixer.modes import Role

if TYPE_CHECKING:
    from mediaserver.signalling.calls.live import CallEntry
    from mediaserver.signalling.media.workers import Media

_log = structlog.get_logger(__name__)

MOST_RECORDS: Final = 64
"""Ended legs that a call remembers; who comes and goes more often than that is remembered last."""


@dataclass(frozen=True, slots=True)
class LegRecord:
    """A leg, live or ended."""

    role: Role
    codec: str
    is_live: bool
    quality: LegQuality


def record(media: "Media", entry: "CallEntry", leg: Leg, *, is_live: bool = True) -> LegRecord | None:
    """How a leg sounds now; None where it has no row, or its worker is gone."""
    quality = media.quality(leg.mixed_by or entry.worker, leg.row)
    if quality is None:
        return None
    return LegRecord(leg.role, "" if leg.media is None else leg.media.codec.name, is_live, quality)


def keep(media: "Media", entry: "CallEntry", leg: Leg, ended: EndedLegs) -> None:
    """Remember with its call how a leg sounded that is about to be closed, and count it."""
    found = record(media, entry, leg, is_live=False)
    if found is None:
        return
    ended.add((leg.mixed_by or entry.worker).index, found.quality)
    entry.records[leg.leg] = found
    while len(entry.records) > MOST_RECORDS:
        entry.records.pop(next(iter(entry.records)))


def records(media: "Media", entry: "CallEntry") -> dict[LegId, LegRecord]:
    """Every leg of a call of which anything is known, those that ended first."""
    live = {number: record(media, entry, leg) for number, leg in entry.legs.items()}
    return entry.records | {number: found for number, found in live.items() if found is not None}


def write_down(entry: "CallEntry", now: float) -> None:
    """One line about a call that is over: who, when, how it ended, and how its legs sounded."""
    view, offset = entry.view, time.time() - now
    _log.info(
        "call.record",
        call=view.call,
        tenant=view.tenant,
        caller=view.caller,
        called=view.called,
        agent=view.agent,
        trunk=view.trunk,
        started=iso(view.started + offset),
        answered=None if view.answered is None else iso(view.answered + offset),
        ended=iso(now + offset),
        cause=view.cause,
        legs=[{"leg": number} | record_model(found) for number, found in entry.records.items()],
    )


def record_models(found: Mapping[LegId, LegRecord]) -> dict[str, Any]:
    """Records as `control_api.messages.CallModel` has them, by number of the leg."""
    return {str(number): record_model(leg) for number, leg in found.items()}


def record_model(found: LegRecord) -> dict[str, Any]:
    """A record as `control_api.messages.QualityModel` has it."""
    quality = found.quality
    return {
        "role": str(found.role),
        "codec": found.codec,
        "live": found.is_live,
        "up": _way_model(quality.up),
        "down": _way_model(quality.down),
        "round_trip_ms": round(quality.round_trip * 1000, 1) if quality.round_trip else None,
        "late": quality.late,
        "concealed_ms": round(quality.concealed * 1000),
        "dropped": quality.dropped,
    }


def _way_model(way: Way) -> dict[str, Any] | None:
    if not way.is_known:
        return None
    return {
        "mos": round(way.mos, 2),
        "mos_average": round(way.mos_average, 2),
        "mos_least": round(way.mos_least, 2),
        "r": round(way.rating, 1),
        "loss": round(way.loss, 4),
        "lost": way.lost,
        "jitter_ms": round(way.jitter * 1000, 1),
    }
