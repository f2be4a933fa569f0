"""The desk's commands by which supervisors step in: the talk handed over, calls taken over, guests invited, help asked for."""

from config.policies import policy_of
from control_api.permissions import Identity, Refusal, Right, check_help, check_mode, check_right
from control_api.ports import Applied
from control_api.repertoire import withheld_by
from mediaserver.call import inputs
from mediaserver.call.view import CallView
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.desk.steps import Steps
from mixer.modes import Mode, Role


class Intervening(Steps):
    """A part of `mediaserver.signalling.desk.supervising.SwitchboardDesk`."""

    async def hand_over(self, identity: Identity, *, leg: int, to: int) -> Applied:
        """Give one's talk to another supervisor of the call, whose own ceiling has to reach it."""

        def check() -> tuple[CallEntry, Leg]:
            entry, _ = self._own(identity, leg)
            view = self._leg_view(entry, leg)
            receiver = entry.legs.get(to)
            is_there = receiver is not None and receiver.role is Role.SUPERVISOR and not self._is_hidden(identity, entry, to)
            if view is None or view.mode is None or receiver is None or not is_there:
                raise Refusal("not_found", f"leg {to} is no other supervisor of this call", "get shows who supervises")
            for one in (identity, receiver.identity):
                if one is not None:
                    check_mode(one, entry.subject, view.mode, view.target or Role.AGENT)
            if view.has_taken_over and receiver.identity is not None:
                check_right(receiver.identity, Right.TAKE_OVER)
            return entry, receiver

        def is_given() -> None:
            if receiver.identity is not None:
                self._steering.is_given(to, receiver.identity)

        entry, receiver = self._counted(check)
        return await self._change(entry, lambda request: inputs.TalkHandedOver(leg, to, request), is_given)

    async def take_over(self, identity: Identity, *, leg: int, drops_agent: bool = False) -> Applied:
        """Talk to the other party in the agent's stead; or drop the agent altogether."""
        entry = self._counted(lambda: self._may_take_over(identity, leg))
        return await self._change(
            entry,
            lambda request: inputs.TakeOverRequested(leg, request, drops_agent=drops_agent),
            lambda: self._steering.takes(leg),
        )

    async def give_back(self, identity: Identity, *, leg: int) -> Applied:
        """Let the agent talk again."""
        entry, _ = self._counted(lambda: self._own(identity, leg))
        return await self._change(entry, lambda request: inputs.GiveBackRequested(leg, request))

    def _may_take_over(self, identity: Identity, leg: int) -> CallEntry:
        entry, own = self._own(identity, leg)
        for one in {identity, own.identity or identity}:
            check_right(one, Right.TAKE_OVER)
            check_mode(one, entry.subject, Mode.BARGE, Role.AGENT)
        return entry

    async def invite(self, identity: Identity, *, call: str, number: str) -> int:
        """Ring a third one into a call; the number of his leg."""

        def check() -> tuple[CallEntry, tuple[inputs.Target, ...]]:
            entry = self._visible(identity, call)
            check_mode(identity, entry.subject, Mode.BARGE, Role.AGENT)
            check_right(identity, Right.ORIGINATE)
            targets = self._house.router.targets_for(identity.tenant, number)
            if not targets:
                raise Refusal("not_found", f"no route leads to {number}", "routes of the trunk 'users' are used")
            if any(target.kind != "agent" for target in targets):
                check_right(identity, Right.OUTSIDE_NUMBERS)
            return entry, targets

        entry, targets = self._counted(check)
        leg = self._switchboard.next_leg()
        with self._asked() as (request, future):
            self._feed(entry, inputs.GuestInvited(leg, targets, number, request))
            if future.done():
                self._counted(future.result)
        return leg

    def withheld(self, identity: Identity) -> tuple[str, ...]:
        """Commands that the policy of the identity's tenant switches off."""
        return withheld_by(policy_of(self._house.settings.policies, identity.tenant))

    async def ask_help(self, identity: Identity, *, call: str | None, agent: str | None, text: str | None) -> str:
        """The agent of a call asks for help, or (None) needs none any more; the call's id."""

        def check() -> CallEntry:
            if text is not None and not policy_of(self._house.settings.policies, identity.tenant).may_ask_help:
                raise Refusal("forbidden", "agents of your tenant do not ask for help", "policies.may_ask_help allows it")
            found = [entry for entry in self._switchboard.calls.conversations() if _is_meant(entry.view, identity.tenant, call, agent)]
            found = [entry for entry in found if check_help(identity, entry.subject, is_own=self._is_at(identity, entry.view))]
            if not found:
                raise Refusal("not_found", "no such call of yours", "agents ask for their own calls, supervisors for those they may see")
            if len(found) > 1:
                ids = ", ".join(entry.view.call for entry in found)
                raise Refusal("ambiguous", "there are several calls", f"name one by its id: {ids}")
            return found[0]

        entry = self._counted(check)
        self._house.counters.add("help_requests", "declined" if text is None else "asked")
        self._feed(entry, inputs.HelpRequested(text, identity.name))
        return entry.view.call

    def _is_at(self, identity: Identity, view: CallView) -> bool:
        """Whether the identity is the call's agent himself."""
        if not view.agent or view.agent_left or identity.user is None:
            return False
        return self._house.router.user_of_agent(view.tenant, view.agent) == identity.user


def _is_meant(view: CallView, tenant: str, call: str | None, agent: str | None) -> bool:
    if view.tenant != tenant:
        return False
    return view.call == call if call is not None else agent is None or view.is_of(agent)
