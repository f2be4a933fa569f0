"""`python -m bench.faults.worker`: a media worker with one fault put in. The environment says which (`bench.faults.names`)."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bench.faults.names import VARIABLE
from mediaserver.link.messages import SetMode
from mediaserver.worker import __main__ as entry
from mediaserver.worker import commands, plan, roster
from mediaserver.worker.state import State
from mixer.gains import Seat, gain
from mixer.modes import PARTIES, Mode, Role

_LEAK_SECONDS = 0.02
_QUIET = 10 ** (-35 / 20)
_EVERY = 3


def leak_frames() -> None:
    """After each change of mode the customer hears the supervisor for one frame."""
    leaking: dict[int, tuple[plan.Leg, float | None]] = {}
    set_mode, plan_all = commands.Desk._set_mode, roster.Roster.plan

    def leaking_set_mode(desk: commands.Desk, leg: plan.Leg, command: SetMode) -> None:
        set_mode(desk, leg, command)
        leaking[id(leg.seat)] = (leg, None)

    def leaking_gain(speaker: Seat, listener: Seat) -> float:
        if listener.role is Role.CUSTOMER and id(speaker) in leaking:
            return 1.0
        return gain(speaker, listener)

    def leaking_plan(everybody: roster.Roster, now: float) -> dict[int, list[int]]:
        for key, (leg, until) in list(leaking.items()):
            if until is None:
                leaking[key] = (leg, now + _LEAK_SECONDS)
            elif now >= until:
                del leaking[key]
                everybody.change(leg)
        return plan_all(everybody, now)

    _patch(commands.Desk, "_set_mode", leaking_set_mode)
    _patch(plan, "gain", leaking_gain)
    _patch(roster.Roster, "plan", leaking_plan)


def take_wrong_target() -> None:
    """What is for the agent goes to the customer."""
    swapped = {Role.AGENT: Role.CUSTOMER, Role.CUSTOMER: Role.AGENT}

    def wrong_gain(speaker: Seat, listener: Seat) -> float:
        if speaker.mode is Mode.WHISPER and listener.role in swapped:
            listener = replace(listener, role=swapped[listener.role])
        return gain(speaker, listener)

    _patch(plan, "gain", wrong_gain)


def take_other_rows() -> None:
    """Every third supervisor hears a party of another call in place of one of his own."""
    sources_of = plan._sources

    def other_sources(state: State, leg: plan.Leg, legs: Sequence[plan.Leg], *, gently: bool) -> list[Any]:
        sources: list[Any] = sources_of(state, leg, legs, gently=gently)
        if leg.seat.role is Role.SUPERVISOR and leg.id % _EVERY == 0:
            party_roles = [roster.ROLES.index(role) for role in PARTIES]
            strangers = [
                row
                for row in range(state.rows)
                if state.leg.id[row] >= 0 and state.leg.call[row] != leg.call and state.leg.role[row] in party_roles
            ]
            for source in [source for source in sources if source.is_party][:1]:
                source.row = strangers[0] if strangers else source.row
        return sources

    _patch(plan, "_sources", other_sources)


def quieten_a_leg() -> None:
    """Every third agent is 35 dB too quiet for everybody."""
    agents: dict[int, tuple[Seat, int]] = {}

    def quiet_gain(speaker: Seat, listener: Seat) -> float:
        loud = gain(speaker, listener)
        if speaker.role is not Role.AGENT:
            return loud
        _, number = agents.setdefault(id(speaker), (speaker, len(agents)))
        return loud * (1.0 if number % _EVERY else _QUIET)

    _patch(plan, "gain", quiet_gain)


_PUT_IN: dict[str, Callable[[], None]] = {
    "leaked-frame": leak_frames,
    "wrong-target": take_wrong_target,
    "other-row": take_other_rows,
    "quiet-leg": quieten_a_leg,
}


def _patch(holder: object, name: str, value: object) -> None:
    """Replace what is there; where the product has renamed it, the fault must not go missing in silence."""
    getattr(holder, name)
    setattr(holder, name, value)


if __name__ == "__main__":
    _PUT_IN[os.environ[VARIABLE]]()
    entry.main()
