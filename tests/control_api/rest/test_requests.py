"""REST over real sockets on loopback: the same commands, the same permissions, the one shape of errors."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from control_api.command_models import COMMANDS
from control_api.encoding import MAX_MESSAGE
from control_api.past_models import HistoryCommand
from control_api.permissions import Refusal
from control_api.rest import answering
from control_api.rest.routes import ON_WEBSOCKETS_ONLY, ROUTES
from mixer.modes import Mode, Role
from tests.control_api.desk import call_model
from tests.control_api.serving import ANNA_TOKEN, BERT_TOKEN, STRANGER_TOKEN, Served, ask, receive, serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as server:
        server.desk.put(call_model())
        yield server


async def request(served: Served, method: str, path: str, token: str | None = ANNA_TOKEN, key: str = "", **more: Any) -> httpx.Response:
    headers = ({"Authorization": f"Bearer {token}"} if token else {}) | ({"Idempotency-Key": key} if key else {})
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=30, base_url=served.url, headers=headers) as client:
        return await client.request(method, path, **more)


def test_every_command_of_the_websocket_has_a_request_but_those_about_a_connection() -> None:
    assert {route.kind for route in ROUTES} == COMMANDS.keys() - ON_WEBSOCKETS_ONLY


# What is asked of the desk


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "asked"),
    [
        ("DELETE", "/v1/calls/c1", None, 200, ("end", {"call": "c1"})),
        ("DELETE", "/v1/calls/c1/legs/2", None, 200, ("hang_up", {"call": "c1", "leg": 2})),
        ("POST", "/v1/calls", {"agent": "robert", "number": "100"}, 201, ("originate", {"agent": "robert", "number": "100"})),
        (
            "POST",
            "/v1/calls/c1/notes",
            {"text": "well done", "seconds": 3},
            201,
            ("note", {"call": "c1", "text": "well done", "seconds": 3.0}),
        ),
        ("POST", "/v1/calls/c1/flags", None, 201, ("flag", {"call": "c1", "label": "look", "seconds": None})),
        ("GET", "/v1/calls/c1/trace?after=7", None, 200, ("trace", {"call": "c1", "after": 7})),
        (
            "POST",
            "/v1/calls/c1/supervisors",
            {"mode": "whisper", "target": "agent"},
            201,
            ("supervise", {"call": "c1", "mode": Mode.WHISPER, "target": Role.AGENT, "phone": None}),
        ),
        (
            "POST",
            "/v1/agents/robert/supervisors",
            None,
            201,
            ("supervise", {"call": "c1", "mode": Mode.LISTEN, "target": Role.AGENT, "phone": None}),
        ),
        ("POST", "/v1/agents/robert/messages", {"text": "Hallo"}, 200, ("message", {"call": None, "agent": "robert", "text": "Hallo"})),
        ("DELETE", "/v1/bans?source=203.0.113.0/24", None, 200, ("lift_ban", {"source": "203.0.113.0/24", "user": ""})),
    ],
)
async def test_a_request_is_its_command(
    served: Served, method: str, path: str, body: dict[str, Any] | None, status: int, asked: tuple[str, dict[str, Any]]
) -> None:
    response = await request(served, method, path, json=body) if body is not None else await request(served, method, path)
    assert response.status_code == status, response.text
    assert served.desk.asked == [asked]


async def test_a_supervisor_changes_his_mode_mutes_himself_turns_the_volume_and_leaves(served: Served) -> None:
    leg = (await request(served, "POST", "/v1/calls/c1/supervisors")).json()["leg"]
    assert (await request(served, "PUT", f"/v1/supervisors/{leg}/mode", json={"mode": "barge"})).json() == {"turn": 1001}
    assert (await request(served, "PUT", f"/v1/supervisors/{leg}/muted", json={"muted": False})).json() == {"turn": 1002}
    assert (await request(served, "PATCH", f"/v1/supervisors/{leg}/volumes", json={"hears": 0.5})).json() == {"turn": 1003}
    assert (await request(served, "DELETE", f"/v1/supervisors/{leg}")).json() == {}
    assert [name for name, _ in served.desk.asked] == ["supervise", "set_mode", "mute", "volumes", "leave"]


async def test_calls_are_shown_to_who_may_see_them(served: Served) -> None:
    served.desk.put(call_model("c2", agent="eve"))
    seen = {token: (await request(served, "GET", "/v1/calls", token)).json()["calls"] for token in (ANNA_TOKEN, BERT_TOKEN, STRANGER_TOKEN)}
    assert [[call["call"] for call in calls] for calls in seen.values()] == [["c1", "c2"], ["c1"], []]


async def test_one_call_is_shown(served: Served) -> None:
    assert (await request(served, "GET", "/v1/calls/c1")).json()["call"]["agent"] == "robert"


async def test_who_one_is_and_may(served: Served) -> None:
    ceiling = {"agents": ["robert"], "teams": [], "mode": "listen", "rights": []}
    said = (await request(served, "GET", "/v1/me", BERT_TOKEN)).json()
    assert "follow" in said["commands"]
    assert "end" not in said["commands"]
    assert said == {"identity": "bert", "tenant": "default", "ceiling": ceiling, "commands": said["commands"]}
    served.desk.switched_off = ("follow",)
    assert "follow" not in (await request(served, "GET", "/v1/me", BERT_TOKEN)).json()["commands"]


async def test_supervisors_and_agents_are_shown_as_far_as_their_calls_are(served: Served) -> None:
    await request(served, "POST", "/v1/calls/c1/supervisors", json={"mode": "listen"})
    (supervisor,) = (await request(served, "GET", "/v1/supervisors")).json()["supervisors"]
    assert (supervisor["call"], supervisor["agent"], supervisor["leg"]["identity"]) == ("c1", "robert", "anna")
    agents = (await request(served, "GET", "/v1/agents")).json()["agents"]
    assert agents == [
        {"agent": "robert", "team": "support", "state": "on_call", "calls": ["c1"]},
        {"agent": "ida", "team": "support", "state": "idle", "calls": []},
    ]


async def test_what_was_kept_is_asked_by_query_and_path(served: Served) -> None:
    page = await request(served, "GET", "/v1/history?agent=100&party=%2B49&since=2030-01-31T12:00:00Z&limit=7")
    assert (page.status_code, [call["call"] for call in page.json()["calls"]]) == (200, ["c0"])
    (asked,) = served.desk.past.asked
    assert isinstance(asked, HistoryCommand)
    assert (asked.agent, asked.party, asked.limit, asked.since) == ("100", "+49", 7, datetime(2030, 1, 31, 12, tzinfo=UTC))
    call = (await request(served, "GET", "/v1/history/c0")).json()
    assert call["supervisions"][0]["timeline"][0]["mode"] == "listen"
    assert (await request(served, "GET", "/v1/history/c0", STRANGER_TOKEN)).json()["code"] == "not_found"
    assert (await request(served, "GET", "/v1/report/listening")).json()["code"] == "forbidden"
    for wrong in (
        "limit=201",
        "limit=x",
        "since=yesterday",
        "since=0001-01-01T00:00:00%2B14:00",
        "until=9999-12-31T23:00:00-14:00",
        "cursor=",
    ):
        assert (await request(served, "GET", f"/v1/history?{wrong}")).json()["code"] == "bad_request"


async def test_notes_and_flags_are_read_and_a_flag_is_taken_back(served: Served) -> None:
    note = (await request(served, "POST", "/v1/calls/c1/notes", json={"text": "well done"})).json()
    flag = (await request(served, "POST", "/v1/calls/c1/flags", json={"label": "praise"})).json()
    assert (await request(served, "GET", "/v1/calls/c1/notes", BERT_TOKEN)).json() == {"notes": [note]}
    assert (await request(served, "GET", "/v1/calls/c1", BERT_TOKEN)).json()["call"]["flags"] == [flag]
    assert (await request(served, "DELETE", f"/v1/calls/c1/flags/{flag['id']}", BERT_TOKEN)).status_code == 403
    assert (await request(served, "DELETE", f"/v1/calls/c1/flags/{flag['id']}")).json() == {}
    assert (await request(served, "GET", "/v1/calls/c1/flags")).json() == {"flags": []}


async def test_health_tells_whether_calls_are_taken(served: Served) -> None:
    served.desk.ready = False
    assert (await request(served, "GET", "/v1/health")).json() == {"calls": 1, "workers": 1, "draining": False, "ready": False}


async def test_unknown_fields_are_ignored(served: Served) -> None:
    response = await request(served, "POST", "/v1/calls/c1/supervisors?colour=red", json={"mode": "listen", "agent": "eve", "shape": [1]})
    assert response.status_code == 201
    assert served.desk.asked[0][1]["call"] == "c1"


# What is refused


@pytest.mark.parametrize(("token", "text"), [(None, "no token"), ("wrong", "unknown token")])
async def test_without_a_known_token_nothing_is_told(served: Served, token: str | None, text: str) -> None:
    for path in ("/v1/calls", "/v1/calls/c1", "/v1/me", "/v1/health"):
        response = await request(served, "GET", path, token)
        assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert (response.json()["code"], response.json()["text"]) == ("unauthenticated", text)
    assert served.app.state.reception.counters["refused"] == 4


@pytest.mark.parametrize(
    ("method", "path", "body", "token", "status", "code"),
    [
        ("POST", "/v1/calls/c1/supervisors", {"mode": "whisper"}, BERT_TOKEN, 403, "forbidden"),
        ("POST", "/v1/calls/c1/supervisors", {"mode": "barge"}, BERT_TOKEN, 403, "forbidden"),
        ("DELETE", "/v1/calls/c1", None, BERT_TOKEN, 403, "forbidden"),
        ("GET", "/v1/bans", None, BERT_TOKEN, 403, "forbidden"),
        ("POST", "/v1/webhooks/crm/resend", None, BERT_TOKEN, 403, "forbidden"),
        ("POST", "/v1/webhooks/other/resend", None, ANNA_TOKEN, 404, "not_found"),
        ("GET", "/v1/calls/c1", None, STRANGER_TOKEN, 404, "not_found"),
        ("POST", "/v1/calls/c1/supervisors", {}, STRANGER_TOKEN, 404, "not_found"),
        ("PUT", "/v1/supervisors/99/mode", {"mode": "listen"}, ANNA_TOKEN, 404, "not_found"),
        ("GET", "/v1/nothing", None, ANNA_TOKEN, 404, "not_found"),
        ("PUT", "/v1/supervisors/3/mode", {}, ANNA_TOKEN, 400, "bad_request"),
        ("PUT", "/v1/supervisors/3/muted", {"muted": "yes"}, ANNA_TOKEN, 400, "bad_request"),
        ("PUT", "/v1/supervisors/three/mode", {"mode": "listen"}, ANNA_TOKEN, 400, "bad_request"),
        ("PATCH", "/v1/supervisors/3/volumes", {"hears": "0.5"}, ANNA_TOKEN, 400, "bad_request"),
        ("PATCH", "/v1/supervisors/3/volumes", {}, ANNA_TOKEN, 400, "bad_request"),
        ("POST", "/v1/calls", ["robert"], ANNA_TOKEN, 400, "bad_request"),
        ("GET", "/v1/calls/c1/trace?after=-1", None, ANNA_TOKEN, 400, "bad_request"),
        ("PATCH", "/v1/calls", {}, ANNA_TOKEN, 405, "bad_request"),
    ],
)
async def test_a_refusal_has_the_one_shape_and_changes_nothing(
    served: Served, method: str, path: str, body: Any, token: str, status: int, code: str
) -> None:
    response = await request(served, method, path, token, **({} if body is None else {"json": body}))
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert set(response.json()) == {"code", "text", "hint"}
    assert served.desk.asked == []


async def test_a_method_that_is_not_there_is_told_those_that_are(served: Served) -> None:
    response = await request(served, "PATCH", "/v1/calls")
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize("data", [b"{", b"\xff", b'{"agent": NaN}', b'{"agent": "\\ud800", "number": "1"}', b"[" * 60_000])
async def test_a_body_that_is_not_json_is_refused(served: Served, data: bytes) -> None:
    response = await request(served, "POST", "/v1/calls", content=data)
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


async def test_a_body_of_ten_megabytes_is_refused_before_it_is_kept(served: Served) -> None:
    response = await request(served, "POST", "/v1/calls", content=b" " * 10_000_000)
    assert (response.status_code, response.json()["text"]) == (413, f"the body is longer than {MAX_MESSAGE} bytes")
    assert (await request(served, "GET", "/v1/calls")).status_code == 200


async def test_a_body_that_does_not_come_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "BODY_TIMEOUT", 0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    lines = ("POST /v1/calls HTTP/1.1", "Host: here", f"Authorization: Bearer {ANNA_TOKEN}", "Content-Length: 10", "", "{")
    writer.write("\r\n".join(lines).encode())
    async with asyncio.timeout(30):
        assert b" 408 " in await reader.readline()
    writer.close()


async def test_a_fault_in_a_command_has_the_one_shape(served: Served) -> None:
    served.desk.fault = ZeroDivisionError("no")
    response = await request(served, "DELETE", "/v1/calls/c1")
    assert (response.status_code, response.json()["code"]) == (500, "internal")


@pytest.mark.parametrize(
    ("code", "status", "after"),
    [("unavailable", 503, "5"), ("too_many", 429, "5"), ("timeout", 504, None), ("ambiguous", 409, None), ("private", 403, None)],
)
async def test_each_code_has_its_status(served: Served, code: str, status: int, after: str | None) -> None:
    served.desk.fault = Refusal(code, "not now")
    response = await request(served, "DELETE", "/v1/calls/c1")
    assert (response.status_code, response.headers.get("Retry-After")) == (status, after)


async def test_more_commands_at_once_than_there_may_be_are_too_many(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "MAX_RUNNING", 0)
    response = await request(served, "DELETE", "/v1/calls/c1")
    assert (response.status_code, response.json()["code"]) == (429, "too_many")


# Sent again


async def test_a_request_that_is_sent_again_under_its_key_is_done_once(served: Served) -> None:
    first = await request(served, "POST", "/v1/calls/c1/supervisors", key="k1", json={"mode": "listen"})
    again = await request(served, "POST", "/v1/calls/c1/supervisors", key="k1", json={"mode": "listen"})
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert len(served.desk.asked) == 1


async def test_a_key_of_another_command_is_a_conflict(served: Served) -> None:
    await request(served, "POST", "/v1/calls/c1/supervisors", key="k1")
    response = await request(served, "DELETE", "/v1/calls/c1", key="k1")
    assert (response.status_code, response.json()["code"]) == (409, "conflict")


async def test_a_key_counts_for_the_websocket_too(served: Served) -> None:
    await request(served, "DELETE", "/v1/calls/c1", key="k1")
    async with served.connect() as websocket:
        assert (await receive(websocket))["type"] == "hello"
        assert (await ask(websocket, type="end", key="k1", call="c1"))["ok"]
    assert len(served.desk.asked) == 1


async def test_a_command_goes_on_when_its_client_has_gone(served: Served) -> None:
    served.desk.gate.clear()
    with pytest.raises(httpx.ReadTimeout):
        await request(served, "DELETE", "/v1/calls/c1", key="k1", timeout=0.2)
    served.desk.gate.set()
    assert (await request(served, "DELETE", "/v1/calls/c1", key="k1")).status_code == 200
    assert served.desk.asked == [("end", {"call": "c1"})]


async def test_a_whole_number_may_be_written_with_a_point(served: Served) -> None:
    made = (await request(served, "POST", "/v1/calls/c1/supervisors", json={"mode": "listen"})).json()
    taken = await request(served, "POST", "/v1/commands/give_back", json={"leg": float(made["leg"])})
    assert taken.status_code == 200
