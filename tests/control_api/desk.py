"""A desk without a house behind it: calls are set by the test, commands are noted and answered."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from control_api.acting import Acting
from control_api.messages import iso
from control_api.permissions import (
    Ceiling,
    Identity,
    Refusal,
    Right,
    Subject,
    check_author,
    check_mode,
    check_right,
    check_visible,
    may_see,
)
from control_api.ports import Applied, HouseEvent, Supervision
from mixer.modes import Mode, Role
from tests.control_api.governing import FakeGoverning, FakePolicies
from tests.control_api.past import FakePast
from tests.control_api.signing_in.offices import office_of

ANNA = Identity(
    "anna", "default", Ceiling(frozenset({"*"}), frozenset(), Mode.BARGE, frozenset({Right.END, Right.HANG_UP, Right.ORIGINATE})), "anna"
)
"""Sees everybody of her tenant."""
BERT = Identity("bert", "default", Ceiling(frozenset({"robert"}), frozenset(), Mode.LISTEN))
"""Listens to robert, no more."""
STRANGER = Identity("stranger", "second", Ceiling(frozenset({"*"}), frozenset(), Mode.BARGE))
"""Everything, in another tenant."""


def leg_model(leg: int, role: Role, party: str, **changes: Any) -> dict[str, Any]:
    """A leg as the desk tells it."""
    return {"leg": leg, "role": role.value, "state": "answered", "party": party, "codec": "PCMU"} | changes


def call_model(call: str = "c1", agent: str = "robert", tenant: str = "default", **changes: Any) -> dict[str, Any]:
    """A call as the desk tells it."""
    return {
        "call": call,
        "tenant": tenant,
        "state": "answered",
        "caller": "+4930123",
        "called": "100",
        "agent": agent,
        "team": "support",
        "trunk": "pbx",
        "metadata": {"queue": "sales"},
        "started": iso(1_900_000_000.0),
        "answered": iso(1_900_000_004.5),
        "ended": None,
        "duration": 61.5,
        "cause": "",
        "legs": [leg_model(1, Role.CUSTOMER, "+4930123"), leg_model(2, Role.AGENT, agent)],
        "quality": {},
    } | changes


def event_of(kind: str, call: dict[str, Any], **body: Any) -> HouseEvent:
    """An event about the call."""
    return HouseEvent(kind, call["tenant"], call["call"], call["agent"], call["team"], lambda: {"call": call} | body)


def meters_of(call: dict[str, Any], level: float) -> HouseEvent:
    """Meters of the call's first leg."""
    body = {"legs": {"1": {"level_dbov": level, "speaks": level > -50}}}
    return HouseEvent("meters", call["tenant"], call["call"], call["agent"], call["team"], lambda: body)


class FakeDesk:
    """Implements `control_api.ports.Desk`."""

    def __init__(self) -> None:
        self.live: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        """Every command that had an effect."""
        self.listeners: list[Callable[[HouseEvent], None]] = []
        self.gate = asyncio.Event()
        """Commands that change the audio wait for it."""
        self.gate.set()
        self.ready = True
        self.switched_off: tuple[str, ...] = ()
        """Commands that the tenant's policy does not have."""
        self.fault: Exception | None = None
        """Raised by every command that changes the audio."""
        self.attendance: list[tuple[str, bool]] = []
        """Who had a client, or none any more, in order."""
        self.clients: list[Acting] = []
        """Who is there now."""
        self.turn = 1000
        self.next_leg = 10
        self.office = office_of()
        self.past = FakePast()
        self.governing = FakeGoverning()
        self.policies = FakePolicies()
        self.following: list[dict[str, Any]] = []
        self.noted: dict[str, list[dict[str, Any]]] = {}

    # what the test does

    def put(self, call: dict[str, Any], kind: str = "call.started", **body: Any) -> None:
        """Set a call and tell of it."""
        self.live[call["call"]] = call
        self.publish(event_of(kind, call, **body))

    def end_call(self, call: str) -> None:
        """A call is over."""
        self.publish(event_of("call.ended", self.live.pop(call) | {"state": "ended", "cause": "bye"}))

    def publish(self, event: HouseEvent) -> None:
        """Tell the listeners."""
        for listener in list(self.listeners):
            listener(event)

    # the port

    def withheld(self, identity: Identity) -> tuple[str, ...]:
        return self.switched_off

    def calls(self, identity: Identity) -> Sequence[dict[str, Any]]:
        return [call for call in self.live.values() if may_see(identity, _subject(call))]

    def call(self, identity: Identity, call: str) -> dict[str, Any]:
        found = self.live.get(call)
        if found is None:
            raise Refusal("not_found", "no such call", "list shows the calls that you may see")
        check_visible(identity, _subject(found))
        return found

    def agents(self, identity: Identity) -> Sequence[dict[str, Any]]:
        busy = {call["agent"]: call["call"] for call in self.calls(identity)}
        talking = [{"agent": agent, "team": "support", "state": "on_call", "calls": [call]} for agent, call in busy.items()]
        return [*talking, {"agent": "ida", "team": "support", "state": "idle", "calls": []}]

    async def supervise(
        self, identity: Identity, *, call: str | None, agent: str | None, mode: Mode, target: Role, phone: str | None
    ) -> Supervision:
        found = self.call(identity, call) if call is not None else self._of_agent(identity, agent or "")
        check_mode(identity, _subject(found), mode, target)
        await self._done("supervise", call=found["call"], mode=mode, target=target, phone=phone)
        self.next_leg += 1
        leg = leg_model(self.next_leg, Role.SUPERVISOR, identity.name, identity=identity.name, mode=mode.value, target=target.value)
        self.put(found | {"legs": [*found["legs"], leg]}, "supervisor.joined", leg=self.next_leg)
        return Supervision(found["call"], self.next_leg, mode, "joined")

    async def join(
        self, identity: Identity, *, call: str | None, agent: str | None, mode: Mode, target: Role, offer: str, remote: str
    ) -> Supervision:
        made = await self.supervise(identity, call=call, agent=agent, mode=mode, target=target, phone=None)
        self.asked.append(("join", {"offer": offer, "remote": remote}))
        return Supervision(made.call, made.leg, made.mode, made.state, answer=_answer(offer))

    def reoffer(self, identity: Identity, *, leg: int, offer: str) -> str:
        self._with_leg(identity, leg)
        self.asked.append(("reoffer", {"leg": leg, "offer": offer}))
        return _answer(offer)

    def candidate(self, identity: Identity, *, leg: int, candidate: str) -> None:
        self._with_leg(identity, leg)
        self.asked.append(("candidate", {"leg": leg, "candidate": candidate}))

    def ice_servers(self, identity: Identity) -> dict[str, Any]:
        return {"servers": [{"urls": ["stun:stun.example.com"]}], "lifetime": 3600.0}

    def came(self, who: Acting) -> None:
        self.clients.append(who)

    def parted(self, who: Acting) -> None:
        self.clients = [one for one in self.clients if one is not who]

    def attended(self, identity: Identity, *, is_here: bool) -> None:
        self.attendance.append((identity.name, is_here))

    async def set_mode(self, identity: Identity, *, leg: int, mode: Mode, target: Role) -> Applied:
        found = self._with_leg(identity, leg)
        check_mode(identity, _subject(found), mode, target)
        applied = await self._applied("set_mode", leg=leg, mode=mode, target=target)
        legs = [old | {"mode": mode.value} if old["leg"] == leg else old for old in found["legs"]]
        self.put(found | {"legs": legs}, "supervisor.mode", leg=leg)
        return applied

    async def mute(self, identity: Identity, *, leg: int, muted: bool) -> Applied:
        self._with_leg(identity, leg)
        return await self._applied("mute", leg=leg, muted=muted)

    async def volumes(self, identity: Identity, *, leg: int, hears: float | None, heard: float | None) -> Applied:
        self._with_leg(identity, leg)
        return await self._applied("volumes", leg=leg, hears=hears, heard=heard)

    async def leave(self, identity: Identity, *, leg: int) -> None:
        found = self._with_leg(identity, leg)
        await self._done("leave", leg=leg)
        self.put(found | {"legs": [old for old in found["legs"] if old["leg"] != leg]}, "supervisor.left", leg=leg)

    async def hand_over(self, identity: Identity, *, leg: int, to: int) -> Applied:
        self._with_leg(identity, leg)
        return await self._applied("hand_over", leg=leg, to=to)

    async def take_over(self, identity: Identity, *, leg: int, drops_agent: bool = False) -> Applied:
        check_right(identity, Right.TAKE_OVER)
        self._with_leg(identity, leg)
        return await self._applied("take_over", leg=leg, drops_agent=drops_agent)

    async def give_back(self, identity: Identity, *, leg: int) -> Applied:
        self._with_leg(identity, leg)
        return await self._applied("give_back", leg=leg)

    async def invite(self, identity: Identity, *, call: str, number: str) -> int:
        self.call(identity, call)
        await self._done("invite", call=call, number=number)
        self.next_leg += 1
        return self.next_leg

    async def ask_help(self, identity: Identity, *, call: str | None, agent: str | None, text: str | None) -> str:
        found = self.call(identity, call) if call is not None else self._of_agent(identity, agent or "")
        self.put(found | {"help": text}, "call.help")
        return str(found["call"])

    async def follow(self, identity: Identity, *, agent: str | None, team: str | None, **wanted: Any) -> dict[str, Any]:
        await self._done("follow", agent=agent, team=team, **wanted)
        self.next_leg += 1
        shown = {"follow": 1, "leg": self.next_leg, "state": "ringing", "call": "", "joined": 0}
        self.following.append(shown | {"agent": agent or "", "team": team or "", "pick": wanted["pick"], "left": wanted["calls"]})
        return self.following[-1]

    async def unfollow(self, identity: Identity, *, follow: int) -> None:
        self.following = [one for one in self.following if one["follow"] != follow]

    def follows(self, identity: Identity) -> Sequence[dict[str, Any]]:
        return self.following

    async def hang_up(self, identity: Identity, *, call: str, leg: int) -> None:
        self.call(identity, call)
        check_right(identity, Right.HANG_UP)
        await self._done("hang_up", call=call, leg=leg)

    async def end(self, identity: Identity, *, call: str) -> None:
        self.call(identity, call)
        check_right(identity, Right.END)
        await self._done("end", call=call)
        self.end_call(call)

    async def originate(self, identity: Identity, *, agent: str, number: str) -> dict[str, Any]:
        check_right(identity, Right.ORIGINATE)
        await self._done("originate", agent=agent, number=number)
        return call_model("c-new", agent, state="routing", answered=None)

    async def message(self, identity: Identity, *, call: str | None, agent: str | None, text: str) -> dict[str, Any]:
        found = self.call(identity, call) if call is not None else self._of_agent(identity, agent or "")
        check_mode(identity, _subject(found), Mode.WHISPER, Role.AGENT)
        await self._done("message", call=call, agent=agent, text=text)
        return {"status": 200, "phones": 1}

    async def note(self, identity: Identity, *, call: str, text: str, seconds: float | None) -> dict[str, Any]:
        return await self._says(identity, "note", call, {"text": text}, seconds)

    async def notes(self, identity: Identity, *, call: str) -> Sequence[dict[str, Any]]:
        self.call(identity, call)
        return self.noted.get(call, [])

    async def flag(self, identity: Identity, *, call: str, label: str, seconds: float | None) -> dict[str, Any]:
        return await self._says(identity, "flag", call, {"label": label}, seconds)

    async def unflag(self, identity: Identity, *, call: str, flag: str) -> None:
        found = self.call(identity, call)
        [taken] = [one for one in found.get("flags", []) if one["id"] == flag] or [None]
        if taken is None:
            raise Refusal("not_found", f"call {call} has no flag {flag}", "flags shows those that stand")
        check_author(identity, taken["identity"])
        self.put(found | {"flags": [one for one in found["flags"] if one is not taken]}, "call.unflag", detail=taken)

    async def flags(self, identity: Identity, *, call: str) -> Sequence[dict[str, Any]]:
        flags: Sequence[dict[str, Any]] = self.call(identity, call).get("flags", [])
        return flags

    async def _says(self, identity: Identity, kind: str, call: str, words: dict[str, str], seconds: float | None) -> dict[str, Any]:
        found = self.call(identity, call)
        await self._done(kind, call=call, seconds=seconds, **words)
        about = 1_900_000_004.5 + (found["duration"] if seconds is None else seconds)
        said = {"id": f"{len(self.asked):04x}", "identity": identity.name, "at": iso(about), "about": iso(about)} | words
        if kind == "note":
            self.noted.setdefault(call, []).append(said)
        else:
            found = found | {"flags": [*found.get("flags", []), said]}
        self.put(found, f"call.{kind}", detail=said)
        return said

    async def trace(self, identity: Identity, *, call: str, after: int) -> dict[str, Any]:
        self.call(identity, call)
        check_right(identity, Right.TRACE)
        await self._done("trace", call=call, after=after)
        return {"messages": [], "next": after, "complete": True, "live": True}

    def bans(self, identity: Identity) -> list[dict[str, Any]]:
        check_right(identity, Right.ADMIN)
        return [{"source": "203.0.113.5", "user": "", "seconds": 600.0}]

    async def lift_ban(self, identity: Identity, *, source: str, user: str) -> None:
        check_right(identity, Right.ADMIN)
        await self._done("lift_ban", source=source, user=user)

    def resend(self, identity: Identity, *, webhook: str) -> dict[str, Any]:
        check_right(identity, Right.ADMIN)
        if webhook != "crm":
            raise Refusal("not_found", f"there is no webhook {webhook!r}", "crm is one")
        return {"events": 3}

    def link(self, identity: Identity, *, call: str, seconds: float | None) -> dict[str, Any]:
        return self.office.make_link(identity, _subject(self.call(identity, call)), seconds)

    def sessions(self, identity: Identity) -> Sequence[dict[str, Any]]:
        return self.office.listed(identity)

    def withdraw(self, identity: Identity, *, session: str) -> None:
        self.office.withdraw(identity, session)

    def shut_out(self, identity: Identity, *, name: str) -> None:
        self.office.shut_out(identity, name)

    def let_in(self, identity: Identity, *, name: str) -> None:
        self.office.let_in(identity, name)

    def subscribe(self, listener: Callable[[HouseEvent], None], wants_meters: Callable[[], bool] = bool) -> Callable[[], None]:
        self.listeners.append(listener)

        def leave() -> None:
            if listener in self.listeners:
                self.listeners.remove(listener)

        return leave

    def is_ready(self) -> bool:
        return self.ready

    def health(self) -> dict[str, Any]:
        return {"calls": len(self.live), "workers": 1, "draining": False}

    def _of_agent(self, identity: Identity, agent: str) -> dict[str, Any]:
        found = [call for call in self.calls(identity) if call["agent"] == agent]
        if len(found) > 1:
            raise Refusal("ambiguous", f"{agent} has {len(found)} calls", "name the call: " + ", ".join(call["call"] for call in found))
        if not found:
            raise Refusal("not_found", "no such call", "list shows the calls that you may see")
        return found[0]

    def _with_leg(self, identity: Identity, leg: int) -> dict[str, Any]:
        for call in self.calls(identity):
            if any(one["leg"] == leg and one.get("identity") == identity.name for one in call["legs"]):
                return call
        raise Refusal("not_found", "no such leg", "get shows the legs of a call")

    async def _applied(self, name: str, **arguments: Any) -> Applied:
        await self._done(name, **arguments)
        self.turn += 1
        return Applied(self.turn)

    async def _done(self, name: str, **arguments: Any) -> None:
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.asked.append((name, arguments))


def _answer(offer: str) -> str:
    """To a browser, what it takes, though no audio comes by it."""
    return offer.replace("a=setup:actpass", "a=setup:passive").replace("a=recvonly", "a=sendonly") if "m=audio" in offer else "v=0\r\n"


def _subject(call: dict[str, Any]) -> Subject:
    return Subject(call["tenant"], call["agent"], call["team"], call["call"])
