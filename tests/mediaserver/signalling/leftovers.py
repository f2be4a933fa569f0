"""Nothing is left: what a signalling process may hold after its last call ended and every timer of SIP ran out."""

from mediaserver.link.messages import CloseLeg, OpenLeg
from tests.mediaserver.signalling.exchange import Exchange

LONGEST_TIMER = 70.0
"""Seconds; above 64 T1 and every wait of the doors."""


def leftovers(exchange: Exchange) -> dict[str, object]:
    """Let time pass, then name whatever is still held; empty where nothing is."""
    exchange.run(LONGEST_TIMER)
    calls, worker = exchange.switchboard.calls, exchange.media.worker
    opened = sorted(told.leg for told in worker.of(OpenLeg))
    held: dict[str, object] = {
        "calls": [entry.view.call for entry in calls],
        "legs by number": list(calls._by_leg),
        "legs by session": list(calls._by_session),
        "ports lent": exchange.ports.lent,
        "calls of the worker": worker.calls,
        "rows of the worker": sorted(set(opened) - {told.leg for told in worker.of(CloseLeg)}),
        "legs opened twice": sorted({leg for leg in opened if opened.count(leg) > 1}),
        "requests that wait": list(exchange.switchboard.requests._waiting),
        "supervisors about to be rung": list(exchange.switchboard.entering),
        "browsers": len(exchange.house.peers),
        "inputs that wait": list(exchange.switchboard._waiting),
        "timers set": len([timer for timer in exchange._timers.values() if timer.due is not None]),
        "sessions": exchange.server.agent.live_sessions,
        "transactions, sessions and timers of SIP": exchange.server.agent.leftovers(),
    }
    return {what: found for what, found in held.items() if found}
