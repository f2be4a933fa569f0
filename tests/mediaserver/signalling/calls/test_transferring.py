"""Blind transfer on the wire with a supervisor on the call: who rings, who is told what, who hears whom."""

import pytest

from config.settings import Settings
from mediaserver.link.messages import Admit, CloseLeg, Command, OpenLeg, Play, SetMode
from mixer.modes import Role
from sip.events import InviteReceived, OfferReceived, SessionEnded
from tests.mediaserver.signalling.exchange import EVE, LARS, MARIA, ROBERT, SETTINGS, TRUNK, Exchange, Phone, description
from tests.mediaserver.signalling.referring import Referral

ROUTES = [
    *(route.model_dump() for route in SETTINGS.routes),
    {"trunk": "users", "number": "300", "targets": ["agent:maria"]},
    {"trunk": "users", "number": "400", "targets": ["agent:maria", "trunk:carrier/400"]},
]


def settings(**changes: object) -> Settings:
    """The exchange's, with numbers that agents may dial."""
    return Settings.model_validate(SETTINGS.model_dump() | {"routes": ROUTES} | changes)


class Talking:
    """Robert's call with a customer; eve whispers to him. Maria is there to be transferred to."""

    def __init__(self, chosen: Settings | None = None, supervisor: str = "*2robert") -> None:
        self.exchange = Exchange(chosen or settings())
        self.robert = self.exchange.phone(ROBERT).register("robert", "r")
        self.maria = self.exchange.phone(MARIA).register("maria", "m")
        self.trunk = self.exchange.phone(TRUNK)
        self.customer = self.trunk.dial("100")
        self.roberts = self.robert.answers()
        self.eve = self.exchange.phone(EVE)
        self.eves = self.eve.dial(supervisor, user="eve", secret="e")
        self.sue = self.exchange.leg("supervisor")

    def refer(self, to: str, *headers: tuple[str, str]) -> Referral:
        """Robert transfers."""
        return Referral(self.exchange, self.robert, self.roberts, to, *headers)

    def holds(self) -> None:
        """Robert puts the customer on hold, as phones do before they transfer."""
        offer = description(ROBERT, 4000, direction="inactive")
        self.robert.station.agent.reoffer(self.roberts, offer, self.exchange.network.now)
        self.exchange.run()
        self.answer_offers()

    def answer_offers(self) -> None:
        """The customer's side does as it is asked."""
        seen = getattr(self, "_seen", 0)
        offers = self.trunk.told(OfferReceived)
        for offer in offers[seen:]:
            assert offer.offer is not None
            asked = str(offer.offer.serialize())
            direction = "recvonly" if "sendonly" in asked else "inactive" if "inactive" in asked else "sendrecv"
            self.trunk.station.agent.accept(offer.session, description(TRUNK, 4000, direction=direction), self.exchange.network.now)
        self._seen = len(offers)
        self.exchange.run()

    def told(self) -> list[tuple[int, Command]]:
        """What the worker was told, with the turn of each."""
        worker = self.exchange.media.worker
        return list(zip(worker.told_in, worker.told, strict=True))

    def leg_of(self, role: str) -> int:
        """The newest leg that was opened in a role."""
        return [told.leg for told in self.exchange.media.worker.of(OpenLeg) if told.role == role][-1]


def test_a_blind_transfer_to_an_agent() -> None:
    talking = Talking()
    referral = talking.refer("<sip:300@127.0.0.1>")
    assert referral.status == 202
    assert referral.notices == [100]
    talking.maria.rings()
    assert referral.notices == [100, 180]
    assert not talking.robert.told(SessionEnded)
    talking.maria.answers()
    assert referral.notices == [100, 180, 200]
    view = talking.exchange.view
    assert (view.agent, view.team) == ("maria", "south")
    assert [(leg.role, leg.party) for leg in view.legs if leg.role is not Role.SUPERVISOR] == [
        (Role.CUSTOMER, "4930123"),
        (Role.AGENT, "maria"),
    ]
    assert {"call.transferring", "call.transferred", "call.agent"} <= set(talking.exchange.kinds())


def test_the_old_agent_hangs_up_by_himself_or_is_hung_up_after_two_seconds() -> None:
    for hangs_up in (True, False):
        talking = Talking()
        talking.refer("<sip:300@127.0.0.1>")
        talking.maria.answers()
        assert not talking.robert.told(SessionEnded)
        assert len(talking.exchange.closed()) == 1, "his audio is over at once"
        if hangs_up:
            talking.robert.hangs_up(talking.roberts)
        talking.exchange.run(2.5)
        assert len(talking.robert.told(SessionEnded)) == (0 if hangs_up else 1)
        assert len(talking.exchange.switchboard.farewells) == 0
        assert len(talking.exchange.view.legs) == 3


def test_a_whisper_ends_in_the_turn_in_which_the_new_agent_is_let_in() -> None:
    talking = Talking()
    assert talking.exchange.mode(talking.sue) == "whisper"
    talking.refer("<sip:300@127.0.0.1>")
    talking.maria.rings()
    assert talking.exchange.mode(talking.sue) == "whisper"
    talking.maria.answers()
    new = talking.exchange.leg("agent")
    turns = {
        kind: [turn for turn, told in talking.told() if isinstance(told, kind) and told.leg == leg][-1]
        for kind, leg in ((SetMode, talking.sue), (Admit, new))
    }
    assert turns[SetMode] == turns[Admit]
    order = [told for _, told in talking.told()]
    assert order.index(SetMode(talking.sue, "listen", "agent")) < order.index(Admit(new, True))
    assert talking.exchange.mode(talking.sue) == "listen"


def test_nobody_is_let_in_to_hear_the_target_before_it_answers() -> None:
    talking = Talking()
    talking.refer("<sip:300@127.0.0.1>")
    session = talking.maria.ringing.session
    talking.maria.station.agent.progress(session, 183, talking.exchange.network.now, description=description(MARIA, 4000))
    talking.exchange.run()
    assert talking.exchange.media.worker.of(Admit, talking.leg_of("agent")) == []


@pytest.mark.parametrize(("status", "told"), [(486, 486), (603, 603), (404, 404), (500, 480)])
def test_a_transfer_that_fails_is_told_and_the_call_goes_on_as_it_was(status: int, told: int) -> None:
    talking = Talking()
    before = talking.exchange.view.legs
    referral = talking.refer("<sip:300@127.0.0.1>")
    talking.maria.refuses(status)
    assert referral.notices == [100, told]
    assert talking.exchange.view.legs == before
    assert talking.exchange.mode(talking.sue) == "whisper"
    assert talking.exchange.view.agent == "robert"
    assert "call.transfer_failed" in talking.exchange.kinds()


def test_a_target_that_rings_too_long_gives_way_to_the_next_one() -> None:
    talking = Talking()
    referral = talking.refer("<sip:400@127.0.0.1>")
    talking.maria.rings()
    talking.exchange.run(21.0)
    assert talking.trunk.ringing.request.uri.startswith("sip:400@127.0.1.1")
    talking.trunk.answers()
    assert referral.notices == [100, 180, 200]
    assert [leg.role for leg in talking.exchange.view.legs] == [Role.CUSTOMER, Role.OUTSIDE, Role.SUPERVISOR]


def test_an_outside_target_is_never_whispered_to_and_the_call_has_no_agent() -> None:
    talking = Talking()
    talking.refer("<sip:9555@127.0.0.1>")
    talking.trunk.answers()
    assert talking.exchange.view.agent == ""
    assert talking.leg_of("outside") == talking.exchange.leg("outside")
    assert talking.exchange.mode(talking.sue) == "listen"


def test_who_waits_hears_music_then_ringing_then_nothing_of_the_servers() -> None:
    talking = Talking()
    talking.holds()
    customer = talking.exchange.leg("customer")
    talking.refer("<sip:300@127.0.0.1>")
    talking.maria.rings()
    talking.maria.answers()
    talking.answer_offers()
    played = [told.sound for told in talking.exchange.media.worker.of(Play, customer)]
    assert played == ["music", "ringback"]
    assert talking.exchange.view.state == "answered"
    assert [leg.state for leg in talking.exchange.view.legs] == ["answered"] * 3


def test_an_agent_who_hangs_up_amid_his_transfer_does_not_end_it() -> None:
    talking = Talking()
    referral = talking.refer("<sip:300@127.0.0.1>")
    talking.maria.rings()
    talking.robert.hangs_up(talking.roberts)
    assert [leg.role for leg in talking.exchange.view.legs] == [Role.CUSTOMER, Role.AGENT, Role.SUPERVISOR]
    talking.maria.answers()
    assert talking.exchange.view.agent == "maria"
    assert talking.exchange.mode(talking.sue) == "listen"
    assert referral.notices[:2] == [100, 180]


def test_without_him_a_failure_is_told_by_the_busy_tone_and_ends_the_call() -> None:
    talking = Talking()
    talking.refer("<sip:300@127.0.0.1>")
    talking.robert.hangs_up(talking.roberts)
    talking.maria.refuses(486)
    assert [told.sound for told in talking.exchange.media.worker.of(Play, talking.exchange.leg("customer"))][-1] == "busy"
    talking.exchange.run(3.5)
    assert len(talking.exchange.switchboard.calls) == 0
    assert talking.exchange.counters.value("calls_ended", "transfer_failed") == 1
    assert len(talking.trunk.told(SessionEnded)) == 1


def test_or_he_is_rung_again_where_that_is_set() -> None:
    talking = Talking(settings(transfers={"return_to_referrer": True}))
    talking.refer("<sip:300@127.0.0.1>")
    talking.robert.hangs_up(talking.roberts)
    rung = len(talking.robert.told(InviteReceived))
    talking.maria.refuses(486)
    assert len(talking.robert.told(InviteReceived)) == rung + 1
    talking.robert.answers()
    assert talking.exchange.view.agent == "robert"


def test_a_second_transfer_waits_for_the_first() -> None:
    talking = Talking()
    talking.refer("<sip:300@127.0.0.1>")
    assert talking.refer("<sip:9555@127.0.0.1>").status == 491


@pytest.mark.parametrize("who", ["customer", "supervisor"])
def test_customers_and_supervisors_cannot_transfer(who: str) -> None:
    talking = Talking()
    phone, session = (talking.trunk, talking.customer) if who == "customer" else (talking.eve, talking.eves)
    referral = Referral(talking.exchange, phone, session, "<sip:300@127.0.0.1>")
    assert referral.status == 603
    assert talking.exchange.counters.value("transfers_refused", f"from_{who}") == 1
    assert talking.maria.told(InviteReceived) == []


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("<sip:777@127.0.0.1>", 404),
        ("<sip:300@elsewhere.example>", 403),
        ("<sip:*1maria@127.0.0.1>", 404),
        ("<sip:call-000000000000@127.0.0.1>", 404),
        ("<sip:maria@127.0.0.1>", 202),
        ("<tel:300>", 202),
        ("<sip:300@mediaserver>", 202),
        ("<sip:300@voice.example>", 202),
    ],
)
def test_where_a_transfer_may_lead(to: str, status: int) -> None:
    talking = Talking(settings(sip={"domains": ["voice.example"]}))
    assert talking.refer(to).status == status


def test_an_agent_who_may_not_call_transfers_to_agents_only() -> None:
    users = [user.model_copy(update={"may_call": False}) if user.name == "robert" else user for user in SETTINGS.users]
    talking = Talking(settings(users=users))
    assert talking.refer("<sip:9555@127.0.0.1>").status == 403
    assert talking.refer("<sip:300@127.0.0.1>").status == 202


def test_another_agent_is_told_who_transfers_to_him_and_nothing_that_the_phone_says_of_itself() -> None:
    talking = Talking()
    talking.refer("<sip:300@127.0.0.1>", ("Referred-By", "<sip:boss@inner.example>"))
    assert talking.maria.ringing.request.header("Referred-By") == "<sip:robert@127.0.0.1:5060>"


@pytest.mark.parametrize("trusted", [False, True])
def test_a_trunk_is_told_who_transfers_where_it_is_trusted(trusted: bool) -> None:
    trunks = [trunk.model_copy(update={"trusted": trusted}) for trunk in SETTINGS.trunks]
    talking = Talking(settings(trunks=trunks))
    talking.refer("<sip:9555@127.0.0.1>")
    told = talking.trunk.ringing.request.header("Referred-By")
    assert told == ("<sip:robert@127.0.0.1:5060>" if trusted else None)


def test_other_hosts_are_called_where_that_is_set() -> None:
    talking = Talking(settings(transfers={"outside_uris": True}))
    elsewhere: Phone = talking.exchange.phone(("127.0.5.5", 5060))
    assert talking.refer("<sip:x@127.0.5.5>").status == 202
    assert elsewhere.ringing.request.header("Referred-By") is None
    elsewhere.answers()
    assert talking.exchange.leg("outside")


def test_a_supervisor_whose_ceiling_ends_leaves_in_the_turn_of_the_new_agent_and_is_told_why() -> None:
    talking = Talking()
    lars = talking.exchange.phone(LARS)
    lars.dial("*1robert*4711", user="lars", secret="l")
    his = next(leg.leg for leg in talking.exchange.view.legs if leg.identity == "lars")
    talking.refer("<sip:300@127.0.0.1>")
    talking.maria.answers()
    new = talking.exchange.leg("agent")
    left = [turn for turn, told in talking.told() if told == CloseLeg(his)]
    let_in = [turn for turn, told in talking.told() if told == Admit(new, True)]
    assert left == let_in
    (ended,) = lars.told(SessionEnded)
    assert "beyond your ceiling" in ended.reason
    assert talking.exchange.counters.value("refusals", "agent_changed") == 1
    (event,) = [event for event in talking.exchange.heard if event.kind == "supervisor.left"]
    assert event.body["detail"] == {"cause": "ceiling"}
    assert {leg.identity for leg in talking.exchange.view.legs if leg.role is Role.SUPERVISOR} == {"eve"}


@pytest.mark.parametrize("changes", [False, True])
def test_who_gives_his_pin_while_the_agent_changes_enters_in_listen(changes: bool) -> None:
    """He dialled to whisper to robert; it is maria whom he would whisper to."""
    users = [user.model_dump() | ({"pin": "4711"} if user.name == "eve" else {}) for user in SETTINGS.users]
    talking = Talking(settings(users=users), supervisor="*1robert*4711")
    late = talking.exchange.phone((EVE[0], 5070))
    late.dial("*2robert", user="eve", secret="e")
    waits = [told.leg for told in talking.exchange.media.worker.of(OpenLeg) if told.role == Role.SUPERVISOR][-1]
    if changes:
        talking.refer("<sip:300@127.0.0.1>")
        talking.maria.answers()
    talking.exchange.press(waits, "4711#")
    assert talking.exchange.mode(waits) == ("listen" if changes else "whisper")


def test_a_redirection_to_an_agent_keeps_who_he_is() -> None:
    exchange = Exchange(settings())
    robert, maria = exchange.phone(ROBERT).register("robert", "r"), exchange.phone(MARIA).register("maria", "m")
    exchange.phone(TRUNK).dial("100")
    contact = [("Contact", "<sip:maria@127.0.0.1>")]
    robert.station.agent.reject(robert.ringing.session, 302, exchange.network.now, headers=contact)
    exchange.run()
    maria.answers()
    assert exchange.view.agent == "maria"
    assert exchange.leg("agent")


def test_a_customer_who_hangs_up_amid_a_transfer_ends_everything() -> None:
    talking = Talking()
    referral = talking.refer("<sip:300@127.0.0.1>")
    talking.trunk.hangs_up(talking.customer)
    assert referral.notices == [100, 487]
    assert len(talking.exchange.switchboard.calls) == 0
    assert talking.exchange.ports.lent == 0
    talking.exchange.run(3.0)
    assert len(talking.maria.told(SessionEnded)) == 1


def test_nothing_is_left_after_transfers() -> None:
    talking = Talking()
    talking.refer("<sip:300@127.0.0.1>")
    talking.maria.answers()
    talking.exchange.run(3.0)
    talking.trunk.hangs_up(talking.customer)
    talking.exchange.run(1.0)
    assert talking.exchange.ports.lent == 0
    assert len(talking.exchange.switchboard.calls) == 0


def test_an_agent_in_a_pbx_transfers_to_an_extension_of_that_pbx() -> None:
    agents = [*(agent.model_dump() for agent in SETTINGS.agents)]
    agents += [{"name": name, "team": "pbx", "extension": extension} for name, extension in (("nora", "1001"), ("mona", "1002"))]
    routes = [*ROUTES, {"trunk": "carrier", "number": "500", "targets": ["trunk:carrier/1001"]}]
    exchange = Exchange(settings(agents=agents, routes=routes))
    trunk = exchange.phone(TRUNK)
    trunk.dial("500")
    noras = trunk.answers()
    assert exchange.view.agent == "nora"
    referral = Referral(exchange, trunk, noras, "<sip:1002@127.0.1.1>")
    assert referral.status == 202
    assert trunk.ringing.request.uri.startswith("sip:1002@127.0.1.1")
    trunk.answers()
    assert referral.notices[-1] == 200
    assert exchange.view.agent == "mona"
    assert [leg.role for leg in exchange.view.legs] == [Role.CUSTOMER, Role.AGENT]
