"""The Python client against the real server: commands, events, cuts, refusals."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from bench.generator.cable import cable_to
from config.settings import ControlSettings
from control_api import client as client_module
from control_api.client import ControlClient, Unreachable, websocket_url
from control_api.command_models import COMMANDS
from control_api.encoding import Subprotocol
from control_api.messages import EventMessage, MetersMessage, SnapshotMessage
from control_api.mirror import Update
from control_api.permissions import Refusal
from control_api.ports import HouseEvent
from mixer.modes import Mode, Role
from tests.control_api.desk import call_model, leg_model, meters_of
from tests.control_api.serving import ANNA_TOKEN, BERT_TOKEN, Served, serving
from tests.interop.tools import free_port


@pytest.fixture(autouse=True)
def quick_reconnects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "FIRST_DELAY", 0.01)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as server:
        yield server


async def take(events: AsyncIterator[Update], count: int) -> list[Update]:
    """The next few updates."""
    async with asyncio.timeout(30):
        return [await anext(events) for _ in range(count)]


def numbers(updates: list[Update]) -> list[int]:
    return [update.sequence for update in updates if isinstance(update, EventMessage)]


def test_every_command_has_a_method() -> None:
    assert [kind for kind in COMMANDS if not callable(getattr(ControlClient, kind, None))] == []


@pytest.mark.parametrize("subprotocol", list(Subprotocol))
async def test_methods_are_their_commands(served: Served, subprotocol: Subprotocol) -> None:
    served.desk.put(call_model())
    async with ControlClient(served.url, ANNA_TOKEN, subprotocol=subprotocol) as client:
        assert [call.call for call in await client.list()] == ["c1"]
        assert (await client.get("c1")).metadata == {"queue": "sales"}
        made = await client.supervise(agent="robert", mode="spy", phone="sip:anna@192.0.2.7")
        assert (made.call, made.mode, made.state) == ("c1", Mode.LISTEN, "joined")
        assert (await client.set_mode(made.leg, Mode.WHISPER)).turn == 1001
        assert (await client.set_mode(made.leg, "barge", Role.AGENT)).turn == 1002
        assert (await client.mute(made.leg)).turn == 1003
        assert (await client.volumes(made.leg, hears=0.5, heard=2)).turn == 1004
        await client.leave(made.leg)
        await client.hang_up("c1", 1)
        assert (await client.originate(agent="robert", number="100"))["call"] == "c-new"
        assert (await client.message("Ask for the order number", agent="robert")).status == 200
        assert (await client.trace("c1", 7)).next == 7
        assert [ban.source for ban in (await client.bans()).bans] == ["203.0.113.5"]
        await client.lift_ban("203.0.113.5", "robert")
        await client.end("c1")
    assert [name for name, _ in served.desk.asked] == [
        "supervise",
        "set_mode",
        "set_mode",
        "mute",
        "volumes",
        "leave",
        "hang_up",
        "originate",
        "message",
        "trace",
        "lift_ban",
        "end",
    ]


async def test_the_client_knows_who_it_is_and_the_live_calls(served: Served) -> None:
    served.desk.put(call_model())
    async with ControlClient(served.url, BERT_TOKEN) as client:
        assert client.hello is not None
        assert (client.hello.identity, client.hello.ceiling.mode) == ("bert", Mode.LISTEN)
        assert list(client.calls) == ["c1"]


async def test_a_refusal_is_raised_with_its_code_and_hint(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN) as client:
        with pytest.raises(Refusal) as refused:
            await client.get("nothing")
    assert (refused.value.code, refused.value.hint) == ("not_found", "list shows the calls that you may see")


async def test_a_field_that_the_protocol_does_not_allow_is_not_even_sent(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN) as client:
        with pytest.raises(ValueError, match="'listen', 'whisper' or 'barge'"):
            await client.set_mode(1, "scream")


async def test_events_begin_with_a_snapshot_and_go_on_in_order(served: Served) -> None:
    served.desk.put(call_model())
    async with ControlClient(served.url, ANNA_TOKEN) as client, aclosing(client.events()) as events:
        (first,) = await take(events, 1)
        assert isinstance(first, SnapshotMessage)
        for _ in range(3):
            served.desk.put(call_model(), "call.held")
        assert numbers(await take(events, 3)) == [1, 2, 3]


async def test_what_may_be_asked_is_another_matter_where_the_policy_changed(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN) as client, aclosing(client.events()) as events:
        await take(events, 1)
        assert client.hello is not None
        assert "ask_help" in client.hello.commands
        served.desk.switched_off = ("ask_help",)
        served.desk.publish(HouseEvent("policy.changed", "default", "", "", "", lambda: {"detail": {"offers_otherwise": True}}))
        (fresh,) = await take(events, 1)
        assert isinstance(fresh, SnapshotMessage)
        assert fresh.reason == "policy_changed"
        assert "ask_help" not in client.hello.commands


async def test_two_watchers_see_the_same(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN) as client, aclosing(client.events()) as one, aclosing(client.events()) as two:
        await take(one, 1)
        await take(two, 1)
        served.desk.put(call_model())
        assert await take(one, 1) == await take(two, 1)


async def test_meters_come_to_who_wants_them(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN, wants_meters=True) as client, aclosing(client.events()) as events:
        await take(events, 1)
        served.desk.publish(meters_of(call_model(), -30))
        (meters,) = await take(events, 1)
    assert isinstance(meters, MetersMessage)
    assert meters.calls["c1"].legs["1"].level_dbov == -30


async def test_joined_waits_for_the_phone(served: Served) -> None:
    ringing = leg_model(7, Role.SUPERVISOR, "anna", state="ringing")
    served.desk.put(call_model(legs=[ringing]))
    async with ControlClient(served.url, ANNA_TOKEN) as client, asyncio.TaskGroup() as group:
        waiting = group.create_task(client.joined(7))
        served.desk.put(call_model(legs=[ringing | {"state": "early"}]))
        await client.list()
        assert not waiting.done()
        served.desk.put(call_model(legs=[ringing | {"state": "answered"}]))
    assert waiting.result().call == "c1"


async def test_joined_says_that_the_phone_was_not_answered(served: Served) -> None:
    served.desk.put(call_model(legs=[leg_model(7, Role.SUPERVISOR, "anna", state="ringing")]))

    async def hang_up_when_seen(client: ControlClient) -> None:
        await client.list()
        served.desk.put(call_model(legs=[]))

    async with ControlClient(served.url, ANNA_TOKEN) as client, asyncio.TaskGroup() as group:
        waiting = group.create_task(_refusal_of_joined(client))
        group.create_task(hang_up_when_seen(client))
    assert waiting.result().code == "unavailable"


async def test_joined_says_so_too_where_the_phone_was_busy_before_anybody_looked(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN) as client:
        served.desk.put(call_model(legs=[leg_model(7, Role.SUPERVISOR, "anna", state="ringing")]), "supervisor.ringing", leg=7)
        served.desk.put(call_model(legs=[]), "supervisor.left", leg=7)
        await client.until(lambda calls: next((call for call in calls.values() if not call.legs), None), 30)
        async with asyncio.timeout(30):
            assert (await _refusal_of_joined(client)).code == "unavailable"


async def _refusal_of_joined(client: ControlClient) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await client.joined(7)
    return refused.value


async def test_joined_gives_up_after_a_time(served: Served) -> None:
    async with ControlClient(served.url, ANNA_TOKEN) as client:
        with pytest.raises(TimeoutError):
            await client.joined(7, timeout=0.01)


# Cuts


async def test_after_a_cut_nothing_is_lost_and_nothing_repeated(served: Served) -> None:
    async with (
        cable_to(served.port) as cable,
        ControlClient(f"127.0.0.1:{cable.port}", ANNA_TOKEN) as client,
        aclosing(client.events()) as events,
    ):
        (first,) = await take(events, 1)
        seen: list[Update] = []
        for _ in range(5):
            served.desk.put(call_model())
            served.desk.put(call_model(), "call.held")
            seen += await take(events, 1)
            cable.cut()
            served.desk.put(call_model(), "call.resumed")
            seen += await take(events, 2)
        assert numbers(seen) == list(range(1, 16))
        assert client.connections == 6
    assert isinstance(first, SnapshotMessage)


async def test_what_is_viewed_is_viewed_again_after_a_cut() -> None:
    async with (
        serving(ControlSettings(meters_hz=10)) as served,
        cable_to(served.port) as cable,
        ControlClient(f"127.0.0.1:{cable.port}", ANNA_TOKEN, wants_meters=True) as client,
        aclosing(client.events()) as events,
    ):
        await client.view(["c2"])
        cable.cut()
        await client.list()
        for call in ("c1", "c2"):
            served.desk.publish(meters_of(call_model(call), -30))
        while not isinstance(update := (await take(events, 1))[0], MetersMessage):
            pass
        assert list(update.calls) == ["c2"]


async def test_a_command_in_flight_during_a_cut_is_done_once_and_answered(served: Served) -> None:
    served.desk.put(call_model())
    served.desk.gate.clear()
    async with (
        cable_to(served.port) as cable,
        ControlClient(f"127.0.0.1:{cable.port}", ANNA_TOKEN) as client,
        asyncio.TaskGroup() as group,
    ):
        ending = group.create_task(client.end("c1"))
        await client.list()
        cable.cut()
        await client.list()
        served.desk.gate.set()
        await ending
    assert served.desk.asked == [("end", {"call": "c1"})]


async def test_a_command_given_while_the_line_is_out_waits_for_it(served: Served) -> None:
    served.desk.put(call_model())
    async with cable_to(served.port) as cable, ControlClient(f"127.0.0.1:{cable.port}", ANNA_TOKEN) as client:
        cable.is_out = True
        cable.cut()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.list()
        cable.is_out = False
        assert len(await client.list()) == 1


async def test_a_restarted_server_is_told_by_a_snapshot() -> None:
    port = free_port("127.0.0.1")
    async with serving(port=port) as served:
        served.desk.put(call_model("old"))
        client = ControlClient(served.url, ANNA_TOKEN)
        await client.__aenter__()
    try:
        async with serving(port=port) as served, aclosing(client.events()) as events:
            served.desk.put(call_model("new"))
            while "new" not in client.calls:
                await take(events, 1)
            assert list(client.calls) == ["new"]
    finally:
        await client.__aexit__()


async def test_who_does_not_reconnect_is_told_of_the_end(served: Served) -> None:
    async with cable_to(served.port) as cable, ControlClient(f"127.0.0.1:{cable.port}", ANNA_TOKEN, reconnects=False) as client:
        events = client.events()
        await take(events, 1)
        cable.cut()
        with pytest.raises(Unreachable):
            await take(events, 1)
        with pytest.raises(Unreachable):
            await client.list()


# Not getting in


async def test_no_server_is_unreachable_in_one_line() -> None:
    port = free_port("127.0.0.1")
    with pytest.raises(Unreachable) as refused:
        await ControlClient(f"http://127.0.0.1:{port}", ANNA_TOKEN).__aenter__()
    assert str(refused.value).startswith(f"ws://127.0.0.1:{port}/v1/control: ")
    assert "\n" not in str(refused.value)


async def test_a_wrong_token_is_refused(served: Served) -> None:
    with pytest.raises(Refusal) as refused:
        await ControlClient(served.url, "wrong").__aenter__()
    assert refused.value.code == "unauthenticated"


async def test_something_else_on_the_port_is_told_so() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unreachable, match="HTTP 404 where the control API was expected"):
            await ControlClient(f"http://127.0.0.1:{port}", ANNA_TOKEN).__aenter__()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("127.0.0.1:8080", "ws://127.0.0.1:8080/v1/control"),
        ("http://host", "ws://host/v1/control"),
        ("https://host/prefix/", "wss://host/prefix/v1/control"),
        ("ws://[::1]:1/v1/control", "ws://[::1]:1/v1/control"),
    ],
)
def test_addresses_are_understood_in_many_forms(url: str, address: str) -> None:
    assert websocket_url(url) == address


@pytest.mark.parametrize("url", ["ftp://host", "http://", ""])
def test_what_is_no_address_is_told_what_would_be(url: str) -> None:
    with pytest.raises(ValueError, match=r"is not an address such as http://127\.0\.0\.1:8080"):
        websocket_url(url)
