"""What the API writes down: every refusal before its answer, who was not let in, and commands that nobody else sees."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from control_api.acting import Acting, acting, permission, who_acts
from control_api.permissions import Ceiling, Refusal, Right, Subject
from mixer.modes import Mode
from tests.control_api.desk import call_model
from tests.control_api.serving import BERT_TOKEN, Served, ask, receive, serving


@dataclass
class Seen:
    """A witness that remembers."""

    said: list[tuple[Any, ...]] = field(default_factory=list)

    def refused(self, who: Acting, command: str, refusal: Refusal, about: Mapping[str, Any]) -> None:
        """A refusal."""
        assert who.identity is not None
        self.said.append(("refused", who.identity.name, who.way, who.address, command, refusal.code, about.get("call")))

    def done(self, who: Acting, command: str, about: Mapping[str, Any]) -> None:
        """A command."""
        assert who.identity is not None
        self.said.append(("done", who.identity.name, who.address, command))

    def denied(self, way: str, address: str, code: str, why: str) -> None:
        """Somebody outside."""
        self.said.append(("denied", way, address, code))


@asynccontextmanager
async def watched() -> AsyncIterator[tuple[Served, Seen]]:
    """A running control API and its witness."""
    seen = Seen()
    async with serving(witness=seen) as served:
        yield served, seen


async def test_a_refused_command_is_seen_before_it_is_answered() -> None:
    async with watched() as (served, seen), served.connect(BERT_TOKEN) as websocket:
        for _ in range(2):
            await receive(websocket)
        answer = await ask(websocket, type="end", call="c1")
        assert not answer["ok"]
        assert seen.said == [("refused", "bert", "api", "127.0.0.1", "end", answer["error"]["code"], "c1")]


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"type": "dance", "id": 1}', '{"type": "set_mode", "id": 1, "leg": -1}'])
async def test_a_frame_that_is_no_command_is_seen(text: str) -> None:
    async with watched() as (served, seen), served.connect() as websocket:
        for _ in range(2):
            await receive(websocket)
        await websocket.send(text)
        assert (await receive(websocket))["ok"] is False
        ((what, who, way, _, _, code, _),) = seen.said
        assert (what, who, way, code) == ("refused", "anna", "api", "bad_request")


async def test_who_brings_no_right_token_is_seen() -> None:
    async with watched() as (served, seen):
        with pytest.raises(InvalidStatus):
            async with served.connect("replayed-token"):
                pass
        assert seen.said == [("denied", "api", "127.0.0.1", "unauthenticated")]


async def test_who_writes_about_a_call_is_seen_and_who_reads_is_not() -> None:
    async with watched() as (served, seen), served.connect() as websocket:
        served.desk.put(call_model())
        said: dict[str, dict[str, str]] = {"note": {"text": "well done"}, "notes": {}, "flag": {"label": "praise"}, "flags": {}}
        for kind, fields in said.items():
            assert (await ask(websocket, type=kind, call="c1", **fields))["ok"]
        assert seen.said == [("done", "anna", "127.0.0.1", kind) for kind in ("note", "flag")]


async def test_a_command_that_no_call_sees_is_seen_when_it_is_done() -> None:
    async with watched() as (served, seen), served.connect() as websocket:
        for _ in range(2):
            await receive(websocket)
        assert (await ask(websocket, type="lift_ban", source="203.0.113.5"))["ok"]
        assert (await ask(websocket, type="list"))["ok"]
        assert seen.said == [("done", "anna", "127.0.0.1", "lift_ban")]


def test_who_acts_is_known_while_he_acts() -> None:
    anna = Acting(None, "api", "10.0.0.1")
    assert who_acts() is None
    with acting(anna):
        assert who_acts() == anna
        with acting(Acting(None, "digit", "")):
            assert who_acts() == Acting(None, "digit", "")
        assert who_acts() == anna
    assert who_acts() is None


@pytest.mark.parametrize(
    ("ceiling", "told"),
    [
        (Ceiling(agents=frozenset({"*"}), mode=Mode.BARGE), "everybody mode:barge"),
        (Ceiling(agents=frozenset({"robert"}), mode=Mode.LISTEN, rights=frozenset({Right.END})), "agent:robert mode:listen right:end"),
        (Ceiling(teams=frozenset({"north"}), agents=frozenset({"maria"})), "team:north"),
        (Ceiling(teams=frozenset({"south"})), ""),
        (Ceiling(agents=frozenset({"*"}), mode=Mode.LISTEN, calls=frozenset({"c1"})), "everybody call:c1 mode:listen"),
    ],
)
def test_a_permission_says_what_covers_the_call_and_how_far(ceiling: Ceiling, told: str) -> None:
    assert permission(ceiling, Subject("default", "robert", "north", "c1")) == told
