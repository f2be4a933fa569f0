"""INVITE with Replaces on the wire: call pickup, takeovers by a PBX, and whom nobody replaces (RFC 3891)."""

import pytest

from config.settings import Settings, UserSettings
from mediaserver.link.messages import Admit, CloseLeg
from mixer.modes import Role
from sip.events import Accepted, Rejected, SessionEnded
from tests.mediaserver.signalling.calls.test_transferring import Talking, settings
from tests.mediaserver.signalling.exchange import ROBERT, SETTINGS, TRUNK, Exchange, Phone
from tests.mediaserver.signalling.referring import replaces

BOSS = ("127.0.4.1", 5060)
ZOE = ("127.0.4.2", 5060)


def with_users() -> Settings:
    """With a boss who may take calls over, a guide who may speak in them, one who may only listen, and an agent without a ceiling."""
    taker = {"agents": ["*"], "mode": "barge", "rights": ["take_over"]}
    users = [
        *SETTINGS.users,
        UserSettings.model_validate({"name": "boss", "secret": "b", "ceiling": taker}),
        UserSettings.model_validate({"name": "guide", "secret": "g", "ceiling": {"agents": ["*"], "mode": "barge"}}),
        UserSettings.model_validate({"name": "zoe", "secret": "z", "ceiling": {"teams": ["north"], "mode": "listen"}}),
    ]
    return settings(users=[user.model_dump() for user in users])


def dial_replacing(phone: Phone, value: str, user: str, secret: str) -> int:
    """Call the server in the place of one of its dialogs."""
    return phone.dial("pickup", user=user, secret=secret, headers=(("Replaces", value),))


def statuses(phone: Phone) -> list[int]:
    """What a phone was refused with."""
    return [event.status for event in phone.told(Rejected)]


def test_a_permitted_user_takes_an_agents_place_and_the_agent_is_hung_up() -> None:
    talking = Talking(with_users())
    boss = talking.exchange.phone(BOSS)
    dial_replacing(boss, replaces(talking.robert, talking.roberts), "boss", "b")
    assert len(boss.told(Accepted)) == 1
    assert len(talking.robert.told(SessionEnded)) == 1
    assert [(leg.role, leg.party) for leg in talking.exchange.view.legs if leg.role is not Role.SUPERVISOR] == [
        (Role.CUSTOMER, "4930123"),
        (Role.OUTSIDE, "boss"),
    ]
    assert talking.exchange.mode(talking.sue) == "listen"
    worker = talking.exchange.media.worker
    new = talking.exchange.leg("outside")
    let_in = [turn for told, turn in zip(worker.told, worker.told_in, strict=True) if told == Admit(new, True)]
    left = [turn for told, turn in zip(worker.told, worker.told_in, strict=True) if isinstance(told, CloseLeg)]
    assert let_in == left


def test_a_ringing_call_is_picked_up() -> None:
    exchange = Exchange(with_users())
    robert = exchange.phone(ROBERT).register("robert", "r")
    trunk, boss = exchange.phone(TRUNK), exchange.phone(BOSS)
    trunk.dial("100")
    robert.rings()
    ringing = robert.station.agent._core.sessions[robert.ringing.session]
    request = robert.ringing.request
    value = f"{request.call_id};to-tag={request.from_.tag};from-tag={ringing.local_tag};early-only"
    dial_replacing(boss, value, "boss", "b")
    assert len(boss.told(Accepted)) == len(trunk.told(Accepted)) == 1
    (cancelled,) = robert.told(SessionEnded)
    assert "Call completed elsewhere" in cancelled.reason
    assert [leg.party for leg in exchange.view.legs] == ["4930123", "boss"]


def test_what_rings_is_picked_up_without_the_right_to_take_over() -> None:
    exchange = Exchange(with_users())
    robert = exchange.phone(ROBERT).register("robert", "r")
    guide = exchange.phone(ZOE)
    exchange.phone(TRUNK).dial("100")
    robert.rings()
    ringing = robert.station.agent._core.sessions[robert.ringing.session]
    request = robert.ringing.request
    dial_replacing(guide, f"{request.call_id};to-tag={request.from_.tag};from-tag={ringing.local_tag}", "guide", "g")
    assert [leg.party for leg in exchange.view.legs] == ["4930123", "guide"]
    (permitted,) = exchange.book.told("command.permitted")
    assert (permitted.identity, permitted.detail["of"]) == ("guide", "robert")


def test_only_early_dialogs_where_that_is_asked() -> None:
    talking = Talking(with_users())
    boss = talking.exchange.phone(BOSS)
    dial_replacing(boss, replaces(talking.robert, talking.roberts, early=True), "boss", "b")
    assert statuses(boss) == [486]


def test_a_dialog_that_nobody_knows_is_481() -> None:
    talking = Talking(with_users())
    boss = talking.exchange.phone(BOSS)
    dial_replacing(boss, "nonesuch;to-tag=a;from-tag=b", "boss", "b")
    assert statuses(boss) == [481]


def test_a_supervisor_is_never_replaced() -> None:
    talking = Talking(with_users())
    boss = talking.exchange.phone(BOSS)
    dial_replacing(boss, replaces(talking.eve, talking.eves), "boss", "b")
    assert statuses(boss) == [603]
    assert not talking.eve.told(SessionEnded)


@pytest.mark.parametrize("place", ["robert", "trunk"])
def test_who_may_speak_but_not_take_over_puts_nobody_out(place: str) -> None:
    talking = Talking(with_users())
    whose, session = (talking.robert, talking.roberts) if place == "robert" else (talking.trunk, talking.customer)
    guide = talking.exchange.phone(ZOE)
    dial_replacing(guide, replaces(whose, session), "guide", "g")
    assert statuses(guide) == [403]
    assert not whose.told(SessionEnded)
    (refused,) = talking.exchange.book.told("command.refused")
    assert (refused.identity, refused.way, refused.address) == ("guide", "replaces", ZOE[0])
    assert (refused.call, refused.agent) == (talking.exchange.view.call, "robert")
    assert refused.detail["command"] == "replace"
    assert refused.detail["why"] == "the right take_over is not yours"
    assert talking.exchange.counters.value("refusals", "forbidden") == 1


def test_a_place_that_is_taken_is_written_down_with_who_and_whose() -> None:
    talking = Talking(with_users())
    dial_replacing(talking.exchange.phone(BOSS), replaces(talking.robert, talking.roberts), "boss", "b")
    (permitted,) = [fact for fact in talking.exchange.book.told("command.permitted") if fact.detail["command"] == "replace"]
    assert (permitted.identity, permitted.way, permitted.address, permitted.agent) == ("boss", "replaces", BOSS[0], "robert")
    assert permitted.detail == {"command": "replace", "party": "boss", "by_right": True, "user": "boss", "of": "robert", "role": "agent"}
    (changed,) = talking.exchange.book.told("call.agent")
    assert changed.detail == {"agent": "", "team": "", "party": "boss"}


def test_where_it_cannot_be_written_down_nobody_is_put_out() -> None:
    talking = Talking(with_users())
    talking.exchange.book.is_usable = False
    boss, softphone = talking.exchange.phone(BOSS), talking.exchange.phone(("127.0.4.7", 5060))
    lent = talking.exchange.ports.lent
    dial_replacing(boss, replaces(talking.robert, talking.roberts), "boss", "b")
    assert statuses(boss) == [503]
    assert not talking.robert.told(SessionEnded)
    talking.exchange.run(3.0)
    assert talking.exchange.ports.lent == lent
    dial_replacing(softphone, replaces(talking.robert, talking.roberts), "robert", "r")
    assert len(softphone.told(Accepted)) == 1


@pytest.mark.parametrize(("user", "secret", "status"), [("zoe", "z", 403), ("maria", "m", 403), ("nobody", "n", 403)])
def test_who_may_not_speak_to_the_parties_may_not_take_their_place(user: str, secret: str, status: int) -> None:
    talking = Talking(with_users())
    phone = talking.exchange.phone(ZOE)
    dial_replacing(phone, replaces(talking.robert, talking.roberts), user, secret)
    assert statuses(phone) == [status]
    assert not talking.robert.told(SessionEnded)


def test_nobody_replaces_without_a_proof() -> None:
    talking = Talking(with_users())
    phone = talking.exchange.phone(ZOE)
    dial_replacing(phone, replaces(talking.robert, talking.roberts), "", "")
    assert statuses(phone) == [401]


def test_what_a_ceiling_does_not_cover_does_not_exist() -> None:
    users = [
        *SETTINGS.users,
        UserSettings.model_validate({"name": "boss", "secret": "b", "ceiling": {"teams": ["south"], "mode": "barge"}}),
    ]
    talking = Talking(settings(users=[user.model_dump() for user in users]))
    boss = talking.exchange.phone(BOSS)
    dial_replacing(boss, replaces(talking.robert, talking.roberts), "boss", "b")
    assert statuses(boss) == [481]


def test_an_agent_moves_his_own_call_to_another_phone_and_stays_the_agent() -> None:
    talking = Talking()
    softphone = talking.exchange.phone(("127.0.4.7", 5060))
    dial_replacing(softphone, replaces(talking.robert, talking.roberts), "robert", "r")
    assert talking.exchange.view.agent == "robert"
    assert [leg.role for leg in talking.exchange.view.legs] == [Role.CUSTOMER, Role.AGENT, Role.SUPERVISOR]
    (permitted,) = [fact for fact in talking.exchange.book.told("command.permitted") if fact.detail["command"] == "replace"]
    assert (permitted.detail["user"], permitted.detail["of"], permitted.detail["by_right"]) == ("robert", "robert", False)
    assert talking.exchange.mode(talking.sue) == "listen"


@pytest.mark.parametrize("allowed", [True, False])
def test_a_trunk_may_where_its_setting_says_so(allowed: bool) -> None:
    trunks = [SETTINGS.trunks[0].model_copy(update={"replaces": allowed}).model_dump()]
    talking = Talking(settings(trunks=trunks))
    value = replaces(talking.trunk, talking.customer)
    dial_replacing(talking.trunk, value, "", "")
    if allowed:
        assert len(talking.trunk.told(SessionEnded)) == 1
        assert [leg.role for leg in talking.exchange.view.legs] == [Role.OUTSIDE, Role.AGENT, Role.SUPERVISOR]
        (permitted,) = [fact for fact in talking.exchange.book.told("command.permitted") if fact.detail["command"] == "replace"]
        assert (permitted.identity, permitted.detail["trunk"], permitted.detail["role"]) == ("", "carrier", "customer")
    else:
        assert statuses(talking.trunk) == [403]


def test_a_transfer_that_rings_is_picked_up_by_who_may() -> None:
    talking = Talking(with_users())
    referral = talking.refer("<sip:300@127.0.0.1>")
    talking.maria.rings()
    ringing = talking.maria.station.agent._core.sessions[talking.maria.ringing.session]
    request = talking.maria.ringing.request
    boss = talking.exchange.phone(BOSS)
    dial_replacing(boss, f"{request.call_id};to-tag={request.from_.tag};from-tag={ringing.local_tag}", "boss", "b")
    assert referral.notices == [100, 180, 200]
    assert [leg.party for leg in talking.exchange.view.legs if leg.role is not Role.SUPERVISOR] == ["4930123", "boss"]
    assert len(talking.maria.told(SessionEnded)) == 1
    talking.exchange.run(3.0)
    assert talking.exchange.ports.lent == 3


def test_nothing_is_left_of_a_replaced_leg() -> None:
    talking = Talking(with_users())
    boss = talking.exchange.phone(BOSS)
    session = dial_replacing(boss, replaces(talking.robert, talking.roberts), "boss", "b")
    boss.hangs_up(session)
    talking.exchange.run(1.0)
    assert len(talking.exchange.switchboard.calls) == 0
    assert talking.exchange.ports.lent == 0
