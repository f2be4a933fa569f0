"""What is written down of supervision: by every door, with who, from where and by which permission, before it happens."""

import asyncio
import json
from typing import Any

import pytest

from control_api.acting import Acting, acting
from control_api.permissions import Refusal
from mediaserver.call.inputs import LegEnded
from mediaserver.link.messages import SetMode
from mixer.modes import Mode, Role
from sip.events import Rejected, SourceBanned
from tests.mediaserver.signalling.exchange import EVE, LARS, SETTINGS, Phone
from tests.mediaserver.signalling.test_supervision import Supervised, meanwhile


def told(supervised: Supervised, kind: str) -> list[dict[str, Any]]:
    """The details of the facts of a kind."""
    return [dict(fact.detail) for fact in supervised.exchange.book.told(kind)]


def ends(supervised: Supervised) -> None:
    """The agent hangs up."""
    supervised.robert.hangs_up(supervised.robert.ringing.session)


async def rung(supervised: Supervised, mode: Mode = Mode.LISTEN, phone: Phone | None = None) -> int:
    """His phone (None: one that registers now) is rung by the API, and he answers."""
    exchange = supervised.exchange
    phone = phone or exchange.phone(EVE).register("eve", "e")
    identity = exchange.identity("eve")
    with acting(Acting(identity, "api", "10.0.0.1")):
        wish = exchange.desk.supervise(identity, call=None, agent="robert", mode=mode, target=Role.AGENT, phone=None)
        made = await meanwhile(exchange, wish)
    phone.answers()
    return made.leg


async def test_a_supervisor_by_the_api_is_written_down_with_address_and_permission() -> None:
    supervised = Supervised()
    leg = await rung(supervised)
    permitted, joined = supervised.exchange.book.facts[-2:]
    assert (permitted.kind, permitted.identity, permitted.way, permitted.address) == ("command.permitted", "eve", "api", "10.0.0.1")
    assert permitted.permission == "everybody mode:barge right:end right:hang_up right:originate"
    assert (permitted.agent, permitted.team, permitted.leg) == ("robert", "north", leg)
    assert permitted.detail == {"command": "supervise", "mode": "listen", "target": "agent"}
    assert (joined.kind, joined.identity, joined.address, joined.leg) == ("supervisor.joined", "eve", "10.0.0.1", leg)


async def test_who_was_lost_and_comes_back_goes_on_with_the_supervision_that_is_written_down() -> None:
    supervised = Supervised()
    exchange = supervised.exchange
    phone = exchange.phone(EVE).register("eve", "e")
    for _ in range(3):
        leg = await rung(supervised, phone=phone)
        (entry,) = exchange.switchboard.calls
        exchange.switchboard.feed(entry, LegEnded(leg, "transport"))
    first, *later = told(supervised, "supervisor.joined")
    began = [fact.kind for fact in exchange.book.facts].index("supervisor.joined") + 1
    assert "supervision" not in first
    assert [joined["supervision"] for joined in later] == [f"/{began}"] * 2


async def test_a_change_of_mode_is_written_down_before_it_is_done_and_after() -> None:
    supervised = Supervised()
    leg = await rung(supervised)
    identity = supervised.exchange.identity("eve")
    with acting(Acting(identity, "api", "10.0.0.2")):
        await meanwhile(supervised.exchange, supervised.exchange.desk.set_mode(identity, leg=leg, mode=Mode.BARGE, target=Role.AGENT))
    permitted, changed = supervised.exchange.book.facts[-2:]
    assert (permitted.kind, permitted.address, permitted.detail["mode"]) == ("command.permitted", "10.0.0.2", "barge")
    assert (changed.kind, changed.detail) == ("supervisor.mode", {"mode": "barge", "target": "agent", "cause": "request"})


def test_who_dials_in_is_written_down_with_the_address_of_his_phone() -> None:
    supervised = Supervised()
    supervised.dials("*2robert")
    permitted, joined = supervised.exchange.book.facts[-2:]
    assert (permitted.kind, permitted.way, permitted.address, permitted.detail["mode"]) == (
        "command.permitted",
        "dial_in",
        EVE[0],
        "whisper",
    )
    assert (joined.kind, joined.way, joined.address) == ("supervisor.joined", "dial_in", EVE[0])


def test_who_had_to_give_his_pin_is_written_down_too() -> None:
    supervised = Supervised(user="lars", secret="l")
    supervised.dials("*1robert")
    leg = supervised.exchange.switchboard.calls.of_agent("default", "robert")[0].legs
    (waiting,) = [each.leg for each in leg.values() if each.waiting is not None]
    supervised.exchange.press(waiting, "0815#")
    supervised.exchange.press(waiting, "4711#")
    assert told(supervised, "command.refused") == [{"command": "pin", "code": "forbidden", "why": "wrong PIN"}]
    assert [fact.identity for fact in supervised.exchange.book.told("supervisor.joined")] == ["lars"]
    assert "4711" not in str(supervised.exchange.book.facts)


def test_a_digit_is_written_down_as_one() -> None:
    supervised = Supervised()
    supervised.dials("*1robert")
    supervised.exchange.press(supervised.leg, "5")
    permitted, changed = supervised.exchange.book.facts[-2:]
    assert (permitted.way, permitted.address, permitted.detail["mode"]) == ("digit", EVE[0], "whisper")
    assert changed.kind == "supervisor.mode"


def test_a_digit_by_info_is_written_down_as_one() -> None:
    supervised = Supervised()
    session = supervised.dials("*1robert")
    supervised.phone.station.agent.info(session, "application/dtmf", b"6", supervised.exchange.network.now)
    supervised.exchange.run()
    permitted = supervised.exchange.book.told("command.permitted")[-1]
    assert (permitted.way, permitted.address, permitted.detail["mode"]) == ("info", EVE[0], "barge")


def test_a_digit_beyond_the_ceiling_is_a_refusal() -> None:
    settings = SETTINGS.model_copy(update={"users": tuple(user.model_copy(update={"pin": None}) for user in SETTINGS.users)})
    supervised = Supervised(user="lars", secret="l", settings=settings)
    supervised.dials("*1robert")
    supervised.exchange.press(supervised.leg, "6")
    (refused,) = supervised.exchange.book.told("command.refused")
    assert (refused.identity, refused.way, refused.call) == ("lars", "digit", supervised.exchange.view.call)
    assert refused.detail["command"] == "set_mode"
    assert refused.detail["code"] == "forbidden"
    assert refused.detail["mode"] == "barge"


@pytest.mark.parametrize("door", ["*3robert", "*1maria", "call-0123456789ab"])
def test_a_door_that_stays_shut_is_a_refusal(door: str) -> None:
    supervised = Supervised(user="lars", secret="l")
    supervised.phone = supervised.exchange.phone(LARS)
    supervised.dials(door)
    (refused,) = supervised.exchange.book.told("command.refused")
    assert (refused.identity, refused.way, refused.address) == ("lars", "dial_in", LARS[0])


def test_leaving_is_written_down_with_its_cause() -> None:
    supervised = Supervised()
    session = supervised.dials("*1robert")
    supervised.phone.station.agent.end(session, supervised.exchange.network.now)
    supervised.exchange.run()
    (left,) = supervised.exchange.book.told("supervisor.left")
    assert (left.identity, left.address, left.detail) == ("eve", EVE[0], {"cause": "hang_up"})


def test_the_end_of_the_call_is_the_end_of_supervision() -> None:
    supervised = Supervised()
    supervised.dials("*1robert")
    ends(supervised)
    assert told(supervised, "supervisor.left") == [{"cause": "call_ended"}]


async def test_an_administrators_hand_on_anothers_leg_is_his_own() -> None:
    supervised = Supervised()
    supervised.dials("*1robert")
    exchange = supervised.exchange
    eve = exchange.identity("eve")
    with acting(Acting(eve, "api", "10.0.0.3")):
        await meanwhile(exchange, exchange.desk.leave(eve, leg=supervised.leg))
    (permitted,) = [fact for fact in exchange.book.told("command.permitted") if fact.detail["command"] == "hang_up"]
    assert (permitted.identity, permitted.address, permitted.detail["cause"]) == ("eve", "10.0.0.3", "left")


def test_calls_are_kept_from_their_start_to_their_end() -> None:
    supervised = Supervised()
    ends(supervised)
    kept = [json.loads(line.partition(b" ")[2]) for line in supervised.exchange.book.lines]
    assert [(call["answered_at"] is not None, call["ended_at"] is not None) for call in kept] == [
        (False, False),
        (True, False),
        (True, True),
    ]
    assert {call["agent"] for call in kept[1:]} == {"robert"}
    assert kept[-1]["cause"] == "hang_up"
    assert kept[0]["started_at"] >= 1e15


def test_who_is_kept_out_for_wrong_passwords_is_written_down() -> None:
    supervised = Supervised()
    supervised.exchange.server.react(SourceBanned("203.0.113.5", "", 600.0))
    (denied,) = supervised.exchange.book.told("access.denied")
    assert (denied.way, denied.address, denied.detail["code"]) == ("sip", "203.0.113.5", "banned")


def test_a_change_of_who_may_do_what_is_written_down_with_who_made_it() -> None:
    supervised = Supervised()
    eve = Acting(supervised.exchange.identity("eve"), "api", "10.0.0.1")
    supervised.exchange.house.recorder.changed("token.revoked", eve, {"token": "ab12", "whose": "lars"})
    (changed,) = supervised.exchange.book.told("token.revoked")
    assert (changed.identity, changed.tenant, changed.address, changed.detail["whose"]) == ("eve", "default", "10.0.0.1", "lars")


# a journal that takes nothing


async def test_nobody_is_let_in_by_the_api_while_nothing_can_be_written_down() -> None:
    supervised = Supervised()
    supervised.exchange.book.is_usable = False
    with pytest.raises(BaseExceptionGroup) as caught:
        await rung(supervised)
    (refusal,) = caught.value.exceptions
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.text) == ("unavailable", "nobody new may supervise: the journal is full")
    assert "storage.journal_megabytes" in refusal.hint
    assert [view.role for view in supervised.exchange.view.legs] == [Role.CUSTOMER, Role.AGENT]


def test_nobody_is_let_in_by_his_phone_while_nothing_can_be_written_down() -> None:
    supervised = Supervised()
    supervised.exchange.book.is_usable = False
    supervised.dials("*1robert")
    assert [event.status for event in supervised.phone.told(Rejected)] == [503]
    assert supervised.exchange.kinds()[-1] != "supervisor.joined"


def test_who_listens_may_not_begin_to_speak_while_nothing_can_be_written_down_and_may_always_leave() -> None:
    supervised = Supervised()
    supervised.dials("*1robert")
    supervised.exchange.book.is_usable = False
    before = len(supervised.exchange.media.worker.of(SetMode))
    supervised.exchange.press(supervised.leg, "6")
    assert len(supervised.exchange.media.worker.of(SetMode)) == before
    assert told(supervised, "command.refused")[-1]["code"] == "unavailable"
    ends(supervised)
    assert told(supervised, "supervisor.left") == [{"cause": "call_ended"}]


def test_who_speaks_may_always_be_silent() -> None:
    supervised = Supervised()
    supervised.dials("*3robert")
    supervised.exchange.book.is_usable = False
    supervised.exchange.press(supervised.leg, "4")
    assert supervised.exchange.mode(supervised.leg) == "listen"


def test_calls_go_on_while_nothing_can_be_written_down() -> None:
    supervised = Supervised()
    supervised.exchange.book.is_usable = False
    ends(supervised)
    assert supervised.exchange.kinds()[-1] == "call.ended"


async def test_who_acts_in_one_task_acts_in_no_other() -> None:
    supervised = Supervised()
    eve = supervised.exchange.identity("eve")

    async def other() -> None:
        await asyncio.sleep(0)
        supervised.dials("*1robert")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(other())
        with acting(Acting(eve, "api", "10.0.0.4")):
            await asyncio.sleep(0)
    assert {fact.address for fact in supervised.exchange.book.told("command.permitted")} == {EVE[0]}
