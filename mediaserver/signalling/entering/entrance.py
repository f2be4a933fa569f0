"""The way in for a supervisor who dialled: which call, whether he may, his PIN, and then the call.

Who must give a PIN waits in the call's own seat, heard by nobody and hearing nothing but the prompt, until it is right. If a party has
gone meanwhile, it is not the conversation any more that he asked to speak in: he enters in listen.
"""

from dataclasses import replace
from functools import partial

import structlog

from control_api.permissions import Identity, Refusal, check_mode
from mediaserver.call import actions, inputs
from mediaserver.call.inputs import LegId
from mediaserver.signalling.calls.legs import Leg, Waiting
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.entering.doors import Knock
from mediaserver.signalling.entering.identities import User
from mediaserver.signalling.entering.pins import PinLocks
from mediaserver.signalling.house import House
from mediaserver.signalling.media.sounds import ENTER_PIN, SEVERAL_CALLS, WRONG_PIN
from mixer.modes import Mode, Role

_log = structlog.get_logger(__name__)

_LONGEST_PIN = 32
_WAIT_SECONDS = 30.0
_ANNOUNCEMENT_SECONDS = 5.5
_RETRY_SECONDS = 30

NOT_FOUND = 404
FORBIDDEN = 403
AMBIGUOUS = 485
UNAVAILABLE = 503


class Entrance:
    """Finds the call that a knock is about and lets permitted supervisors in."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard
        limits = house.settings.limits
        self._pins = PinLocks(limits.pin_attempts, limits.pin_lock, house.counters, house.check_pin)

    def is_locked(self, user: User) -> bool:
        """Whether wrong PINs keep this user out for now."""
        return bool(user.pin) and self._pins.is_locked(user.name, self._house.clock())

    def find(self, identity: Identity, knock: Knock) -> list[CallEntry] | int:
        """The calls that are meant and that he may enter, or the SIP status that refuses: 404, 403."""
        entries = self._candidates(identity, knock)
        allowed: list[CallEntry] = []
        refusal = NOT_FOUND
        for entry in entries:
            try:
                check_mode(identity, entry.subject, knock.mode, Role.AGENT)
            except Refusal as problem:
                if problem.code in ("forbidden", "private"):
                    refusal = FORBIDDEN
                self._house.counters.add("refusals", problem.code)
                _log.warning("supervision.refused", identity=identity.name, call=entry.view.call, mode=knock.mode, why=problem.text)
            else:
                allowed.append(entry)
        return allowed or refusal

    def _candidates(self, identity: Identity, knock: Knock) -> list[CallEntry]:
        if knock.call:
            entry = self._switchboard.calls.get(knock.call)
            return [entry] if entry is not None and not entry.is_lounge else []
        agent = self._house.router.agent_called(identity.tenant, knock.agent)
        return self._switchboard.calls.of_agent(identity.tenant, agent) if agent is not None else []

    def enter(self, entry: CallEntry, leg: Leg, user: User, identity: Identity, knock: Knock) -> None:
        """Let him in, after his PIN where he has one."""
        supervisor = inputs.Supervisor(identity=identity.name, name=identity.name, mode=knock.mode)
        if not user.pin:
            self._arrive(entry, leg, supervisor)
            return
        timer = self._house.new_timer(lambda: self._give_up(entry, leg, "no_pin"))
        leg.waiting = Waiting(user, supervisor, timer, _parties(entry))
        leg.waiting.timer.set(self._house.clock() + _WAIT_SECONDS)
        if knock.pin:
            self._judge(entry, leg, leg.waiting, user, knock.pin)
        else:
            self._say(entry, leg, ENTER_PIN)

    def announce(self, entry: CallEntry, leg: Leg) -> None:
        """Tell him that his agent has several calls, from a seat in one of them where he hears nothing else, and hang up."""
        leg.waiting = Waiting(None, None, self._house.new_timer(lambda: self._give_up(entry, leg, "ambiguous")))
        leg.waiting.timer.set(self._house.clock() + _ANNOUNCEMENT_SECONDS)
        self._say(entry, leg, SEVERAL_CALLS)

    def _say(self, entry: CallEntry, leg: Leg, sound: str) -> None:
        for action in (
            actions.OpenLeg(leg.leg, Role.SUPERVISOR),
            actions.AcceptLeg(leg.leg),
            actions.PlaySound(leg.leg, sound, loop=False),
        ):
            self._switchboard.perform(entry, action)

    def pressed(self, entry: CallEntry, leg: Leg, digit: str) -> None:
        """A digit of somebody who waits with his PIN to give; ``#`` ends it."""
        waiting = leg.waiting
        if waiting is None or waiting.user is None or waiting.is_judged:
            return
        if digit != "#":
            waiting.digits = (waiting.digits + digit)[-_LONGEST_PIN:]
            return
        pin, waiting.digits = waiting.digits, ""
        self._judge(entry, leg, waiting, waiting.user, pin)

    def _judge(self, entry: CallEntry, leg: Leg, waiting: Waiting, user: User, pin: str) -> None:
        """Compare his PIN; the answer may come later, when he may be gone."""
        waiting.is_judged = True
        self._pins.check(user, pin, self._house.clock(), partial(self._judged, entry, leg, waiting))

    def _judged(self, entry: CallEntry, leg: Leg, waiting: Waiting, is_right: bool) -> None:
        if leg.waiting is not waiting or waiting.user is None or waiting.supervisor is None:
            return
        waiting.is_judged = False
        if not is_right and leg.identity is not None:
            about = {"call": entry.view.call, "leg": leg.leg, "agent": entry.view.agent}
            self._house.recorder.refused_here(leg.identity, "pin", Refusal("forbidden", "wrong PIN"), about)
        if is_right:
            waiting.timer.cancel()
            leg.waiting = None
            if leg.is_opened:
                self._switchboard.perform(entry, actions.StopSound(leg.leg))
            is_as_before = waiting.parties <= _parties(entry)
            self._arrive(entry, leg, waiting.supervisor if is_as_before else replace(waiting.supervisor, mode=Mode.LISTEN))
        elif not leg.is_opened:
            self._say(entry, leg, WRONG_PIN)
        elif self.is_locked(waiting.user):
            self._give_up(entry, leg, "pin_locked")
        else:
            self._switchboard.perform(entry, actions.PlaySound(leg.leg, WRONG_PIN, loop=False))
        self._house.settle()

    def left(self, entry: CallEntry, leg: Leg) -> None:
        """He hung up while he waited."""
        self._switchboard.turn_away(entry, leg)

    def _arrive(self, entry: CallEntry, leg: Leg, supervisor: inputs.Supervisor) -> None:
        try:
            self._switchboard.feed(entry, inputs.SupervisorArrived(leg.leg, supervisor))
        except Refusal as refusal:
            _log.warning("supervisor.kept_out", call=entry.view.call, identity=supervisor.identity, why=refusal.text, hint=refusal.hint)
            self._house.counters.add("refusals", refusal.code)
            self._switchboard.perform(entry, actions.RejectLeg(leg.leg, UNAVAILABLE, "", _RETRY_SECONDS))
            return
        _log.info("supervisor.arrived", call=entry.view.call, identity=supervisor.identity, mode=supervisor.mode)

    def _give_up(self, entry: CallEntry, leg: Leg, why: str) -> None:
        _log.warning("supervisor.kept_out", call=entry.view.call, why=why, identity=leg.identity.name if leg.identity else "")
        self._house.counters.add("refusals", why)
        if leg.identity is not None:
            refusal = Refusal("forbidden", why)
            self._house.recorder.refused_here(leg.identity, "supervise", refusal, {"call": entry.view.call, "leg": leg.leg})
        self._switchboard.turn_away(entry, leg)
        self._house.settle()


def _parties(entry: CallEntry) -> frozenset[LegId]:
    return frozenset(view.leg for view in entry.view.legs if view.role is not Role.SUPERVISOR)
