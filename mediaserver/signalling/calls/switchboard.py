"""The switchboard: what SIP, the workers and the desk tell becomes a call's input, and its actions are carried out.

The one invariant: after anything happened, the machine's actions are performed in order, its timer is set again, the
commands for the worker leave as one frame (one turn), and the SIP shell settles.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import structlog

from config.policies import policy_of
from control_api.acting import acting
from control_api.permissions import Identity, may_stay
from mediaserver.call import actions as call_actions
from mediaserver.call import inputs
from mediaserver.call.actions import Publish
from mediaserver.call.ending import GOODBYE, Cause
from mediaserver.call.inputs import LegId
from mediaserver.call.limits import CallLimits
from mediaserver.call.machine import Call
from mediaserver.call.view import CallView
from mediaserver.link.messages import DatagramReceived, DigitReceived, LegDoubted, MediaStarted, Notice
from mediaserver.signalling.browser.peer import Loss, PeerLost
from mediaserver.signalling.calls.farewells import Farewells
from mediaserver.signalling.calls.legs import NOWHERE, Leg
from mediaserver.signalling.calls.live import CallEntry, Calls
from mediaserver.signalling.calls.performing import PerformedAction, Performer
from mediaserver.signalling.calls.records import records, write_down
from mediaserver.signalling.calls.requests import PendingRequests
from mediaserver.signalling.house import House
from mediaserver.signalling.media.agreeing import tell_way
from mediaserver.signalling.media.worker import Worker
from mediaserver.signalling.overload import Overload
from mediaserver.signalling.routing.placing import Placer
from mixer.modes import Role
from sip.offer_answer import Negotiation

SLICES = 16
"""Of the calls whose media is watched, one after the other."""
MISSING_AFTER = 0.5
"""Seconds without RTP after which a leg's media is missing."""

_log = structlog.get_logger(__name__)


class NoWorker(Exception):
    """No media worker can take a call now."""


class Overloaded(NoWorker):
    """There is no room for one more call: those that stand would suffer."""


class Switchboard:
    """Every live call, and the way from happenings to their machines."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.calls = Calls()
        self.overload = Overload(lambda: house.settings.limits, self.calls, house.clock)
        self.requests = PendingRequests()
        self.is_draining = False
        self.entering: dict[LegId, Identity] = {}
        """Supervisors whose phones the desk is about to ring."""
        self.on_digit: Callable[[CallEntry, Leg, str], None] = lambda entry, leg, digit: None
        self.calls.on_tied = self._tie
        self.on_changed: Callable[[CallEntry], None] = lambda entry: None
        """Told after each input to a call."""
        self.on_told: Callable[[CallEntry, Publish], None] = lambda entry, told: None
        """Told what calls say of themselves, lounges too, after the watchers were."""
        house.legs = self.calls.legs
        house.peers.on_way = self._way_changed
        house.peers.on_lost = self._browser_lost
        placer = Placer(house, self.calls, self.new_leg, self.feed)
        self.farewells = Farewells(house)
        self._performer = Performer(house, self.calls, self.requests, placer, self.farewells, self.feed)
        self._leg_numbers = itertools.count(1)
        self._call_numbers = itertools.count(1)
        self._waiting: deque[tuple[CallEntry, inputs.Input | None]] = deque()
        self._is_feeding = False
        self._slice = 0
        self._told: deque[tuple[CallEntry, CallView, Publish]] = deque()
        """What watchers are still to be told."""
        self._is_publishing = False

    # calls and legs

    def new_call(
        self, tenant: str, trunk: str, *, ring_timeout: float | None = None, agent: str | None = None, is_lounge: bool = False
    ) -> CallEntry:
        """Begin a call that has no leg yet, on the worker of the agent's other calls where he has any; raises `NoWorker`."""
        others = self.calls.of_agent(tenant, agent) if agent else []
        worker = self.house.media.choose(others[0].worker if others else None)
        if worker is None:
            raise NoWorker("no media worker is up")
        if why := self.overload.refuses(worker):
            self.house.counters.add("overload", why)
            raise Overloaded(why)
        worker.calls += 1
        call_id = self.house.entropy(6).hex()
        limits = self._limits(tenant, ring_timeout)
        machine = Call(call_id, tenant=tenant, trunk=trunk, limits=limits, allocate_leg=self.next_leg)
        entry = CallEntry(
            number=next(self._call_numbers),
            machine=machine,
            worker=worker,
            view=machine.view(),
            timer=self.house.new_timer(lambda: self._timer_fired(call_id)),
            is_lounge=is_lounge,
        )
        self.calls.add(entry)
        self.house.tracer.know(call_id, entry.subject)
        return entry

    def _limits(self, tenant: str, ring_timeout: float | None) -> CallLimits:
        settings = self.house.settings
        limits, media = settings.limits, settings.media
        return CallLimits(
            ring_timeout=ring_timeout or limits.ring_timeout,
            longest_call=limits.longest_call,
            no_rtp=limits.no_rtp,
            no_rtp_hold=limits.no_rtp_hold,
            hold=media.hold,
            return_to_referrer=settings.transfers.return_to_referrer,
            seats=media.seats,
            names_supervisors=policy_of(settings.policies, tenant).names_listeners,
        )

    def new_leg(
        self, entry: CallEntry, role: Role, remote: str | None = None, *, leg: LegId | None = None, session: int | None = None
    ) -> Leg:
        """Lend a port to a leg that faces ``remote`` (None: not known yet); raises `NoFreePort`."""
        now = self.house.clock()
        port = self.house.ports.lend(now)
        address = NOWHERE if remote is None else self.house.media_addresses.toward(remote)
        negotiation = Negotiation(address, port.port, self.house.codecs(), session_id=self._sdp_session(), terms=self.house.terms())
        made = Leg(
            leg=self.next_leg() if leg is None else leg,
            role=role,
            negotiation=negotiation,
            port=port,
            session=session,
            calls_us=session is not None,
            opened_at=now,
        )
        made.identity = self.entering.pop(made.leg, None)
        if made.identity is not None:
            doors = self.house.settings.doors
            made.mode_digits = doors.api_digits or doors.digits
        self.calls.add_leg(entry, made)
        return made

    def _sdp_session(self) -> int:
        """A number for ``o=``: drawn, so that nobody can count our calls or tell that two legs belong together."""
        return int.from_bytes(self.house.entropy(6), "big")

    def next_leg(self) -> LegId:
        """A number for a leg."""
        return next(self._leg_numbers)

    def forget(self, entry: CallEntry) -> None:
        """A call that never got as far as its machine is taken back, with its legs."""
        for leg in list(entry.legs.values()):
            self._performer.close(entry, leg)
        self._remove(entry, self.house.clock())
        self.house.media.flush()

    # happenings

    def feed(self, entry: CallEntry, happened: inputs.Input | None) -> None:
        """One input to one call, and all that follows from it. What is fed meanwhile waits for its turn.

        The workers hear of it before the watchers do: ears do not wait for what is to be shown. Raises `Refusal` for a command that has
        to be written down first and cannot be.
        """
        self.house.recorder.permitted(entry, happened)
        self._waiting.append((entry, happened))
        if self._is_feeding:
            return
        self._is_feeding = True
        try:
            while self._waiting:
                self._handle(*self._waiting.popleft())
        finally:
            self._is_feeding = False
            self.house.media.flush()
            self._publish()

    def perform(self, entry: CallEntry, action: PerformedAction) -> None:
        """Carry out one action that is not a machine's (a supervisor still at the door); amid an input, in that one's turn."""
        self._performer.perform(entry, action, self.house.clock())
        if not self._is_feeding:
            self.house.media.flush()

    def turn_away(self, entry: CallEntry, leg: Leg) -> None:
        """Hang up somebody whom the call does not know: who still waits at the door."""
        if leg.waiting is not None:
            leg.waiting.timer.cancel()
            leg.waiting = None
        self.perform(entry, call_actions.EndLeg(leg.leg, ""))
        self.perform(entry, call_actions.CloseLeg(leg.leg))

    def is_full(self, entry: CallEntry) -> bool:
        """Whether no seat is left for a supervisor, by the call's own count and with one for each who waits at the door."""
        return entry.machine.seats_left <= sum(leg.waiting is not None for leg in entry.legs.values())

    def notice(self, notice: Notice) -> None:
        """What a worker tells."""
        if (found := self.calls.of_leg(notice.leg)) is None:
            return
        entry, leg = found
        match notice:
            case DigitReceived(digit=digit):
                self.house.counters.add("digits", leg.role)
                self.pressed(entry, leg, digit, "digit")
            case DatagramReceived(address=address, port=port, data=data):
                self.house.peers.received(leg.leg, data, (address, port))
            case MediaStarted():
                self.feed(entry, inputs.MediaStarted(leg.leg))
            case LegDoubted():
                _log.error("leg.doubted", call=entry.view.call, leg=leg.leg, worker=entry.worker.index)
        self.house.settle()

    def _way_changed(self, leg_id: LegId) -> None:
        """A browser was reached, moved, or is to be sent nothing now."""
        found = self.calls.of_leg(leg_id)
        if found is not None and found[1].media is not None:
            tell_way(self.house, *found, found[1].media)
            if not self._is_feeding:
                self.house.media.flush()

    def _browser_lost(self, leg_id: LegId, lost: PeerLost) -> None:
        """A browser counts as gone. One that SIP knows is left to SIP, and to its silence."""
        if (found := self.calls.of_leg(leg_id)) is None:
            return
        entry, leg = found
        _log.info("browser.lost", call=entry.view.call, leg=leg_id, why=lost.loss, detail=lost.text)
        if leg.is_by_api:
            self.feed(entry, inputs.LegEnded(leg_id, GOODBYE if lost.loss is Loss.GOODBYE else "lost"))

    def pressed(self, entry: CallEntry, leg: Leg, digit: str, way: str) -> None:
        """A digit that came by RTP (way ``digit``) or by SIP INFO (``info``)."""
        with acting(self.house.recorder.at_phone(leg.leg, leg.identity, way)):
            self.on_digit(entry, leg, digit)

    def watch_some_media(self) -> None:
        """`watch_media` of the next slice: a thousand quiet calls at once would hold up everything else for as long as all of them take."""
        self._slice = (self._slice + 1) % SLICES
        self.watch_media([entry for entry in self.calls if entry.number % SLICES == self._slice])

    def watch_media(self, entries: Iterable[CallEntry] | None = None) -> None:
        """Twice a second: tell each call which of its legs ought to send and do not, and which do again. Without entries: all calls."""
        now = self.house.clock()
        for entry in list(self.calls) if entries is None else entries:
            last_packet = entry.worker.memory.last_packet
            for leg in list(entry.legs.values()):
                if leg.row < 0 or (not leg.is_missing and now - last_packet(leg.row) < MISSING_AFTER):
                    continue  # nearly always, and for every leg: so this is asked first
                media = leg.media
                if media is None or not media.direction.sends:
                    continue
                quiet = now - max(last_packet(leg.row), leg.opened_at)
                if quiet >= MISSING_AFTER:
                    leg.is_missing = True
                    self.feed(entry, inputs.MediaMissing(leg.leg, quiet))
                elif leg.is_missing:
                    leg.is_missing = False
                    self.feed(entry, inputs.MediaStarted(leg.leg))
        self.house.settle()

    def worker_died(self, worker: Worker) -> None:
        """No heir came: every leg of a dead worker is gone, and so are its calls."""
        for entry in list(self.calls):
            if entry.worker is worker:
                self.feed(entry, inputs.HangUpRequested(None, "worker_died"))
        self.house.settle()

    def worker_killed(self, worker: Worker, calls: set[int]) -> None:
        """These calls' packets killed two workers: they end."""
        for entry in list(self.calls):
            if entry.worker is worker and entry.number in calls:
                _log.error("call.killed_workers", call=entry.view.call)
                self.house.counters.add("calls_that_killed")
                self.feed(entry, inputs.HangUpRequested(None, "worker_died"))
        self.house.settle()

    def _handle(self, entry: CallEntry, happened: inputs.Input | None) -> None:
        """One input (None: its timer) to its machine, and the actions carried out."""
        now = self.house.clock()
        before = entry.subject
        if isinstance(happened, inputs.LegHandedOver):
            happened = self._weigh(entry, happened)
        actions = entry.machine.handle_timer(now) if happened is None else entry.machine.handle(happened, now)
        if not actions and isinstance(happened, inputs.MediaMissing):
            return  # told twice a second of each silent leg: where it leads to nothing, nothing is to be seen of it either
        entry.view = entry.machine.view()
        for action in actions:
            if not isinstance(action, Publish):
                self._performer.perform(entry, action, now)
        self._told.extend((entry, entry.view, action) for action in actions if isinstance(action, Publish))
        after = entry.subject
        if after != before:
            self.house.tracer.know(entry.view.call, after)
        self.on_changed(entry)
        if entry.machine.is_over:
            self._over(entry, now)
            return
        entry.timer.set(entry.machine.next_timer())
        if after != before:
            self._check_ceilings(entry)

    def _publish(self) -> None:
        """Tell watchers what was said of calls, in its order: what a watcher feeds meanwhile is told after what he is being told."""
        if self._is_publishing:
            return
        self._is_publishing = True
        try:
            while self._told:
                entry, view, action = self._told.popleft()
                if not entry.is_lounge:
                    self.house.recorder.happened(view, action)
                    for observe in self.house.observers:
                        observe(view, action)
                    self.house.publisher.publish(view, action, partial(records, self.house.media, entry))
                self.on_told(entry, action)
        finally:
            self._is_publishing = False

    def _tie(self, entry: CallEntry, leg: Leg, session: int) -> None:
        """The trace learns whose messages these are."""
        sip_call_id = self.house.agent.call_id_of(session)
        if sip_call_id:
            self.house.tracer.tie(sip_call_id, entry.view.call, leg.leg, leg.role)

    def _over(self, entry: CallEntry, now: float) -> None:
        """The machine is done; who was still waiting at the door goes too."""
        entry.timer.cancel()
        view = entry.view
        if entry.is_lounge:
            self._remove(entry, now)
            return
        _log.info("call.ended", call=view.call, cause=view.cause, seconds=round(now - view.started, 1), answered=view.answered is not None)
        for leg in list(entry.legs.values()):
            self.turn_away(entry, leg)
        write_down(entry, now)
        self._remove(entry, now)

    def _remove(self, entry: CallEntry, now: float) -> None:
        entry.worker.calls -= 1
        self.calls.remove(entry, now)

    def _timer_fired(self, call: str) -> None:
        entry = self.calls.get(call)
        if entry is not None:
            self.feed(entry, None)
            self.house.settle()

    def _check_ceilings(self, entry: CallEntry) -> None:
        """The call has another agent: whoever's ceiling does not cover him leaves, in the turn in which gains would open."""
        known = {view.leg for view in entry.view.legs}
        for leg in list(entry.legs.values()):
            is_here = leg.waiting is not None or leg.leg in known
            if is_here and not self._covers(entry, leg):
                if leg.waiting is not None:
                    self.turn_away(entry, leg)
                else:
                    self.feed(entry, inputs.HangUpRequested(leg.leg, Cause.CEILING))

    def dismiss_withdrawn(self) -> None:
        """Whoever's access was taken back leaves every call, now."""
        for entry in list(self.calls):
            known = {view.leg for view in entry.view.legs}
            for leg in list(entry.legs.values()):
                if leg.identity is None or not leg.identity.standing.is_withdrawn:
                    continue
                _log.warning("supervisor.withdrawn", call=entry.view.call, identity=leg.identity.name, standing=leg.identity.standing.name)
                self.house.counters.add("supervisors_withdrawn")
                if leg.waiting is not None:
                    self.turn_away(entry, leg)
                elif leg.leg in known:
                    self.feed(entry, inputs.HangUpRequested(leg.leg, Cause.WITHDRAWN))
        self.house.settle()

    def _weigh(self, entry: CallEntry, happened: inputs.LegHandedOver) -> inputs.LegHandedOver:
        """A supervisor of a consultation comes along as far as his ceiling covers the call that it is a part of now."""
        leg = entry.legs.get(happened.leg)
        return happened if leg is None or entry.is_lounge or self._covers(entry, leg) else replace(happened, is_covered=False)

    def _covers(self, entry: CallEntry, leg: Leg) -> bool:
        """Whether a supervisor's ceiling covers the call's present agent; where not, that is logged and counted."""
        subject = entry.subject
        if leg.identity is None or may_stay(leg.identity, subject):
            return True
        _log.warning("supervisor.beyond_ceiling", call=entry.view.call, identity=leg.identity.name, agent=subject.agent)
        self.house.counters.add("refusals", "agent_changed")
        return False
