"""What is written down: every command of a supervisor before it is carried out, what came of it, and the calls themselves.

Whatever door a command comes by, it becomes an input to a call in `Switchboard.feed`; there `Recorder.permitted` writes it down, and where
that is not possible, nobody begins to supervise or to speak. What calls then tell of themselves (`Publish`) is written down too.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from control_api.acting import Acting, permission, who_acts
from control_api.permissions import Identity, Refusal, Subject
from mediaserver.audit.entry import Entry, Fact
from mediaserver.audit.sessions import AGENT, JOINED, LEFT, MODE, SUPERVISION
from mediaserver.call import inputs
from mediaserver.call.actions import Publish
from mediaserver.call.inputs import Input, LegId
from mediaserver.call.view import CallView
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.storage.journal import JournalUnusable
from mediaserver.storage.segments import written
from mixer.modes import Mode

PERMITTED: Final = "command.permitted"
REFUSED: Final = "command.refused"
DONE: Final = "command.done"
DENIED: Final = "access.denied"

_UNTOLD: Final = frozenset({"id", "key", "type", "call", "leg", "agent", "text", "offer", "candidate", "password"})
"""Fields of commands that stand elsewhere in the entry, or are nobody's business."""
_MOST_KNOWN: Final = 20_000
Known = TypeVar("Known")


class Book(Protocol):
    """`mediaserver.audit.ledger.Ledger`."""

    def write(self, fact: Fact) -> Entry:
        """Now, or raise `JournalUnusable`."""

    def owe(self, fact: Fact) -> Entry | None:
        """Now, or as soon as possible; None: it is no entry yet."""

    def refuse(self, fact: Fact) -> None:
        """As `owe`, summed up in a flood."""


class Command(NamedTuple):
    """How an input is written down."""

    name: str
    details: tuple[str, ...] = ()
    """Fields of the input."""


COMMANDS: Final[dict[type, Command]] = {
    inputs.SupervisorCalled: Command("supervise"),
    inputs.SupervisorArrived: Command("supervise"),
    inputs.ModeRequested: Command("set_mode", ("mode", "target")),
    inputs.MuteRequested: Command("mute", ("muted",)),
    inputs.VolumesRequested: Command("volumes", ("hears", "heard")),
    inputs.HangUpRequested: Command("hang_up", ("cause",)),
    inputs.Originated: Command("originate", ("called",)),
    inputs.TalkHandedOver: Command("hand_over", ("to",)),
    inputs.TakeOverRequested: Command("take_over", ("drops_agent",)),
    inputs.GiveBackRequested: Command("give_back"),
    inputs.GuestInvited: Command("invite", ("to",)),
    inputs.HelpRequested: Command("ask_help"),
    inputs.ReplacementArrived: Command("replace", ("party", "by_right")),
}
"""The inputs by which somebody has his way with a call."""
_BY_SOMEBODY: Final = frozenset({"left", "hung_up", "ended"})
"""Causes of `HangUpRequested` that a supervisor gives; the others are the house's own."""
_FACTS: Final = frozenset({JOINED, MODE, LEFT, AGENT, "call.private", "call.public"})
_CALL_KEPT: Final = frozenset({"call.started", "call.answered", AGENT, "call.transferred", "call.ended"})


class Recorder:
    """Writes down what supervisors do and what becomes of calls."""

    def __init__(
        self, book: Book, keep: Callable[[bytes], bool], clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        """``keep`` takes a line of the journal that nobody waits for."""
        self._book = book
        self._keep = keep
        self._clock = clock
        self._wall = wall
        self._known: OrderedDict[LegId, Acting] = OrderedDict()
        """Whose supervising legs these are, and by which door they came."""
        self._supervisions: OrderedDict[LegId, str] = OrderedDict()
        """The entry by which the supervision of each such leg began: who was lost goes on with it."""

    # commands

    def came(self, leg: LegId, who: Acting) -> None:
        """A supervisor's leg is at a door."""
        _remember(self._known, leg, who)

    def at_phone(self, leg: LegId, identity: Identity | None, way: str) -> Acting:
        """Somebody whose leg this is presses a digit."""
        known = self._known.get(leg)
        return Acting(identity, way, "" if known is None else known.address)

    def permitted(self, entry: CallEntry, happened: Input | None) -> None:
        """Write down a command that is about to be carried out. Raises `Refusal` where it must not be without that."""
        command = COMMANDS.get(type(happened))
        if command is None or happened is None:
            return
        if isinstance(happened, inputs.HangUpRequested) and happened.cause not in _BY_SOMEBODY:
            return
        leg: LegId = getattr(happened, "leg", None) or 0
        who = who_acts() or self._known.get(leg)
        detail: dict[str, Any] = {"command": command.name} | {name: _plain(getattr(happened, name)) for name in command.details}
        if isinstance(happened, inputs.SupervisorCalled | inputs.SupervisorArrived):
            detail |= {"mode": str(happened.supervisor.mode), "target": str(happened.supervisor.target)}
            if who is not None:
                self.came(leg, who)
        if isinstance(happened, inputs.HelpRequested):
            detail |= {"declined": happened.text is None}  # what he says is nobody's business here
        if isinstance(happened, inputs.ReplacementArrived):
            detail |= _place_taken(entry, happened)
        fact = self._fact(PERMITTED, entry.view, leg, who, detail)
        if _begins_something(happened):
            self._write(fact)
        else:
            self._book.owe(fact)

    def follows(self, entry: CallEntry, leg: LegId) -> None:
        """A supervisor who follows is about to join this call. Raises `Refusal` where he must not."""
        self._write(self._fact(PERMITTED, entry.view, leg, self._known.get(leg), {"command": "follow", "mode": str(Mode.LISTEN)}))

    def _write(self, fact: Fact) -> None:
        try:
            self._book.write(fact)
        except JournalUnusable as error:
            raise Refusal("unavailable", f"nobody new may supervise: {error}", error.hint) from error

    def refused(self, who: Acting, command: str, refusal: Refusal, about: Mapping[str, Any]) -> None:
        """A command was refused. ``about``: its fields."""
        detail = _told(command, about) | {"code": refusal.code, "why": refusal.text}
        self._book.refuse(_of_command(REFUSED, who, about, detail))

    def refused_here(self, identity: Identity, command: str, refusal: Refusal, about: Mapping[str, Any]) -> None:
        """The same for a command that came by the phone of somebody who is known."""
        self.refused(who_acts() or Acting(identity, "", ""), command, refusal, about)

    def done(self, who: Acting, command: str, about: Mapping[str, Any]) -> None:
        """A command that is no input to a call was carried out: a text, a trace, a ban that was lifted."""
        self._book.owe(_of_command(DONE, who, about, _told(command, about)))

    def denied(self, way: str, address: str, code: str, why: str) -> None:
        """Somebody was not let in at all."""
        self._book.refuse(Fact(kind=DENIED, way=way, address=address, detail={"code": code, "why": why}))

    def changed(self, kind: str, who: Acting | None, detail: Mapping[str, Any]) -> None:
        """Policies, tokens, identities or settings changed; ``kind``: ``token.revoked``, ``policy.changed`` …"""
        identity = None if who is None else who.identity
        tenant = str(detail.get("tenant", "")) if identity is None else identity.tenant
        name, way, address = ("", "", "") if who is None else (identity.name if identity else "", who.way, who.address)
        self._book.owe(Fact(kind=kind, tenant=tenant, identity=name, way=way, address=address, detail=dict(detail)))

    def governs(self, identity: Identity, command: str, detail: Mapping[str, Any]) -> None:
        """Somebody is about to change who may do what. Raises `Refusal` where it cannot be written down."""
        who = who_acts() or Acting(identity, "api", "")
        try:
            self._book.write(_of_command(PERMITTED, who, {}, {"command": command} | dict(detail)))
        except JournalUnusable as error:
            raise Refusal("unavailable", f"nothing can be written down: {error}", error.hint) from error

    def governed(self, identity: Identity, kind: str, detail: Mapping[str, Any]) -> None:
        """He did."""
        self.changed(kind, who_acts() or Acting(identity, "api", ""), detail)

    # facts

    def happened(self, view: CallView, told: Publish) -> None:
        """A call said something of itself."""
        if told.kind in _FACTS:
            leg = told.leg or 0
            before = self._supervisions.get(int(told.detail.get("resumes", 0)))
            resumed = {} if before is None else {SUPERVISION: before}
            entry = self._book.owe(self._fact(told.kind, view, leg, self._known.get(leg), told.detail | resumed))
            if told.kind == JOINED and entry is not None:
                _remember(self._supervisions, leg, before or entry.place)
            if told.kind == LEFT and "into" not in told.detail:
                self._known.pop(leg, None)
        if told.kind in _CALL_KEPT:
            self._keep(written("call", self._call(view)))

    def _call(self, view: CallView) -> dict[str, Any]:
        """A call as it is now, times in microseconds since 1970."""
        offset = self._wall() - self._clock()

        def at(moment: float | None) -> int | None:
            return None if moment is None else round((moment + offset) * 1e6)

        return {
            "id": view.call,
            "tenant": view.tenant,
            "trunk": view.trunk,
            "caller": view.caller,
            "called": view.called,
            "agent": view.agent,
            "team": view.team,
            "metadata": view.metadata,
            "started_at": at(view.started),
            "answered_at": at(view.answered),
            "ended_at": at(view.ended),
            "cause": view.cause,
        }

    def _fact(self, kind: str, view: CallView, leg: LegId, who: Acting | None, detail: dict[str, Any]) -> Fact:
        identity = None if who is None else who.identity
        return Fact(
            kind=kind,
            tenant=view.tenant,
            identity="" if identity is None else identity.name,
            way="" if who is None else who.way,
            address="" if who is None else who.address,
            permission=_permission(identity, Subject(view.tenant, view.agent, view.team, view.call)),
            call=view.call,
            leg=leg,
            agent=view.agent,
            team=view.team,
            detail=detail,
        )


def _remember(known: OrderedDict[LegId, Known], leg: LegId, what: Known) -> None:
    """Of legs beyond the bound, the oldest is forgotten."""
    known[leg] = what
    if len(known) > _MOST_KNOWN:
        known.popitem(last=False)


def _permission(identity: Identity | None, subject: Subject) -> str:
    return "" if identity is None else permission(identity.ceiling, subject)


def _begins_something(happened: Input) -> bool:
    """Whether somebody begins to hear or to speak, which must not be without its entry."""
    if isinstance(happened, inputs.ModeRequested):
        return happened.mode is not Mode.LISTEN
    if isinstance(happened, inputs.ReplacementArrived):
        return happened.by_right
    begin = inputs.SupervisorCalled | inputs.SupervisorArrived | inputs.TalkHandedOver | inputs.TakeOverRequested | inputs.GuestInvited
    return isinstance(happened, begin)


def _place_taken(entry: CallEntry, happened: inputs.ReplacementArrived) -> dict[str, Any]:
    """Whose place a newcomer takes, and by whose phone or trunk he came."""
    new = entry.legs.get(happened.leg)
    came = {} if new is None else {name: value for name, value in (("user", new.user), ("trunk", new.trunk)) if value}
    places = [{"of": old.agent or old.party, "role": str(old.role)} for old in entry.view.legs if old.leg == happened.replaces]
    return came | (places[0] if places else {})


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float) or value is None else str(value)


def _told(command: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """What of a command goes into the detail: neither texts for phones nor what browsers negotiate, which holds passwords."""
    told = {name: _plain(value) for name, value in about.items() if name not in _UNTOLD and value is not None}
    return {"command": command} | told


def _of_command(kind: str, who: Acting, about: Mapping[str, Any], detail: dict[str, Any]) -> Fact:
    identity, leg = who.identity, about.get("leg")
    return Fact(
        kind=kind,
        tenant="" if identity is None else identity.tenant,
        identity="" if identity is None else identity.name,
        way=who.way,
        address=who.address,
        permission="" if identity is None else _rights(identity),
        call=str(about.get("call") or ""),
        leg=leg if isinstance(leg, int) else 0,
        agent=str(about.get("agent") or ""),
        detail=detail,
    )


def _rights(identity: Identity) -> str:
    """His ceiling in a few words, where it is not known which call it is about."""
    ceiling = identity.ceiling
    return " ".join((*([f"mode:{ceiling.mode}"] if ceiling.mode else []), *(f"right:{right}" for right in sorted(ceiling.rights))))
