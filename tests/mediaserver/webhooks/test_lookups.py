"""Asking who calls: what is shown of the answer, and what no answer does."""

import asyncio
import json
from typing import Any

import orjson
import pytest

from mediaserver.observing.counters import Counters
from mediaserver.webhooks import lookups
from mediaserver.webhooks.envelopes import Envelopes
from mediaserver.webhooks.lookups import Found, Lookups
from mediaserver.webhooks.posting import Answer, Undelivered
from tests.mediaserver.webhooks.posts import LOOKUP, OtherProgram, event


def answer(**found: Any) -> Answer:
    return Answer(200, orjson.dumps(found))


async def looked_up(program: OtherProgram, timeout: float = 5.0) -> tuple[list[tuple[str, dict[str, str]]], Counters]:
    """What was told of one call's caller."""
    told: list[tuple[str, dict[str, str]]] = []
    counters = Counters()
    asking = Lookups((LOOKUP,), Envelopes("server", lambda: 0.0), lambda call, found: told.append((call, found)), counters)
    async with asyncio.TaskGroup() as group:
        asking.begin(event(), LOOKUP.model_copy(update={"timeout": timeout}), program, group)
    return told, counters


async def test_a_call_that_begins_is_looked_up_and_the_answer_told() -> None:
    program = OtherProgram(answer(name="Ada Lovelace", link="https://crm.example/ada", fields={"tier": "gold", "orders": 3}, more=1))
    told, counters = await looked_up(program)
    assert told == [("c1", {"caller_name": "Ada Lovelace", "caller_link": "https://crm.example/ada", "tier": "gold", "orders": "3"})]
    assert counters.value("lookups", "found") == 1
    asked = json.loads(program.got[0].body)
    assert (asked["type"], asked["data"]["call"]["caller"]) == ("mediaserver.caller.lookup", "+4930123")


@pytest.mark.parametrize(
    ("said", "label"),
    [
        (Answer(204), "nothing"),
        (Answer(404, b"no"), "nothing"),
        (answer(), "nothing"),
        (Answer(200, b"<html>"), "unreadable"),
        (Answer(200, b"[1]"), "unreadable"),
        (answer(link="javascript:alert(1)"), "unreadable"),
        (answer(link='https://x/"onclick'), "unreadable"),
        (answer(name=["Ada"]), "unreadable"),
        (Undelivered("refused"), "failed"),
    ],
)
async def test_an_answer_that_says_nothing_shows_nothing_and_is_counted(said: Answer | Undelivered, label: str) -> None:
    told, counters = await looked_up(OtherProgram(said))
    assert (told, counters.value("lookups", label)) == ([], 1)


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    program = OtherProgram()
    program.gate.clear()
    told, counters = await looked_up(program, timeout=0.01)
    assert (told, counters.value("lookups", "timeout")) == ([], 1)


async def test_only_so_many_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MOST_AT_ONCE", 2)
    program, counters = OtherProgram(answer(name="Ada")), Counters()
    told: list[str] = []
    asking = Lookups((LOOKUP,), Envelopes("server", lambda: 0.0), lambda call, _: told.append(call), counters)
    async with asyncio.TaskGroup() as group:
        for number in range(5):
            asking.begin(event(call=f"c{number}"), LOOKUP, program, group)
    assert (told, counters.value("lookups", "too_many")) == (["c0", "c1"], 3)


def test_fields_are_bounded_in_number_and_length_and_hold_no_control_characters() -> None:
    fields = {"bad name": "x", "n" * 65: "x"} | {f"f{number}": "x" for number in range(100)}
    found = Found.model_validate({"name": "A\x00d\na" + "a" * 1000, "fields": fields}).metadata()
    assert found["caller_name"] == "Ada" + "a" * 253
    assert len(found) == 17
    assert not {"bad name", "n" * 65} & set(found)


def test_a_field_does_not_take_the_place_of_the_name() -> None:
    assert Found(name="Ada", fields={"caller_name": "Eve"}).metadata() == {"caller_name": "Ada"}


@pytest.mark.parametrize(
    ("kind", "tenant", "is_asked"),
    [("call.started", "default", True), ("call.answered", "default", False), ("call.started", "second", False)],
)
def test_a_lookup_is_for_calls_of_its_tenant_that_begin(kind: str, tenant: str, is_asked: bool) -> None:
    asking = Lookups((LOOKUP,), Envelopes("server", lambda: 0.0), lambda call, found: None, Counters())
    assert (asking.hook_for(event(kind, tenant=tenant)) is not None) is is_asked
