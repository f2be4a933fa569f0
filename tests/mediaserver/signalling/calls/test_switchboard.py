"""Calls through the whole signalling process, from the trunk's INVITE to the worker's commands."""

import pytest

from mediaserver.call.view import CallState
from mediaserver.link.messages import OpenLeg, SetMedia
from sip.events import Accepted, InviteReceived, OfferReceived, Progressed, Rejected, SessionEnded
from sip.negotiated import Direction
from sip.uri import Uri
from tests.mediaserver.signalling.exchange import MARIA, ROBERT, SETTINGS, TRUNK, Exchange, description


class Conversation:
    """A customer on the trunk and the agent robert."""

    def __init__(self, exchange: Exchange | None = None) -> None:
        self.exchange = exchange or Exchange()
        self.robert = self.exchange.phone(ROBERT).register("robert", "r")
        self.trunk = self.exchange.phone(TRUNK)

    def answered(self) -> "Conversation":
        """The customer is through to robert."""
        self.customers_session = self.trunk.dial("100")
        self.agents_session = self.robert.answers()
        return self


def test_a_call_reaches_its_agent_and_both_are_let_into_the_mix() -> None:
    conversation = Conversation().answered()
    exchange = conversation.exchange
    assert exchange.view.state is CallState.ANSWERED
    assert (exchange.view.agent, exchange.view.team, exchange.view.caller, exchange.view.trunk) == ("robert", "north", "4930123", "carrier")
    assert exchange.admitted(exchange.leg("customer"))
    assert exchange.admitted(exchange.leg("agent"))
    assert len(conversation.trunk.told(Accepted)) == 1


def test_ringing_is_relayed() -> None:
    conversation = Conversation()
    conversation.trunk.dial("100")
    conversation.robert.rings()
    assert [event.response.status for event in conversation.trunk.told(Progressed)] == [180]
    assert conversation.exchange.view.state is CallState.RINGING


def test_the_agent_is_offered_the_customers_codecs_first_and_the_customer_gets_the_agents_choice() -> None:
    conversation = Conversation()
    conversation.trunk.dial("100", codecs="8 0 101")
    offer = conversation.robert.ringing.offer
    assert offer is not None
    assert offer.media[0].formats[:2] == ("8", "0")
    conversation.robert.answers(codecs="0 101")
    (accepted,) = conversation.trunk.told(Accepted)
    assert accepted.description is not None
    assert accepted.description.media[0].formats[0] == "0"
    assert {told.codec for told in conversation.exchange.media.worker.of(SetMedia)} == {"PCMU"}


def test_the_agents_phone_shows_who_calls() -> None:
    conversation = Conversation()
    conversation.trunk.dial("100")
    assert Uri.parse(conversation.robert.ringing.request.from_.uri).user == "4930123"


def test_either_partys_goodbye_ends_the_call_within_one_settle_and_gives_everything_back() -> None:
    conversation = Conversation().answered()
    exchange = conversation.exchange
    conversation.trunk.hangs_up(conversation.customers_session)
    assert len(conversation.robert.told(SessionEnded)) == 1
    assert exchange.closed() == {told.leg for told in exchange.media.worker.of(OpenLeg)}
    assert exchange.ports.lent == 0
    assert len(exchange.switchboard.calls) == 0
    assert exchange.kinds()[-1] == "call.ended"


def test_a_caller_who_gives_up_stops_the_ringing() -> None:
    conversation = Conversation()
    session = conversation.trunk.dial("100")
    conversation.robert.rings()
    conversation.trunk.hangs_up(session)
    assert [event.cause for event in conversation.robert.told(SessionEnded)] == ["cancelled"]
    assert conversation.exchange.ports.lent == 0


def test_a_busy_agent_gives_way_to_the_next_target() -> None:
    exchange = Exchange()
    maria = exchange.phone(MARIA).register("maria", "m")
    conversation = Conversation(exchange)
    conversation.trunk.dial("200")
    maria.refuses(486)
    conversation.robert.answers()
    assert exchange.view.agent == "robert"
    assert exchange.ports.lent == 2


def test_when_nobody_is_registered_the_caller_is_told_and_nothing_is_kept() -> None:
    exchange = Exchange()
    trunk = exchange.phone(TRUNK)
    trunk.dial("100")
    assert [event.status for event in trunk.told(Rejected)] == [480]
    assert (exchange.ports.lent, len(exchange.switchboard.calls)) == (0, 0)


def test_an_agents_phone_behind_a_proxy_is_called_by_the_path_of_its_registration() -> None:
    path = "<sip:127.0.2.1;lr;received=sip:198.51.100.7:40000>"
    exchange = Exchange()
    robert = exchange.phone(ROBERT).register("robert", "r", headers=(f"Path: {path}",))
    exchange.phone(TRUNK).dial("100")
    assert robert.ringing.request.values("Route") == (path,)
    assert robert.ringing.request.uri == "sip:robert@127.0.2.1:5060"


def test_an_unanswered_agent_is_given_up_after_the_ring_timeout() -> None:
    conversation = Conversation()
    conversation.trunk.dial("100")
    conversation.robert.rings()
    conversation.exchange.run(21.0)
    assert [event.status for event in conversation.trunk.told(Rejected)] == [480]
    assert len(conversation.robert.told(SessionEnded)) == 1


@pytest.mark.parametrize(("number", "status"), [("555", 404), ("*1robert", 401), ("call-abc", 401)])
def test_what_no_route_leads_to_is_refused_and_a_trunk_opens_no_door(number: str, status: int) -> None:
    conversation = Conversation().answered()
    other = conversation.exchange.phone(("127.0.1.1", 5070))
    other.dial(number)
    assert [event.status for event in other.told(Rejected)] == [status]
    assert len(conversation.exchange.switchboard.calls) == 1


def test_without_a_common_codec_the_caller_gets_488_and_nothing_is_kept() -> None:
    conversation = Conversation()
    conversation.trunk.dial("100", codecs="18")
    assert [event.status for event in conversation.trunk.told(Rejected)] == [488]
    assert conversation.exchange.ports.lent == 0


def test_calls_beyond_the_limit_get_503_and_when_to_try_again() -> None:
    conversation = Conversation()
    for _ in range(3):
        conversation.trunk.dial("100")
    conversation.trunk.dial("100")
    (rejected,) = conversation.trunk.told(Rejected)
    assert rejected.status == 503
    assert rejected.retry_after is not None


def test_hold_is_relayed_to_the_other_side_and_taken_back() -> None:
    conversation = Conversation().answered()
    robert, exchange = conversation.robert, conversation.exchange
    now = exchange.network.now
    robert.station.agent.reoffer(conversation.agents_session, description(ROBERT, 4000, direction="sendonly"), now)
    exchange.run()
    assert exchange.view.state is CallState.HELD
    customers = exchange.leg("customer")
    offers = conversation.trunk.told(OfferReceived)
    offer = offers[-1].offer
    assert offer is not None
    assert offer.direction_of(offer.media[0]) is Direction.SENDONLY
    conversation.trunk.station.agent.accept(
        conversation.customers_session, description(TRUNK, 4000, direction="recvonly"), exchange.network.now
    )
    exchange.run()
    assert exchange.media.worker.of(SetMedia, customers)[-1].remote_sends is False


def test_an_invite_from_a_stranger_is_challenged_and_a_user_without_the_right_to_call_is_refused() -> None:
    conversation = Conversation()
    stranger = conversation.exchange.phone(("127.0.9.9", 5060))
    stranger.dial("100")
    stranger.dial("100", user="nobody", secret="n")
    assert [event.status for event in stranger.told(Rejected)] == [401, 403]
    assert conversation.robert.told(InviteReceived) == []


def test_a_user_calls_under_his_own_name_whatever_his_phone_says() -> None:
    conversation = Conversation()
    conversation.robert.dial("9555", user="robert", secret="r", from_uri="sip:director@127.0.0.1")
    assert Uri.parse(conversation.trunk.ringing.request.from_.uri).user == "robert"
    assert conversation.exchange.view.caller == "robert"


def test_an_agent_may_call_out_over_a_trunk() -> None:
    conversation = Conversation()
    conversation.robert.dial("9555", user="robert", secret="r")
    assert conversation.trunk.ringing.request.uri.startswith("sip:555@127.0.1.1")
    conversation.trunk.answers()
    view = conversation.exchange.view
    assert (view.agent, view.state) == ("robert", CallState.ANSWERED)
    assert {str(leg.role) for leg in view.legs} == {"agent", "customer"}


def test_a_dead_workers_calls_end_with_a_goodbye() -> None:
    conversation = Conversation().answered()
    exchange = conversation.exchange
    exchange.switchboard.worker_died(exchange.media.worker)  # type: ignore[arg-type]
    exchange.run()
    assert len(conversation.robert.told(SessionEnded)) == len(conversation.trunk.told(SessionEnded)) == 1


@pytest.mark.parametrize("is_strict", [False, True])
def test_a_strict_trunks_media_is_held_to_the_signalled_address_whoever_calls(is_strict: bool) -> None:
    trunk = SETTINGS.trunks[0].model_copy(update={"strict_media": is_strict})
    conversation = Conversation(Exchange(SETTINGS.model_copy(update={"trunks": (trunk,)}))).answered()
    conversation.trunk.hangs_up(conversation.customers_session)
    conversation.robert.dial("9555", user="robert", secret="r")
    opened = [(told.role, told.strict) for told in conversation.exchange.media.worker.of(OpenLeg)]
    assert opened == [("customer", is_strict), ("agent", False), ("agent", False), ("customer", is_strict)]
