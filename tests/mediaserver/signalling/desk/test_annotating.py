"""Notes and flags about calls: by whoever may see the call, in the journal first, bounded, and shown while the call lives and after it."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from pydantic import TypeAdapter

from control_api.command_models import AnyCommand
from control_api.commands import carry_out
from control_api.permissions import Ceiling, Identity, Refusal, Right
from mediaserver.call.inputs import HangUpRequested
from mediaserver.signalling.calls.said import MOST_CHARACTERS, MOST_FLAGS, MOST_NOTES
from mixer.modes import Mode
from tests.mediaserver.signalling.exchange import MARIA, ROBERT, TRUNK, Exchange

T = TypeVar("T")
ANY: TypeAdapter[AnyCommand] = TypeAdapter(AnyCommand)
ANSWERED_FOR = 60.0
OLD = {
    "tenant": "default",
    "agent": "robert",
    "team": "north",
    "started_at": 1_700_000_000_000_000,
    "answered_at": 1_700_000_010_000_000,
    "ended_at": 1_700_000_070_000_000,
    "notes": [],
    "flags": [],
}
"""A call of yesterday, as the database has it."""


def somebody(name: str, *rights: Right, teams: frozenset[str] = frozenset({"north"}), tenant: str = "default") -> Identity:
    """Who may see a team, and do nothing else."""
    return Identity(name, tenant, Ceiling(teams=teams, mode=Mode.LISTEN, rights=frozenset(rights)))


EVA, LEO = somebody("eva"), somebody("leo")


class Desk:
    """Robert has talked with a customer for a minute."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.exchange.phone(MARIA).register("maria", "m")
        robert = self.exchange.phone(ROBERT).register("robert", "r")
        self.exchange.phone(TRUNK).dial("100")
        robert.answers()
        self.exchange.run(ANSWERED_FOR)
        self.call = self.exchange.view.call
        self.exchange.heard.clear()

    def asks(self, request: Coroutine[Any, Any, T]) -> T:
        """What the desk says; a refusal is raised."""
        return asyncio.run(request)  # nothing waits here: the wire stands still

    def note(self, text: str = "well done", who: Identity = EVA, seconds: float | None = None, call: str = "") -> dict[str, Any]:
        return self.asks(self.exchange.desk.note(who, call=call or self.call, text=text, seconds=seconds))

    def flag(self, label: str = "look", who: Identity = EVA, seconds: float | None = None, call: str = "") -> dict[str, Any]:
        return self.asks(self.exchange.desk.flag(who, call=call or self.call, label=label, seconds=seconds))

    def unflag(self, flag: str, who: Identity = EVA, call: str = "") -> None:
        self.asks(self.exchange.desk.unflag(who, call=call or self.call, flag=flag))

    def notes(self, who: Identity = LEO, call: str = "") -> list[dict[str, Any]]:
        return list(self.asks(self.exchange.desk.notes(who, call=call or self.call)))

    def flags(self, who: Identity = LEO, call: str = "") -> list[dict[str, Any]]:
        return list(self.asks(self.exchange.desk.flags(who, call=call or self.call)))

    def shown(self, who: Identity = LEO) -> dict[str, Any]:
        return self.exchange.desk.call(who, self.call)

    def ends(self) -> None:
        (entry,) = self.exchange.switchboard.calls
        self.exchange.switchboard.feed(entry, HangUpRequested(None, "ended"))
        self.exchange.run()

    def journalled(self, kind: str) -> list[dict[str, Any]]:
        """Lines of a kind."""
        lines = [line.decode().split(" ", 1) for line in self.exchange.book.lines]
        return [json.loads(said) for name, said in lines if name == kind]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_note_is_told_to_those_who_see_the_call_and_read_by_them(desk: Desk) -> None:
    kept = desk.note("well done")
    (event,) = desk.exchange.heard
    assert (event.kind, event.body["detail"]) == ("call.note", kept)
    assert (kept["identity"], kept["text"], kept["about"]) == ("eva", "well done", kept["at"])
    assert desk.notes() == [kept]


def test_a_flag_is_in_the_call_s_view_until_it_is_taken_back(desk: Desk) -> None:
    assert desk.shown()["flags"] == []
    kept = desk.flag("praise")
    assert desk.shown()["flags"] == desk.flags() == desk.exchange.heard[-1].body["call"]["flags"] == [kept]
    desk.unflag(kept["id"])
    assert desk.shown()["flags"] == desk.flags() == desk.exchange.heard[-1].body["call"]["flags"] == []
    assert desk.exchange.kinds() == ["call.flag", "call.unflag"]


def test_everything_is_in_the_journal_and_counted(desk: Desk) -> None:
    note, flag = desk.note(), desk.flag("praise")
    desk.unflag(flag["id"])
    assert [(row["id"], row["call"], row["text"]) for row in desk.journalled("note")] == [(note["id"], desk.call, "well done")]
    assert [(row["id"], row["identity"], row["label"]) for row in desk.journalled("flag")] == [(flag["id"], "eva", "praise")]
    assert [(row["id"], row["identity"]) for row in desk.journalled("unflag")] == [(flag["id"], "eva")]
    assert [desk.exchange.counters.value("annotations", what) for what in ("note", "flag", "unflag")] == [1, 1, 1]


def test_what_cannot_be_written_down_is_refused_and_not_shown(desk: Desk) -> None:
    flag = desk.flag()
    desk.exchange.book.is_usable = False
    for ask in (desk.note, desk.flag, lambda: desk.unflag(flag["id"])):
        with pytest.raises(Refusal, match="the journal is full") as refused:
            ask()
        assert refused.value.code == "unavailable"
    assert (desk.notes(), desk.flags()) == ([], [flag])


def test_a_moment_of_the_call_may_be_meant_and_no_other(desk: Desk) -> None:
    assert desk.note(seconds=0.0)["about"] == desk.shown()["answered"]
    assert desk.flag(seconds=10.0)["about"] < desk.flag(seconds=20.0)["about"] < desk.flag()["about"]
    with pytest.raises(Refusal, match="the call has lasted 60 s"):
        desk.note(seconds=70.0)


def test_a_text_of_nothing_but_blanks_is_none(desk: Desk) -> None:
    for ask in (desk.note, desk.flag):
        with pytest.raises(Refusal, match="1 to") as refused:
            ask(" \n ")
        assert refused.value.code == "bad_request"


@pytest.mark.parametrize("stranger", [somebody("south", teams=frozenset({"south"})), somebody("other", tenant="second")])
def test_to_who_may_not_see_the_call_it_does_not_exist(desk: Desk, stranger: Identity) -> None:
    flag = desk.flag()["id"]
    asked = (desk.note, desk.flag, desk.notes, desk.flags, lambda who: desk.unflag(flag, who))
    for ask in asked:
        with pytest.raises(Refusal) as refused:
            ask(who=stranger)
        assert refused.value.code == "not_found"
    assert (len(desk.flags()), desk.notes()) == (1, [])
    assert desk.exchange.counters.value("refusals", "not_found") == len(asked)


def test_another_s_flag_is_taken_back_by_an_administrator_alone(desk: Desk) -> None:
    flag = desk.flag(who=EVA)["id"]
    with pytest.raises(Refusal, match="it is eva's") as refused:
        desk.unflag(flag, LEO)
    assert refused.value.code == "forbidden"
    desk.unflag(flag, somebody("ada", Right.ADMIN))
    with pytest.raises(Refusal, match="has no flag"):
        desk.unflag(flag)


def test_a_call_takes_so_many_flags_and_one_more_when_one_is_taken_back(desk: Desk) -> None:
    first, *_ = [desk.flag(f"number {number}")["id"] for number in range(MOST_FLAGS)]
    with pytest.raises(Refusal, match=f"{MOST_FLAGS} flags already") as refused:
        desk.flag()
    assert refused.value.code == "too_many"
    desk.unflag(first)
    assert desk.flag()["label"] == "look"


def test_a_call_takes_so_many_notes_and_so_much_text(desk: Desk) -> None:
    for _ in range(MOST_CHARACTERS // 4000):
        desk.note("x" * 4000)
    with pytest.raises(Refusal, match="characters in all"):
        desk.note("x")
    other = Desk()
    for number in range(MOST_NOTES):
        other.note(str(number))
    with pytest.raises(Refusal, match="notes already"):
        other.note("one more")


def test_of_a_call_that_is_over_all_is_read_and_it_does_not_come_back_to_the_boards(desk: Desk) -> None:
    kept = desk.note(), desk.flag()
    desk.ends()
    desk.exchange.heard.clear()
    late = desk.note("he rang off", seconds=None)
    assert late["about"] <= late["at"]
    desk.unflag(kept[1]["id"])
    assert (desk.notes(), desk.flags(), desk.shown()["flags"]) == ([kept[0], late], [], [])
    assert desk.exchange.heard == []


def test_of_an_older_call_the_database_is_asked(desk: Desk) -> None:
    said = {"id": "0a", "identity": "eva", "at": OLD["ended_at"], "about": None}
    flags = [said | {"label": "praise", "taken_back_at": None}, said | {"id": "0b", "label": "look", "taken_back_at": OLD["ended_at"]}]
    desk.exchange.past["default", "old"] = OLD | {"notes": [said | {"text": "kind"}], "flags": flags}
    assert [note["text"] for note in desk.notes(call="old")] == ["kind"]
    assert [flag["label"] for flag in desk.flags(call="old")] == ["praise"]
    assert desk.note("heard it again", call="old", seconds=0.0)["about"] == "2023-11-14T22:13:30.000Z"
    with pytest.raises(Refusal, match="no such call was kept"):
        desk.notes(call="older")
    with pytest.raises(Refusal, match="no such call was kept"):
        desk.notes(somebody("south", teams=frozenset({"south"})), call="old")


def test_a_guest_listens_and_neither_reads_nor_says_anything() -> None:
    desk = Desk()
    desk.note()
    flag = desk.flag()
    desk.asks(desk.exchange.desk.ask_help(EVA, call=desk.call, agent=None, text="a refund"))
    guest = replace(EVA, name="eva/link-1", ceiling=replace(EVA.ceiling, calls=frozenset({desk.call})))
    about: dict[str, Any] = {"call": desk.call}
    commands = [
        {"type": "note", "text": "x"} | about,
        {"type": "notes"} | about,
        {"type": "flag", "label": "x"} | about,
        {"type": "unflag", "flag": flag["id"]} | about,
        {"type": "flags"} | about,
        {"type": "ask_help", "text": "x"} | about,
        {"type": "history"},
        {"type": "past_call"} | about,
        {"type": "follow", "agent": "robert"},
    ]
    for command in commands:
        with pytest.raises(Refusal) as refused:
            desk.asks(carry_out(desk.exchange.desk, guest, ANY.validate_python(command | {"id": 1})))
        assert refused.value.code == "forbidden"
    got = {"type": "get", "id": 1} | about
    seen = [desk.asks(carry_out(desk.exchange.desk, who, ANY.validate_python(got)))["call"] for who in (EVA, guest)]
    assert [(len(call["flags"]), call["help"]) for call in seen] == [(1, "a refund"), (0, None)]
    (entry,) = desk.exchange.switchboard.calls
    desk.exchange.switchboard.feed(entry, HangUpRequested(None, "over"))
    seen = [desk.asks(carry_out(desk.exchange.desk, who, ANY.validate_python(got)))["call"] for who in (EVA, guest)]
    assert [len(call["flags"]) for call in seen] == [1, 0]
