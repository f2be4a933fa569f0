"""What every command of the desk does: find (what is hidden does not exist), check, ask one call, and wait until it is done."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from control_api.permissions import Identity, Refusal, Right, Subject, check_right, check_visible, may_see
from control_api.ports import Applied
from mediaserver.call import inputs
from mediaserver.call.view import CallState, LegView
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.switchboard import NoWorker, Overloaded, Switchboard
from mediaserver.signalling.desk.browsers import Browsers
from mediaserver.signalling.desk.steering import Steering
from mediaserver.signalling.house import House
from mixer.modes import Role

Result = TypeVar("Result")

APPLIED_WITHIN = 2.0
"""Seconds in which a media worker has to answer; it answers in some 20 ms."""


class Steps:
    """Shared by all parts of the desk."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard
        self._steering = Steering(switchboard)
        self._browsers = Browsers(house, switchboard)

    def _visible(self, identity: Identity, call: str) -> CallEntry:
        entry = self._switchboard.calls.get(call)
        if entry is None or entry.is_lounge:
            raise Refusal("not_found", "no such call", "list shows the calls that you may see")
        check_visible(identity, entry.subject)
        return entry

    def _agent(self, identity: Identity, agent: str) -> Subject:
        """An agent of the tenant, on a call or not; who is beyond the ceiling does not exist."""
        router = self._house.router
        name = router.agent_called(identity.tenant, agent)
        subject = Subject(identity.tenant, name or "", router.team_of(identity.tenant, name or ""))
        if name is None or not may_see(identity, subject):
            raise Refusal("not_found", f"no agent {agent}", "agents are named in the configuration")
        return subject

    def _own(self, identity: Identity, leg: int) -> tuple[CallEntry, Leg]:
        """A supervising leg of his own, or with the right `admin` any that he may see; one that is hidden from him does not exist."""
        found = self._switchboard.calls.of_leg(leg)
        owner = None if found is None else found[1].identity
        is_his = owner is not None and (owner.name, owner.tenant) == (identity.name, identity.tenant)
        is_there = found is not None and found[1].role is Role.SUPERVISOR and (is_his or not self._is_hidden(identity, found[0], leg))
        if found is None or not is_there or not (may_see(identity, found[0].subject) or (is_his and found[0].is_lounge)):
            raise Refusal("not_found", f"no supervising leg {leg}", "supervise returns the leg's number, and get shows it")
        if not is_his:
            check_right(identity, Right.ADMIN)
        return found

    def _is_hidden(self, identity: Identity, entry: CallEntry, leg: int) -> bool:
        """Whether he is not to see who supervises by this leg; where any are hidden, one that is not in the call yet is too."""
        hidden = self._house.publisher.discretion(entry.view).hides_from(identity)
        return leg in hidden or (bool(hidden) and self._leg_view(entry, leg) is None)

    def _phone(self, identity: Identity, phone: str | None) -> inputs.Target:
        """His own registered phone, one of his contacts or numbers, or any with the right to outside numbers."""
        bindings = self._house.agent.contacts(identity.user, self._house.clock()) if identity.user else []
        if phone is None:
            if not bindings:
                raise Refusal("unavailable", "none of your phones is registered", "register it, or name one of your numbers")
            return inputs.Target("uri", bindings[0].uri, user=identity.user or "")
        if phone in [binding.uri for binding in bindings]:
            return inputs.Target("uri", phone, user=identity.user or "")
        if phone not in identity.numbers:
            check_right(identity, Right.OUTSIDE_NUMBERS)
        return inputs.Target("uri", phone)

    def _new_call(self, tenant: str, *, is_lounge: bool = False) -> CallEntry:
        if self._switchboard.is_draining:
            raise Refusal("unavailable", "the server is stopping", "try again later")
        if len(self._switchboard.calls) >= self._house.settings.limits.calls:
            raise Refusal("too_many", "the server has as many calls as it may", "try again later, or raise limits.calls")
        try:
            return self._switchboard.new_call(tenant, "users", is_lounge=is_lounge)
        except Overloaded:
            raise Refusal("unavailable", "the server is busy", "try again in a few seconds, or look at its load in /metrics") from None
        except NoWorker:
            raise Refusal("unavailable", "no media worker is up", "look at /healthz") from None

    def _ring(self, entry: CallEntry, identity: Identity, supervisor: inputs.Supervisor, phone: inputs.Target) -> int:
        """Ring somebody's phone into a call; the number of his leg."""
        leg = self._switchboard.next_leg()
        with self._asked() as (request, future):
            self._switchboard.entering[leg] = identity
            try:
                self._feed(entry, inputs.SupervisorCalled(leg, supervisor, phone, request))
            finally:
                self._switchboard.entering.pop(leg, None)
            if future.done():
                self._counted(future.result)
        self._steering.takes(leg)
        if self._leg_view(entry, leg) is None:
            raise Refusal("unavailable", "your phone could not be rung", "the server's log says why; try again, or name another phone")
        return leg

    def _let_in(self, entry: CallEntry, identity: Identity, supervisor: inputs.Supervisor, offer: str, remote: str) -> Leg:
        """Let somebody's browser into a call; it is answered there."""
        leg = self._counted(lambda: self._browsers.invite(entry, identity, offer, remote))
        with self._asked() as (request, future):
            self._browsers.arrive(entry, leg, supervisor, request)
            if future.done():
                self._counted(future.result)
        self._steering.takes(leg.leg)
        return leg

    async def _answer_of(self, entry: CallEntry, leg: Leg) -> str:
        """What a browser is answered, once the worker has its leg."""
        await self._browsers.settled(entry)
        if leg.answer is None:
            raise Refusal("unavailable", "there was no room for your leg", "the server's log says why; try again")
        return leg.answer.serialize().decode()

    def _leg_view(self, entry: CallEntry, leg: int) -> LegView | None:
        return next((view for view in entry.view.legs if view.leg == leg), None)

    async def _change(self, entry: CallEntry, made: Callable[[int], inputs.Input], is_taken: Callable[[], None] = lambda: None) -> Applied:
        """Feed a numbered request and wait until the audio shows it, or it is refused. ``is_taken``: told at once that the call
        does not refuse it."""
        with self._asked() as (request, future):
            self._feed(entry, made(request))
            if not future.done() or future.exception() is None:
                is_taken()
            try:
                async with asyncio.timeout(APPLIED_WITHIN):
                    return Applied(await future)
            except TimeoutError:
                raise Refusal("timeout", "the media worker did not answer in time", "look at /healthz") from None

    @contextmanager
    def _asked(self) -> Iterator[tuple[int, asyncio.Future[int]]]:
        """A request's number and its future, which is not kept whatever happens."""
        request, future = self._switchboard.requests.open()
        try:
            yield request, future
        finally:
            future.cancel()

    def _feed(self, entry: CallEntry, happened: inputs.Input) -> None:
        if entry.view.state is CallState.ENDED:
            raise Refusal("not_found", "the call is over")
        self._switchboard.feed(entry, happened)
        self._house.settle()

    def _counted(self, check: Callable[[], Result]) -> Result:
        """Run a check; every refusal is counted. (The control API logs those it tells, digits are logged where they come in.)"""
        try:
            return check()
        except Refusal as refusal:
            self._house.counters.add("refusals", refusal.code)
            raise

    async def _told(self, asked: Awaitable[Result]) -> Result:
        """What another part of the house answers; every refusal is counted."""
        try:
            return await asked
        except Refusal as refusal:
            self._house.counters.add("refusals", refusal.code)
            raise
