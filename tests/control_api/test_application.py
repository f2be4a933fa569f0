"""The whole control API over real sockets on loopback."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed, InvalidStatus

from config.settings import ControlSettings
from control_api import reception
from control_api import server as server_module
from control_api.client import ControlClient
from control_api.encoding import MAX_MESSAGE, Subprotocol
from control_api.server import AddressTaken, bind
from tests.control_api.desk import call_model, event_of, meters_of
from tests.control_api.serving import ANNA_TOKEN, BERT_TOKEN, STRANGER_TOKEN, Served, ask, receive, serving


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as server:
        yield server


async def get(served: Served, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as client:
        return await client.get(served.url + path)


# Health and metrics


async def test_health_shows_the_desks_facts(served: Served) -> None:
    response = await get(served, "/healthz")
    assert (response.status_code, response.json()) == (200, {"calls": 0, "workers": 1, "draining": False})


async def test_readiness_follows_the_desk(served: Served) -> None:
    assert (await get(served, "/readyz")).status_code == 200
    served.desk.ready = False
    response = await get(served, "/readyz")
    assert (response.status_code, response.json()) == (503, {"ready": False})


async def test_metrics_are_prometheus_text(served: Served) -> None:
    response = await get(served, "/metrics")
    assert response.text == "calls 1\n"
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(("path", "status", "code"), [("/nothing", 404, "not_found"), ("/v1/control", 426, "bad_request")])
async def test_http_errors_have_the_one_shape(served: Served, path: str, status: int, code: str) -> None:
    response = await get(served, path)
    assert response.status_code == status
    assert set(response.json()) == {"code", "text", "hint"}
    assert response.json()["code"] == code


# Who is let in


@pytest.mark.parametrize(
    ("token", "text"),
    [(None, "no token"), ("wrong", "unknown token"), (ANNA_TOKEN + "x", "unknown token")],
    ids=["none", "wrong", "longer"],
)
async def test_without_a_known_token_the_handshake_is_refused_and_logged_once(
    served: Served, token: str | None, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as logs, pytest.raises(InvalidStatus) as refused:
        await served.connect(token)
    response = refused.value.response
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert json.loads(response.body)["code"] == "unauthenticated"
    (line,) = [entry for entry in logs if entry["event"] == "connection_refused"]
    assert (line["code"], line["text"], line["address"]) == ("unauthenticated", text, "127.0.0.1")
    assert caplog.messages == []


async def test_a_browser_brings_its_token_as_a_subprotocol(served: Served) -> None:
    async with served.connect(None, (f"bearer.{ANNA_TOKEN}", Subprotocol.JSON)) as websocket:
        assert websocket.subprotocol == str(Subprotocol.JSON)
        assert (await receive(websocket))["identity"] == "anna"


async def test_a_browser_with_a_wrong_token_is_told_by_the_close_code(served: Served) -> None:
    async with served.connect(None, ("bearer.wrong", Subprotocol.JSON)) as websocket:
        with pytest.raises(ConnectionClosed) as closed:
            await receive(websocket)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "unauthenticated: unknown token")


async def test_the_token_never_appears_in_the_log(served: Served) -> None:
    with capture_logs() as logs:
        async with served.connect(None, ("bearer.hunter2", Subprotocol.JSON)) as websocket:
            await websocket.wait_closed()
    assert logs
    assert "hunter2" not in repr(logs)


async def test_an_unknown_subprotocol_is_refused(served: Served) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await served.connect(subprotocols=("mediaserver.v9.xml",))
    assert refused.value.response.status_code == 400


async def test_who_offers_no_subprotocol_gets_json(served: Served) -> None:
    async with served.connect(subprotocols=()) as websocket:
        assert (await receive(websocket))["type"] == "hello"


async def test_msgpack_goes_in_binary_frames(served: Served) -> None:
    async with served.connect(subprotocols=(Subprotocol.MSGPACK,)) as websocket:
        assert isinstance(await websocket.recv(), bytes)
        await websocket.send(b"\xc1")
        await receive(websocket)
        assert (await receive(websocket))["error"]["code"] == "bad_request"


async def test_clients_are_bounded_and_leave_their_place_to_others() -> None:
    async with serving(ControlSettings(max_clients=1)) as served:
        async with served.connect() as first:
            await receive(first)
            with pytest.raises(InvalidStatus) as refused:
                await served.connect()
            assert refused.value.response.status_code == 503
            assert json.loads(refused.value.response.body)["code"] == "too_many"
        async with asyncio.timeout(30):
            while served.app.state.reception.clients:
                await asyncio.sleep(0.005)
        async with served.connect() as second:
            assert (await receive(second))["type"] == "hello"


async def test_no_compression_is_agreed_on(served: Served) -> None:
    async with served.connect() as websocket:
        assert websocket.response is not None
        assert "Sec-WebSocket-Extensions" not in websocket.response.headers


# Events


async def test_what_the_tenants_policy_switches_off_is_not_offered(served: Served) -> None:
    offered = []
    for switched_off in ((), ("ask_help",)):
        served.desk.switched_off = switched_off
        async with served.connect() as websocket:
            offered.append((await receive(websocket))["commands"])
    assert [command for command in offered[0] if command not in offered[1]] == ["ask_help"]


async def test_hello_snapshot_and_events_arrive(served: Served) -> None:
    served.desk.put(call_model())
    async with served.connect() as websocket:
        assert (await receive(websocket))["type"] == "hello"
        assert (await receive(websocket))["calls"] == [call_model()]
        served.desk.put(call_model(), "call.held")
        event = await receive(websocket)
    assert (event["kind"], event["sequence"]) == ("call.held", 1)


async def test_a_client_resumes_where_it_was_cut(served: Served) -> None:
    async with served.connect() as websocket:
        hello = await receive(websocket)
    served.desk.put(call_model())
    async with served.connect(query=f"?resume={hello['stream']}:{hello['sequence']}") as websocket:
        assert (await receive(websocket))["resumed"] is True
        assert (await receive(websocket))["sequence"] == 1


async def test_a_foreign_tenant_sees_and_reaches_nothing(served: Served) -> None:
    served.desk.put(call_model())
    async with served.connect(STRANGER_TOKEN) as websocket:
        await receive(websocket)
        assert (await receive(websocket))["calls"] == []
        for command in ({"type": "get", "call": "c1"}, {"type": "supervise", "call": "c1"}, {"type": "supervise", "agent": "robert"}):
            assert (await ask(websocket, **command))["error"]["code"] == "not_found"


async def test_meters_arrive_at_their_pace() -> None:
    async with (
        serving(ControlSettings(meters_hz=10)) as served,
        served.connect() as websocket,
        served.connect(query="?meters=off") as quiet,
    ):
        for _ in range(2):
            await receive(websocket)
            await receive(quiet)
        served.desk.publish(meters_of(call_model(), -30))
        assert (await receive(websocket))["calls"] == {"c1": {"legs": {"1": {"level_dbov": -30, "speaks": True}}}}
        served.desk.put(call_model())
        assert (await receive(quiet))["type"] == "event"


async def test_a_client_that_does_not_read_is_dropped_to_a_snapshot_while_another_gets_everything() -> None:
    async with serving(ControlSettings(queue=10, resume=20)) as served, served.connect() as quick, served.connect() as slow:
        await receive(quick)
        await receive(quick)
        big = call_model(metadata={"note": "x" * 100_000})
        slow.transport.pause_reading()
        for number in range(1, 201):
            served.desk.put(big, "call.held")
            assert (await receive(quick))["sequence"] == number
        slow.transport.resume_reading()
        reasons: list[str | None] = []
        while not reasons or reasons[-1] != "too_slow":
            reasons.append((await receive(slow)).get("reason"))
        served.desk.put(call_model(), "call.resumed")
        while (last := await receive(slow))["type"] != "event":
            pass
        assert last["sequence"] == 201


# Commands


async def test_every_command_reaches_the_desk(served: Served) -> None:
    served.desk.put(call_model())
    async with served.connect() as websocket:
        listed = await ask(websocket, type="list")
        assert [call["call"] for call in listed["result"]["calls"]] == ["c1"]
        assert (await ask(websocket, type="get", call="c1"))["result"]["call"] == call_model()
        made = (await ask(websocket, type="supervise", agent="robert", mode="spy", phone="sip:anna@192.0.2.7"))["result"]
        assert made == {"call": "c1", "leg": 11, "mode": "listen", "state": "joined"}
        assert (await ask(websocket, type="set_mode", leg=11, mode="coach", target="agent"))["result"] == {"turn": 1001}
        assert (await ask(websocket, type="mute", leg=11))["result"] == {"turn": 1002}
        assert (await ask(websocket, type="volumes", leg=11, hears=0.5))["result"] == {"turn": 1003}
        assert (await ask(websocket, type="leave", leg=11))["result"] == {}
        assert (await ask(websocket, type="hang_up", call="c1", leg=1))["result"] == {}
        assert (await ask(websocket, type="originate", agent="robert", number="100"))["result"]["call"] == "c-new"
        assert (await ask(websocket, type="message", call="c1", text="Hello"))["result"] == {"status": 200, "phones": 1}
        assert (await ask(websocket, type="trace", call="c1"))["result"]["complete"]
        assert (await ask(websocket, type="bans"))["result"]["bans"][0]["source"] == "203.0.113.5"
        assert (await ask(websocket, type="lift_ban", source="203.0.113.5"))["result"] == {}
        assert (await ask(websocket, type="end", call="c1"))["result"] == {}
    assert served.desk.asked == [
        ("supervise", {"call": "c1", "mode": "listen", "target": "agent", "phone": "sip:anna@192.0.2.7"}),
        ("set_mode", {"leg": 11, "mode": "whisper", "target": "agent"}),
        ("mute", {"leg": 11, "muted": True}),
        ("volumes", {"leg": 11, "hears": 0.5, "heard": None}),
        ("leave", {"leg": 11}),
        ("hang_up", {"call": "c1", "leg": 1}),
        ("originate", {"agent": "robert", "number": "100"}),
        ("message", {"call": "c1", "agent": None, "text": "Hello"}),
        ("trace", {"call": "c1", "after": 0}),
        ("lift_ban", {"source": "203.0.113.5", "user": ""}),
        ("end", {"call": "c1"}),
    ]


@pytest.mark.parametrize(
    "command",
    [
        {"type": "supervise", "call": "c1", "mode": "whisper"},
        {"type": "supervise", "agent": "robert", "mode": "barge"},
        {"type": "supervise", "agent": "robert", "mode": "join"},
        {"type": "end", "call": "c1"},
        {"type": "hang_up", "call": "c1", "leg": 1},
        {"type": "originate", "agent": "robert", "number": "1"},
        {"type": "message", "call": "c1", "text": "Hello"},
        {"type": "trace", "call": "c1"},
        {"type": "bans"},
        {"type": "lift_ban", "source": "203.0.113.5"},
    ],
)
async def test_a_ceiling_cannot_be_exceeded_and_each_refusal_is_one_log_line(served: Served, command: dict[str, Any]) -> None:
    served.desk.put(call_model())
    with capture_logs() as logs:
        async with served.connect(BERT_TOKEN) as websocket:
            reply = await ask(websocket, **command)
    assert (reply["ok"], reply["error"]["code"]) == (False, "forbidden")
    assert served.desk.asked == []
    (line,) = [entry for entry in logs if entry["event"] == "command_refused"]
    assert (line["identity"], line["command"], line["code"]) == ("bert", command["type"], "forbidden")


async def test_a_malformed_frame_is_answered_logged_and_the_connection_stays(served: Served) -> None:
    with capture_logs() as logs:
        async with served.connect() as websocket:
            await websocket.send("{nonsense")
            await receive(websocket)
            await receive(websocket)
            assert (await receive(websocket))["error"]["code"] == "bad_request"
            assert (await ask(websocket, type="list"))["ok"]
    assert [entry["code"] for entry in logs if entry["event"] == "command_refused"] == ["bad_request"]


async def test_a_message_beyond_the_limit_closes_the_connection(served: Served) -> None:
    async with served.connect() as websocket:
        await websocket.send(json.dumps({"type": "list", "id": 1, "pad": "x" * MAX_MESSAGE}))
        await websocket.wait_closed()
    assert websocket.close_code == 1009


async def test_and_what_was_still_to_be_sent_then_is_no_fault(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    served.desk.put(call_model())
    async with served.connect() as websocket:
        for number in range(50):
            await websocket.send(json.dumps({"type": "list", "id": number}))
        await websocket.send("x" * (MAX_MESSAGE + 1))
        while served.app.state.reception.clients:
            served.desk.put(call_model())
            await asyncio.sleep(0)
        await websocket.wait_closed()
    assert websocket.close_code == 1009
    assert caplog.messages == []


async def test_a_slow_command_does_not_hold_up_another(served: Served) -> None:
    served.desk.put(call_model())
    served.desk.gate.clear()
    async with served.connect() as websocket:
        await websocket.send(json.dumps({"type": "end", "id": "slow", "call": "c1"}))
        assert (await ask(websocket, type="list"))["id"] == "ask"
        served.desk.gate.set()
        while (message := await receive(websocket))["type"] != "reply":
            assert message["kind"] == "call.ended"
        assert message["id"] == "slow"


async def test_a_command_outlives_its_connection_and_is_done_once(served: Served) -> None:
    served.desk.put(call_model())
    served.desk.gate.clear()
    command = {"type": "end", "key": "k", "call": "c1"}
    async with served.connect() as websocket:
        await receive(websocket)
        await websocket.send(json.dumps(command | {"id": 1}))
        await ask(websocket, type="list")
    served.desk.gate.set()
    async with served.connect() as websocket:
        assert (await ask(websocket, **command))["ok"]
    assert served.desk.asked == [("end", {"call": "c1"})]


async def test_a_fault_in_the_desk_is_one_error_reply(served: Served) -> None:
    served.desk.put(call_model())
    served.desk.fault = ZeroDivisionError()
    with capture_logs() as logs:
        async with served.connect() as websocket:
            assert (await ask(websocket, type="end", call="c1"))["error"]["code"] == "internal"
            assert (await ask(websocket, type="list"))["ok"]
    assert [entry["event"] for entry in logs].count("command_failed") == 1


async def test_a_command_that_takes_for_ever_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "COMMAND_TIMEOUT", 0.05)
    served.desk.put(call_model())
    served.desk.gate.clear()
    async with served.connect() as websocket:
        assert (await ask(websocket, type="end", call="c1"))["error"]["code"] == "timeout"


async def test_a_client_that_asks_without_reading_is_not_read_from_any_more(served: Served) -> None:
    served.desk.put(call_model(metadata={"note": "x" * 30_000}))
    sent = 0
    async with served.connect() as websocket:
        websocket.transport.pause_reading()
        question = json.dumps({"type": "list", "id": 1, "pad": "x" * 30_000})
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    await websocket.send(question)
                    sent += 1
        handled = served.app.state.reception.counters["commands"]
        assert handled < sent
        websocket.transport.resume_reading()
        websocket.transport.abort()


# Hostile or broken neighbours


@pytest.mark.parametrize("subprotocol", list(Subprotocol))
async def test_text_that_is_none_reaches_clients_as_question_marks(served: Served, subprotocol: Subprotocol) -> None:
    async with ControlClient(served.url, ANNA_TOKEN, subprotocol=subprotocol, reconnects=False) as client:
        served.desk.put(call_model(caller="M\udcfcller", metadata={"queue": "\ud800"}))
        assert (await client.list())[0].caller == "M?ller"
        assert client.calls["c1"].metadata == {"queue": "?"}


async def test_an_event_that_cannot_be_encoded_hurts_nobody(served: Served) -> None:
    async with served.connect() as websocket:
        await ask(websocket, type="list")
        with capture_logs() as logs:
            served.desk.publish(event_of("call.held", call_model(), detail=object()))
        served.desk.put(call_model())
        assert (await receive(websocket))["kind"] == "call.started"
    assert [entry["event"] for entry in logs] == ["event_unreadable"]
    assert served.app.state.reception.counters["events_unreadable"] == 1


async def test_a_result_that_cannot_be_encoded_hurts_no_other_command(served: Served) -> None:
    async with served.connect() as websocket:
        await ask(websocket, type="list")
        served.desk.live["c1"] = call_model(metadata={"odd": 1j})
        with capture_logs() as logs:
            await websocket.send(json.dumps({"type": "get", "id": 1, "call": "c1"}))
            served.desk.live["c2"] = call_model("c2")
            assert (await ask(websocket, type="get", call="c2"))["ok"]
    assert "result_unreadable" in [entry["event"] for entry in logs]


# Starting and stopping


async def test_stopping_closes_the_clients_as_a_restart_and_gives_up_commands() -> None:
    async with serving() as served:
        served.desk.put(call_model())
        served.desk.gate.clear()
        websocket = await served.connect()
        await websocket.send(json.dumps({"type": "end", "id": 1, "call": "c1"}))
        await ask(websocket, type="list")
    await websocket.wait_closed()
    assert websocket.close_code == 1012
    assert served.desk.listeners == []
    assert served.app.state.reception.clients == 0


async def test_a_request_that_still_waits_when_the_server_stops_is_told_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "GRACE", 0.1)
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as client:
        async with serving() as served:
            served.desk.put(call_model())
            served.desk.gate.clear()
            url, headers = f"{served.url}/v1/calls/c1", {"Authorization": f"Bearer {ANNA_TOKEN}"}
            ending = asyncio.create_task(client.delete(url, headers=headers))
            while not served.app.state.reception.counters["commands"]:
                await asyncio.sleep(0.01)
        answer = await ending
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "unavailable", "5")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not [record for record in caplog.records if record.exc_info]


async def test_signals_stay_with_whoever_had_them() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with serving() as served:
        await get(served, "/healthz")
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_port_in_use_is_one_line_that_says_which_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressTaken) as refused:
            bind(ControlSettings(port=port))
    text = str(refused.value)
    assert text.startswith(f"control API: cannot listen on 127.0.0.1:{port} (address already in use); set control.bind and control.port")
    assert "\n" not in text


def test_ipv6_can_be_bound() -> None:
    with bind(ControlSettings(bind="::1", port=0)) as listener:
        assert listener.family is socket.AF_INET6
