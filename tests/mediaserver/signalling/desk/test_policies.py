"""What agents are told of supervision, and what they may say about it, by their tenant's policy."""

from typing import Any

import pytest

from config.settings import Settings
from control_api.permissions import Refusal
from mediaserver.call.inputs import HangUpRequested
from mediaserver.link.messages import Play
from mediaserver.signalling.outside import OutsideRequests
from mixer.modes import Mode, Role
from sip.errors import UnsafeValue
from sip.events import Accepted, Rejected, SessionEnded
from tests.mediaserver.signalling.exchange import ROBERT, SETTINGS, TRUNK, description
from tests.mediaserver.signalling.test_supervision import Supervised


def policy(**said: Any) -> Settings:
    return Settings.model_validate(SETTINGS.model_dump(exclude_none=True) | {"policies": [said]})


def tones(supervised: Supervised) -> list[int]:
    """Legs that heard the tone."""
    return [told.leg for told in supervised.exchange.media.worker.of(Play) if told.sound == "supervised"]


@pytest.mark.parametrize(("presence", "heard"), [("stealth", 0), ("indicated", 1), ("named", 1)])
def test_an_agent_hears_a_tone_where_the_policy_says_so_and_nobody_else_does(presence: str, heard: int) -> None:
    supervised = Supervised(settings=policy(presence=presence))
    supervised.dials("*1robert")
    assert tones(supervised) == [supervised.exchange.leg("agent")] * heard
    assert supervised.exchange.counters.value("indications", "tone") == heard


@pytest.mark.parametrize(("leaves", "heard"), [(False, 1), (True, 0)])
def test_a_tone_that_a_hold_kept_back_is_heard_after_it_if_somebody_is_still_there(leaves: bool, heard: int) -> None:
    supervised = Supervised(settings=policy(presence="indicated"))
    (customers,) = [event.session for event in supervised.trunk.told(Accepted)]
    changes(supervised, customers, "sendonly")
    supervisors = supervised.dials("*1robert")
    assert tones(supervised) == []
    if leaves:
        supervised.phone.hangs_up(supervisors)
    changes(supervised, customers, "sendrecv")
    assert tones(supervised) == [supervised.exchange.leg("agent")] * heard


def changes(supervised: Supervised, session: int, direction: str) -> None:
    """The customer's phone holds, or resumes."""
    supervised.trunk.station.agent.reoffer(session, description(TRUNK, 4000, direction=direction), supervised.exchange.network.now)
    supervised.exchange.run(1.0)


def test_the_policy_of_another_tenant_is_its_own() -> None:
    supervised = Supervised(settings=policy(tenant="second", presence="indicated"))
    supervised.dials("*1robert")
    assert tones(supervised) == []


@pytest.mark.parametrize(("presence", "text"), [("indicated", b"A supervisor is on your call."), ("named", b"eve is on your call.")])
def test_his_phone_gets_a_text_with_a_name_or_without(presence: str, text: bytes) -> None:
    supervised = Supervised(settings=policy(presence=presence, tone=False, message=True))
    supervised.dials("*1robert")
    sent = [carried for carried in supervised.exchange.network.carried if getattr(carried.message, "method", "") == "MESSAGE"]
    assert {(carried.receiver, carried.message.body) for carried in sent} == {(ROBERT, text)}
    assert tones(supervised) == []
    assert supervised.exchange.counters.value("indications", "text") == 1


def test_a_phone_that_no_text_can_be_put_together_for_is_counted_and_the_supervisor_comes_in_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cannot(*_: Any) -> int:
        raise UnsafeValue("a line break")

    supervised = Supervised(settings=policy(presence="indicated", message=True))
    monkeypatch.setattr(OutsideRequests, "ask", cannot)
    supervised.dials("*1robert")
    counters = supervised.exchange.counters
    assert (counters.value("indications", "text"), counters.value("indications", "no_phone")) == (0, 1)
    assert "supervisor.joined" in supervised.exchange.kinds()


def private(**said: Any) -> Supervised:
    return Supervised(settings=policy(may_mark_private=True, **said))


def test_who_is_inside_leaves_a_call_that_becomes_private_and_is_told_why() -> None:
    supervised = private()
    supervised.dials("*1robert")
    leg = supervised.leg
    supervised.exchange.press(supervised.exchange.leg("agent"), "*77")
    assert leg in supervised.exchange.closed()
    (ended,) = supervised.phone.told(SessionEnded)
    assert "private" in ended.reason
    assert supervised.exchange.view.is_private
    assert "call.private" in supervised.exchange.kinds()


async def test_a_private_call_is_refused_by_every_door_with_its_own_code_until_it_is_public() -> None:
    supervised = private()
    exchange = supervised.exchange
    agent = exchange.leg("agent")
    exchange.press(agent, "*77")
    supervised.dials("*1robert")
    assert [event.status for event in supervised.phone.told(Rejected)] == [403]
    asked = exchange.desk.supervise(
        exchange.identity("eve"), call=exchange.view.call, agent=None, mode=Mode.LISTEN, target=Role.AGENT, phone=None
    )
    with pytest.raises(Refusal) as refused:
        await asked
    assert refused.value.code == "private"
    exchange.press(agent, "*77")
    supervised.dials("*1robert")
    assert exchange.admitted(supervised.leg)


def test_only_the_agent_marks_it_and_only_where_he_may() -> None:
    supervised = private()
    supervised.exchange.press(supervised.exchange.leg("customer"), "*77")
    assert not supervised.exchange.view.is_private
    supervised = Supervised()
    supervised.exchange.press(supervised.exchange.leg("agent"), "*77")
    assert not supervised.exchange.view.is_private


def test_digits_that_are_far_apart_are_no_code() -> None:
    supervised = private()
    agent = supervised.exchange.leg("agent")
    supervised.exchange.press(agent, "*7")
    supervised.exchange.run(3.0)
    supervised.exchange.press(agent, "7")
    assert not supervised.exchange.view.is_private


def test_the_parties_go_on_talking() -> None:
    supervised = private()
    exchange = supervised.exchange
    exchange.press(exchange.leg("agent"), "*77")
    assert [exchange.admitted(exchange.leg(role)) for role in ("customer", "agent")] == [True, True]


def seen(supervised: Supervised, user: str) -> set[int]:
    """The supervisors' legs that somebody is shown, by the desk and in what he is told."""
    (call,) = supervised.exchange.desk.calls(supervised.exchange.identity(user))
    return {leg["leg"] for leg in call["legs"] if leg["role"] == "supervisor"}


@pytest.mark.parametrize(("seen_by", "is_seen"), [("everybody", True), ("supervisors", False), ("permitted", False)])
def test_who_does_not_supervise_sees_who_does_where_the_policy_says_so(seen_by: str, is_seen: bool) -> None:
    supervised = Supervised(settings=policy(listeners_seen_by=seen_by))
    supervised.dials("*1robert")
    leg = supervised.leg
    assert seen(supervised, "eve") == {leg}
    assert (leg in seen(supervised, "lars")) is is_seen
    hidden = {leg in event.discretion.hides_from(supervised.exchange.identity("lars")) for event in supervised.exchange.heard}
    assert hidden == {not is_seen, False}


def test_what_an_ended_call_kept_of_supervisors_is_hidden_too() -> None:
    supervised = Supervised(settings=policy(listeners_seen_by="permitted"))
    supervised.dials("*1robert")
    call, leg = supervised.exchange.view.call, supervised.leg
    supervised.exchange.press(leg, "#")
    supervised.exchange.switchboard.feed(supervised.exchange.switchboard.calls.get(call), HangUpRequested(None, "over"))  # type: ignore[arg-type]
    shown = supervised.exchange.desk.call(supervised.exchange.identity("lars"), call)
    assert {told["role"] for told in shown["quality"].values()} <= {"customer", "agent"}


def test_whose_a_talk_is_is_not_said_where_listeners_are_hidden() -> None:
    supervised = Supervised(settings=policy(listeners_seen_by="permitted"))
    supervised.dials("*2robert")
    supervised.dials("*2robert")
    (refused,) = supervised.phone.told(Rejected)
    assert refused.status == 486
    assert "eve" not in refused.reason
    assert "another supervisor whispers" in refused.reason


def test_an_agent_asks_for_help_by_a_code_and_takes_it_back_by_the_same() -> None:
    supervised = Supervised()
    exchange, agent = supervised.exchange, supervised.exchange.leg("agent")
    exchange.press(agent, "*76")
    assert exchange.view.help == ""
    assert exchange.kinds()[-1] == "call.help"
    exchange.press(agent, "*76")
    assert exchange.view.help is None
    assert exchange.kinds()[-1] == "call.help_over"
    assert exchange.counters.value("help_requests", "asked") == exchange.counters.value("help_requests", "declined") == 1


def test_help_that_was_asked_for_is_written_down() -> None:
    supervised = Supervised()
    supervised.exchange.press(supervised.exchange.leg("agent"), "*76")
    (fact,) = [fact for fact in supervised.exchange.book.told("command.permitted") if fact.detail["command"] == "ask_help"]
    assert (fact.way, fact.agent, fact.detail["declined"]) == ("digit", "robert", False)


def test_the_customer_cannot_ask_for_the_agents_help() -> None:
    supervised = Supervised()
    supervised.exchange.press(supervised.exchange.leg("customer"), "*76")
    assert supervised.exchange.view.help is None


def test_who_enters_the_call_has_answered_the_call_for_help() -> None:
    supervised = Supervised()
    supervised.exchange.press(supervised.exchange.leg("agent"), "*76")
    supervised.dials("*1robert")
    assert supervised.exchange.view.help is None


async def test_where_agents_may_not_ask_for_help_neither_code_nor_command_does() -> None:
    supervised = Supervised(settings=policy(may_ask_help=False))
    exchange = supervised.exchange
    exchange.press(exchange.leg("agent"), "*76")
    with pytest.raises(Refusal) as refused:
        await exchange.desk.ask_help(exchange.identity("eve"), call=exchange.view.call, agent=None, text="")
    assert refused.value.code == "forbidden"
    assert exchange.view.help is None
    assert set(exchange.desk.withheld(exchange.identity("eve"))) == {"ask_help"}


def test_two_codes_that_end_alike_are_refused() -> None:
    with pytest.raises(ValueError, match="neither may end"):
        policy(private_code="*77", help_code="7*77")
