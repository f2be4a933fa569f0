"""The desk: what supervisors may ask of the house, by websocket or by digit. Here every permission is checked.

Order, always: find (what is hidden does not exist), check, then one input to one call; a change is answered once the
audio shows it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import structlog

from config.policies import policy_of
from control_api.acting import Acting
from control_api.discretion import without
from control_api.permissions import Identity, Refusal, Right, Subject, check_mode, check_right, check_visible, may_see
from control_api.ports import Applied, HouseEvent, Supervision
from control_api.signing_in.office import Office
from mediaserver.call import inputs
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.records import records
from mediaserver.signalling.calls.requests import NOBODY_WAITS
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.desk import agents
from mediaserver.signalling.desk.administering import Administering
from mediaserver.signalling.desk.agent_codes import AgentCodes
from mediaserver.signalling.desk.annotating import Annotating
from mediaserver.signalling.desk.banning import Bans
from mediaserver.signalling.desk.following import Following
from mediaserver.signalling.desk.governing import Governing, Hash, hash_at_once
from mediaserver.signalling.desk.indicating import Indicating
from mediaserver.signalling.desk.intervening import Intervening
from mediaserver.signalling.desk.messaging import send_text
from mediaserver.signalling.desk.past import Ask, Past, nobody_knows
from mediaserver.signalling.desk.policies import Policies
from mediaserver.signalling.desk.policy_changes import tell_changes
from mediaserver.signalling.desk.traces import read_trace
from mediaserver.signalling.entering.digits import mode_of_digit
from mediaserver.signalling.entering.entrance import Entrance
from mediaserver.signalling.house import House
from mixer.modes import Mode, Role

_log = structlog.get_logger(__name__)


class SwitchboardDesk(Following, Intervening, Annotating):
    """`control_api.ports.Desk` over the switchboard."""

    def __init__(
        self,
        house: House,
        switchboard: Switchboard,
        entrance: Entrance,
        bans: Bans,
        office: Office,
        ask: Ask = nobody_knows,
        hash_password: Hash = hash_at_once,
    ) -> None:
        """``ask``: the database."""
        super().__init__(house, switchboard)
        self.past = Past(house, ask)
        self._ask = ask
        self.administering = Administering(house, office, ask)
        self.governing = Governing(self.administering, hash_password)
        self.policies = Policies(house, self.administering)
        self._entrance = entrance
        self._bans = bans
        self._office = office
        self.webhook_again: Callable[[str, str], int | None] = lambda tenant, webhook: None
        """Have a webhook delivered again what it was told of a tenant in vain; how many events that is, None where there is no such."""
        self._codes = AgentCodes(house, switchboard)
        self._indicating = Indicating(house, switchboard)
        house.publisher.seen_by = lambda tenant: policy_of(house.settings.policies, tenant).listeners_seen_by
        house.on_settings.append(lambda before: tell_changes(house, switchboard, before))
        office.on_withdrawn.append(switchboard.dismiss_withdrawn)
        switchboard.on_digit = self.digit_pressed

    # seeing

    def calls(self, identity: Identity) -> Sequence[dict[str, Any]]:
        """Every live call the identity may see."""
        return [self._model(identity, entry) for entry in self._switchboard.calls.conversations() if may_see(identity, entry.subject)]

    def call(self, identity: Identity, call: str) -> dict[str, Any]:
        """One call, live or ended in the last minute."""
        ended = self._switchboard.calls.ended(call)
        if ended is not None:
            check_visible(identity, Subject(ended.tenant, ended.agent, ended.team, ended.call))
            shown = self._house.publisher.call_model(ended, self._switchboard.calls.ended_records(call))
            return without(shown, self._house.publisher.discretion(ended).hides_from(identity))
        return self._model(identity, self._visible(identity, call))

    def _model(self, identity: Identity, entry: CallEntry) -> dict[str, Any]:
        shown = self._house.publisher.live_model(entry.view, lambda: records(self._house.media, entry))
        return without(shown, self._house.publisher.discretion(entry.view).hides_from(identity))

    def agents(self, identity: Identity) -> Sequence[dict[str, Any]]:
        """Every agent the identity may see."""
        return agents.agents(self._house, self._switchboard, identity)

    def subscribe(self, listener: Callable[[HouseEvent], None], wants_meters: Callable[[], bool]) -> Callable[[], None]:
        """Hear every event from now on."""
        return self._house.publisher.subscribe(listener, wants_meters)

    def is_ready(self) -> bool:
        """Whether new calls are taken."""
        return self._house.media.is_ready and not self._switchboard.is_draining

    def health(self) -> dict[str, Any]:
        """Small facts for ``/healthz``."""
        return {"calls": len(self._switchboard.calls), "workers": len(self._house.media.workers), "draining": self._switchboard.is_draining}

    # entering

    async def supervise(
        self, identity: Identity, *, call: str | None, agent: str | None, mode: Mode, target: Role, phone: str | None
    ) -> Supervision:
        """Ring the identity's phone into a call."""
        entry = self._counted(lambda: self._joinable(identity, call, agent, mode, target))
        rung = self._counted(lambda: self._phone(identity, phone))
        supervisor = inputs.Supervisor(identity=identity.name, name=identity.name, mode=mode, target=target)
        leg = self._ring(entry, identity, supervisor, rung)
        return Supervision(entry.view.call, leg, self._mode_of(entry, leg), "ringing")

    def _mode_of(self, entry: CallEntry, leg: int) -> Mode:
        """Who was lost and comes back listens, whatever he asked for."""
        view = self._leg_view(entry, leg)
        return Mode.LISTEN if view is None or view.mode is None else view.mode

    async def join(
        self, identity: Identity, *, call: str | None, agent: str | None, mode: Mode, target: Role, offer: str, remote: str
    ) -> Supervision:
        """Let the identity's browser into a call."""
        entry = self._counted(lambda: self._joinable(identity, call, agent, mode, target))
        supervisor = inputs.Supervisor(identity=identity.name, name=identity.name, mode=mode, target=target)
        leg = self._let_in(entry, identity, supervisor, offer, remote)
        answer = await self._answer_of(entry, leg)
        return Supervision(entry.view.call, leg.leg, self._mode_of(entry, leg.leg), "joined", answer)

    def reoffer(self, identity: Identity, *, leg: int, offer: str) -> str:
        """Answer a later offer of a browser."""

        def asked() -> str:
            entry, own = self._own(identity, leg)
            return self._browsers.reoffer(entry, identity, own, offer)

        return self._counted(asked)

    def candidate(self, identity: Identity, *, leg: int, candidate: str) -> None:
        """Take a candidate of a browser."""
        self._counted(lambda: self._browsers.candidate(identity, self._own(identity, leg)[1], candidate))

    def ice_servers(self, identity: Identity) -> dict[str, Any]:
        """Servers for the identity's browsers."""
        return self._browsers.servers(identity)

    def came(self, who: Acting) -> None:
        """A client is there."""
        self._steering.came(who)

    def parted(self, who: Acting) -> None:
        """A client is gone, and with it the talks that were taken by it."""
        self._steering.parted(who)
        self._house.settle()

    def attended(self, identity: Identity, *, is_here: bool) -> None:
        """The identity has a client now, or none any more."""
        self._browsers.attended(identity, is_here=is_here)

    def _joinable(self, identity: Identity, call: str | None, agent: str | None, mode: Mode, target: Role) -> CallEntry:
        entry = self._visible(identity, call) if call is not None else self._only_call_of(identity, agent or "")
        check_mode(identity, entry.subject, mode, target)
        if self._switchboard.is_full(entry):
            raise Refusal("too_many", "every seat of the call is taken", "try again when somebody has left")
        return entry

    def _only_call_of(self, identity: Identity, agent: str) -> CallEntry:
        name = self._house.router.agent_called(identity.tenant, agent) or agent
        entries = [entry for entry in self._switchboard.calls.of_agent(identity.tenant, name) if may_see(identity, entry.subject)]
        if not entries:
            raise Refusal("not_found", f"{agent} has no call that you may see", "list shows the calls that you may see")
        if len(entries) > 1:
            ids = ", ".join(entry.view.call for entry in entries)
            raise Refusal("ambiguous", f"{agent} has several calls", f"name one by its id: {ids}")
        return entries[0]

    # the supervisor's own leg

    async def set_mode(self, identity: Identity, *, leg: int, mode: Mode, target: Role) -> Applied:
        """Change the mode of a supervising leg."""

        def check() -> CallEntry:
            entry, own = self._own(identity, leg)
            check_mode(identity, entry.subject, mode, target)
            if own.identity is not None and own.identity != identity:
                # An administrator's hand on another's leg: who speaks there is the other one.
                check_mode(own.identity, entry.subject, mode, target)
            return entry

        entry = self._counted(check)
        return await self._change(
            entry, lambda request: inputs.ModeRequested(leg, mode, target, request), lambda: self._steering.takes(leg)
        )

    async def mute(self, identity: Identity, *, leg: int, muted: bool) -> Applied:
        """Mute or unmute a supervising leg."""
        entry, _ = self._counted(lambda: self._own(identity, leg))
        return await self._change(entry, lambda request: inputs.MuteRequested(leg, muted, request))

    async def volumes(self, identity: Identity, *, leg: int, hears: float | None, heard: float | None) -> Applied:
        """Set a supervising leg's volumes."""
        entry, _ = self._counted(lambda: self._own(identity, leg))
        return await self._change(entry, lambda request: inputs.VolumesRequested(leg, hears, heard, request))

    async def leave(self, identity: Identity, *, leg: int) -> None:
        """End a supervising leg."""
        entry, _ = self._counted(lambda: self._own(identity, leg))
        self._feed(entry, inputs.HangUpRequested(leg, "left"))

    def digit_pressed(self, entry: CallEntry, leg: Leg, digit: str) -> None:
        """A digit of a supervisor: his PIN, or a mode. What it asks for meets the same check as anything else."""
        if leg.waiting is not None:
            self._entrance.pressed(entry, leg, digit)
            self._house.settle()
            return
        if leg.role is Role.AGENT:
            self._codes.pressed(entry, leg, digit)
        if leg.role is not Role.SUPERVISOR or leg.identity is None or leg.mode_digits is None:
            return
        if leg.mode_digits.leave and digit == leg.mode_digits.leave:
            self._feed(entry, inputs.HangUpRequested(leg.leg, "left"))
            return
        asked = mode_of_digit(digit, leg.mode_digits)
        if asked is not None:
            self._switch(entry, leg, leg.identity, *asked)

    def _switch(self, entry: CallEntry, leg: Leg, identity: Identity, mode: Mode, target: Role) -> None:
        """A mode that was asked for by a digit."""
        try:
            self._counted(lambda: check_mode(identity, entry.subject, mode, target))
            self._steering.releases(leg.leg)
            self._feed(entry, inputs.ModeRequested(leg.leg, mode, target, NOBODY_WAITS))
        except Refusal as refusal:
            _log.warning("digit.refused", call=entry.view.call, identity=identity.name, mode=mode, code=refusal.code, why=refusal.text)
            about = {"call": entry.view.call, "leg": leg.leg, "agent": entry.view.agent, "mode": mode, "target": target}
            self._house.recorder.refused_here(identity, "set_mode", refusal, about)

    # the call

    async def hang_up(self, identity: Identity, *, call: str, leg: int) -> None:
        """Hang up one leg."""

        def check() -> CallEntry:
            entry = self._visible(identity, call)
            check_right(identity, Right.HANG_UP)
            if self._leg_view(entry, leg) is None or self._is_hidden(identity, entry, leg):
                raise Refusal("not_found", f"call {call} has no leg {leg}", "get shows its legs")
            return entry

        self._feed(self._counted(check), inputs.HangUpRequested(leg, "hung_up"))

    async def end(self, identity: Identity, *, call: str) -> None:
        """End a call."""

        def check() -> CallEntry:
            entry = self._visible(identity, call)
            check_right(identity, Right.END)
            return entry

        self._feed(self._counted(check), inputs.HangUpRequested(None, "ended"))

    async def originate(self, identity: Identity, *, agent: str, number: str) -> dict[str, Any]:
        """Ring an agent, then a number for him."""
        router = self._house.router

        def check() -> tuple[inputs.Target, tuple[inputs.Target, ...]]:
            check_right(identity, Right.ORIGINATE)
            name = router.agent_called(identity.tenant, agent)
            if name is None or not identity.ceiling.covers(name, router.team_of(identity.tenant, name)):
                raise Refusal("not_found", f"no agent {agent}", "agents are named in the configuration")
            targets = router.targets_for(identity.tenant, number)
            if not targets:
                raise Refusal("not_found", f"no route leads to {number}", "routes of the trunk 'users' are used")
            if any(target.kind != "agent" for target in targets):
                check_right(identity, Right.OUTSIDE_NUMBERS)
            return inputs.Target("agent", name, agent=name, team=router.team_of(identity.tenant, name)), targets

        target, targets = self._counted(check)
        entry = self._counted(lambda: self._new_call(identity.tenant))
        self._feed(entry, inputs.Originated(self._switchboard.next_leg(), target, caller=target.value, called=number, targets=targets))
        return self._model(identity, entry)

    async def message(self, identity: Identity, *, call: str | None, agent: str | None, text: str) -> dict[str, Any]:
        """A text to an agent's phones. Who may whisper to him may write to him."""

        def check() -> Subject:
            subject = self._visible(identity, call).subject if call is not None else self._agent(identity, agent or "")
            check_mode(identity, subject, Mode.WHISPER, Role.AGENT)
            return subject

        subject = self._counted(check)
        return await self._told(send_text(self._house, identity, subject, text))

    def bans(self, identity: Identity) -> Sequence[dict[str, Any]]:
        """Who is kept out for wrong passwords."""
        return self._counted(lambda: self._bans.listed(identity))

    async def lift_ban(self, identity: Identity, *, source: str, user: str) -> None:
        """Let somebody in again."""
        self._counted(lambda: self._bans.lift(identity, source, user))

    def resend(self, identity: Identity, *, webhook: str) -> dict[str, Any]:
        """Deliver again what a webhook was told in vain."""

        def again() -> int:
            check_right(identity, Right.ADMIN)
            events = self.webhook_again(identity.tenant, webhook)
            if events is None:
                raise Refusal("not_found", f"there is no webhook {webhook!r}", "the configuration names them")
            return events

        return {"events": self._counted(again)}

    def link(self, identity: Identity, *, call: str, seconds: float | None) -> dict[str, Any]:
        """A listen-in link."""
        return self._counted(lambda: self._office.make_link(identity, self._visible(identity, call).subject, seconds))

    def sessions(self, identity: Identity) -> Sequence[dict[str, Any]]:
        """Who is signed in."""
        return self._counted(lambda: self._office.listed(identity))

    def withdraw(self, identity: Identity, *, session: str) -> None:
        """End a session."""
        self._counted(lambda: self._office.withdraw(identity, session))

    def shut_out(self, identity: Identity, *, name: str) -> None:
        """End whatever access somebody has."""
        self._counted(lambda: self._office.shut_out(identity, name))

    def let_in(self, identity: Identity, *, name: str) -> None:
        """Take that back."""
        self._counted(lambda: self._office.let_in(identity, name))

    async def trace(self, identity: Identity, *, call: str, after: int) -> dict[str, Any]:
        """The SIP messages of a call, live or ended."""
        is_live = self._switchboard.calls.get(call) is not None
        return await self._told(read_trace(self._house, identity, call=call, after=after, is_live=is_live))
