"""Attended transfer on the wire: a consultation becomes a part of the customer's call, with its supervisors."""

from typing import cast
from urllib.parse import quote

import pytest

from config.settings import Settings
from mediaserver.link.messages import Admit, CloseLeg, MoveLeg, OpenLeg, ReceiveLeg, ReleaseLeg, SetMode
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.media.worker import Worker
from mixer.modes import Role
from sip.events import InviteReceived, OfferReceived, SessionEnded
from tests.mediaserver.signalling.calls.test_transferring import ROUTES, settings
from tests.mediaserver.signalling.exchange import EVE, LARS, MARIA, ROBERT, SETTINGS, TRUNK, Exchange, description
from tests.mediaserver.signalling.referring import Referral, attended
from tests.mediaserver.signalling.stand_ins import RecordedWorker

FAR = ("127.0.4.4", 5060)


class Consulting:
    """Robert talks to a customer, holds him, and calls Maria about it."""

    def __init__(self, chosen: Settings | None = None, called: str = "300", *, answers: bool = True) -> None:
        self.exchange = Exchange(chosen or settings())
        self.robert = self.exchange.phone(ROBERT).register("robert", "r")
        self.maria = self.exchange.phone(MARIA).register("maria", "m")
        self.trunk = self.exchange.phone(TRUNK)
        self.customer = self.trunk.dial("100")
        self.first = self.robert.answers()
        (self.call,) = self.exchange.switchboard.calls
        self.second = self.robert.dial(called, user="robert", secret="r")
        self.far = self.maria if called == "300" else self.trunk
        if answers:
            self.fars = self.far.answers()
        else:
            self.far.rings()
        self.consultation = next(call for call in self.exchange.switchboard.calls if call is not self.call)

    def supervise(self, code: str = "*1", user: str = "eve", secret: str = "e", port: int = 5060) -> int:
        """A supervisor dials into the consultation by its id."""
        address = (EVE[0] if user == "eve" else LARS[0], port)
        before = set(self.consultation.legs)
        self.exchange.phone(address).dial(f"call-{self.consultation.view.call}", user=user, secret=secret)
        (leg,) = set(self.consultation.legs) - before
        return leg

    def joins(self) -> Referral:
        """Robert transfers attendedly, from the customer's call."""
        return Referral(self.exchange, self.robert, self.first, attended(self.robert, self.second))

    def roles(self, call: CallEntry) -> list[tuple[Role, str]]:
        """Roles and names of a call's legs."""
        return [(leg.role, leg.party) for leg in call.view.legs]


def test_the_customers_call_goes_on_with_the_far_party_of_the_consultation() -> None:
    consulting = Consulting()
    referral = consulting.joins()
    assert referral.status == 202
    assert referral.notices == [100, 200]
    assert list(consulting.exchange.switchboard.calls) == [consulting.call]
    assert consulting.roles(consulting.call) == [(Role.CUSTOMER, "4930123"), (Role.AGENT, "maria")]
    assert consulting.call.view.agent == "maria"
    ended = consulting.exchange.switchboard.calls.ended(consulting.consultation.view.call)
    assert ended is not None
    assert ended.cause == "merged"
    assert not consulting.maria.told(SessionEnded)


def test_both_legs_of_the_agent_end() -> None:
    consulting = Consulting()
    consulting.joins()
    consulting.exchange.run(2.5)
    assert {event.session for event in consulting.robert.told(SessionEnded)} == {consulting.first, consulting.second}
    assert consulting.exchange.ports.lent == 2
    consulting.trunk.hangs_up(consulting.customer)
    assert len(consulting.maria.told(SessionEnded)) == 1
    assert consulting.exchange.ports.lent == 0


def test_the_leg_moves_and_is_let_in_in_one_turn_while_the_agents_are_closed() -> None:
    consulting = Consulting()
    moved = next(leg.leg for leg in consulting.consultation.legs.values() if not leg.calls_us)
    consulting.joins()
    worker = consulting.exchange.media.worker
    assert worker.of(MoveLeg) == [MoveLeg(moved, consulting.call.number, "agent")]
    told = list(zip(worker.told_in, worker.told, strict=True))
    turns = {turn for turn, one in told if isinstance(one, MoveLeg | CloseLeg) or one == Admit(moved, True)}
    assert max(turns) - min(turn for turn, one in told if isinstance(one, MoveLeg)) == 0
    assert worker.of(OpenLeg, moved)[0].call == consulting.consultation.number


def test_a_stranger_who_was_consulted_is_outside_in_the_customers_call() -> None:
    consulting = Consulting(called="9555")
    consulting.joins()
    assert [role for role, _ in consulting.roles(consulting.call)] == [Role.CUSTOMER, Role.OUTSIDE]
    assert consulting.call.view.agent == ""


def test_supervisors_of_the_consultation_join_in_listen() -> None:
    consulting = Consulting()
    leg = consulting.supervise()
    consulting.exchange.press(leg, "5")
    assert consulting.exchange.mode(leg) == "whisper"
    consulting.joins()
    assert (Role.SUPERVISOR, "eve") in consulting.roles(consulting.call)
    worker = consulting.exchange.media.worker
    mine = [one for one in worker.told if getattr(one, "leg", None) == leg]
    moved = mine.index(MoveLeg(leg, consulting.call.number, "supervisor"))
    assert mine[moved + 1] == SetMode(leg, "listen", "agent")
    assert Admit(leg, True) in mine[moved:]
    consulting.exchange.press(leg, "5")
    assert consulting.exchange.mode(leg) == "whisper"


def test_who_may_not_hear_the_new_agent_leaves_before_he_hears_anything() -> None:
    consulting = Consulting()
    robert_only = consulting.exchange.phone(LARS)
    robert_only.dial(f"call-{consulting.consultation.view.call}", user="lars", secret="l")
    (leg,) = [leg.leg for leg in consulting.consultation.legs.values() if leg.role is Role.SUPERVISOR]
    consulting.exchange.press(leg, "4711#")
    assert consulting.exchange.admitted(leg)
    consulting.joins()
    assert leg in consulting.exchange.closed()
    assert MoveLeg(leg, consulting.call.number, "supervisor") not in consulting.exchange.media.worker.told
    assert "beyond your ceiling" in robert_only.told(SessionEnded)[0].reason
    assert consulting.exchange.counters.value("refusals", "agent_changed") == 1


def test_seats_are_bounded_also_when_calls_are_joined() -> None:
    consulting = Consulting()
    for port in (5071, 5072):
        consulting.exchange.phone((EVE[0], port)).dial(f"call-{consulting.call.view.call}", user="eve", secret="e")
    late = consulting.supervise(port=5073)
    consulting.joins()
    assert late in consulting.exchange.closed()
    assert len(consulting.call.view.legs) == 4
    assert consulting.exchange.counters.value("supervisors_left", "full") == 1


def test_a_consultation_that_still_rings_is_joined_too() -> None:
    consulting = Consulting(answers=False)
    referral = consulting.joins()
    assert referral.notices == [100, 180]
    assert len(consulting.call.view.legs) == 3
    consulting.maria.answers()
    assert referral.notices == [100, 180, 200]
    assert consulting.roles(consulting.call) == [(Role.CUSTOMER, "4930123"), (Role.AGENT, "maria")]


def test_where_it_is_not_answered_the_agent_keeps_the_customer() -> None:
    consulting = Consulting(answers=False)
    referral = consulting.joins()
    consulting.maria.refuses(486)
    assert referral.notices == [100, 180, 486]
    assert consulting.roles(consulting.call) == [(Role.CUSTOMER, "4930123"), (Role.AGENT, "robert")]


def test_the_refer_may_come_in_the_consultation_and_the_customers_call_goes_on_all_the_same() -> None:
    consulting = Consulting()
    referral = Referral(consulting.exchange, consulting.robert, consulting.second, attended(consulting.robert, consulting.first))
    assert referral.notices == [100, 200]
    assert list(consulting.exchange.switchboard.calls) == [consulting.call]
    assert consulting.roles(consulting.call) == [(Role.CUSTOMER, "4930123"), (Role.AGENT, "maria")]


def test_a_held_customer_and_a_held_expert_hear_each_other() -> None:
    consulting = Consulting()
    for session in (consulting.first, consulting.second):
        offer = description(ROBERT, 4000, direction="sendonly")
        consulting.robert.station.agent.reoffer(session, offer, consulting.exchange.network.now)
        consulting.exchange.run()
        phone = consulting.trunk if session == consulting.first else consulting.maria
        held = phone.told(OfferReceived)[-1]
        phone.station.agent.accept(held.session, description(phone.address, 4000, direction="recvonly"), consulting.exchange.network.now)
        consulting.exchange.run()
    assert [call.view.state for call in consulting.exchange.switchboard.calls] == ["held", "held"]
    consulting.joins()
    for phone in (consulting.trunk, consulting.maria):
        asked = phone.told(OfferReceived)[-1].offer
        assert asked is not None
        assert b"a=sendrecv" in asked.serialize()
    assert consulting.call.view.state == "answered"


def test_another_agents_call_cannot_be_joined() -> None:
    consulting = Consulting()
    marias = consulting.maria.ringing.session
    referral = Referral(consulting.exchange, consulting.robert, consulting.first, attended(consulting.maria, marias))
    assert referral.status == 603
    assert len(consulting.exchange.switchboard.calls) == 2


def test_a_supervisors_leg_cannot_be_what_is_transferred_to() -> None:
    consulting = Consulting()
    eve = consulting.exchange.phone(EVE)
    session = eve.dial(f"call-{consulting.call.view.call}", user="eve", secret="e")
    referral = Referral(consulting.exchange, consulting.robert, consulting.first, attended(eve, session))
    assert referral.status == 603


def test_a_consultation_that_is_over_is_told_as_such() -> None:
    consulting = Consulting()
    named = attended(consulting.robert, consulting.second)
    consulting.maria.hangs_up(consulting.fars)
    referral = Referral(consulting.exchange, consulting.robert, consulting.first, named)
    assert referral.status in (403, 404)
    assert consulting.roles(consulting.call) == [(Role.CUSTOMER, "4930123"), (Role.AGENT, "robert")]


@pytest.mark.parametrize("allowed", [True, False])
def test_a_dialog_of_a_pbx_is_replaced_by_an_invite_to_it_where_that_is_set(allowed: bool) -> None:
    trunks = [SETTINGS.trunks[0].model_copy(update={"replaces": allowed}).model_dump()]
    consulting = Consulting(settings(trunks=trunks, routes=ROUTES))
    replaces = quote("theirs@pbx;to-tag=a;from-tag=b", safe="")
    referral = Referral(
        consulting.exchange, consulting.robert, consulting.first, f"<sip:9777@127.0.0.1?Replaces={replaces}>",
        ("Referred-By", "<sip:robert@127.0.0.1>"),
    )  # fmt: skip
    assert referral.status == (202 if allowed else 403)
    if allowed:
        request = consulting.trunk.told(InviteReceived)[-1].request
        assert request.header("Replaces") == "theirs@pbx;to-tag=a;from-tag=b"
        assert request.header("Referred-By") == "<sip:robert@127.0.0.1>"


def test_between_two_workers_the_leg_goes_over_with_its_socket() -> None:
    consulting = Consulting()
    other = RecordedWorker()
    moved = next(leg for leg in consulting.consultation.legs.values() if not leg.calls_us)
    moved.mixed_by = cast(Worker, other)
    consulting.joins()
    assert other.told == [ReleaseLeg(moved.leg)]
    worker = consulting.exchange.media.worker
    assert worker.of(MoveLeg) == []
    received = ReceiveLeg(moved.leg, consulting.call.number, "agent", False, True)
    mine = [told for told in worker.told if getattr(told, "leg", None) == moved.leg]
    assert mine[mine.index(received) :] == [received, Admit(moved.leg, True)]
    assert moved.row == moved.leg
    assert moved.mixed_by is cast(Worker, worker)
    assert moved.port.socket.fileno() >= 0
    consulting.trunk.hangs_up(consulting.customer)
    assert moved.port.socket.fileno() < 0


def test_a_server_that_stops_says_goodbye_to_those_who_have_still_to_hang_up() -> None:
    consulting = Consulting()
    consulting.joins()
    assert len(consulting.exchange.switchboard.farewells) == 2
    consulting.exchange.switchboard.farewells.say_all()
    consulting.exchange.run()
    assert len(consulting.robert.told(SessionEnded)) == 2
    assert len(consulting.exchange.switchboard.farewells) == 0


def test_a_phone_that_makes_an_offer_after_its_leg_is_gone_is_told_so() -> None:
    consulting = Consulting()
    consulting.joins()
    offer = description(ROBERT, 4000)
    consulting.robert.station.agent.reoffer(consulting.first, offer, consulting.exchange.network.now)
    consulting.exchange.run()
    answers = [sent.what for sent in consulting.exchange.network.carried if sent.receiver == ROBERT]
    assert answers[-3:] == ["100 INVITE", "481 INVITE", "200 BYE"]
    assert len(consulting.exchange.switchboard.farewells) == 1, "of the consultation; the other leg was hung up by the phone"
    assert consulting.roles(consulting.call) == [(Role.CUSTOMER, "4930123"), (Role.AGENT, "maria")]
