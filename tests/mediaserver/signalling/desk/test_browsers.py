"""A supervisor's browser by the desk: let in, found, keyed, moved, refused, and gone."""

import asyncio
import base64
import hmac
from collections.abc import Callable, Iterator
from hashlib import sha1
from typing import Any

import pytest

from control_api.acting import Acting, acting
from control_api.permissions import Identity, Refusal
from control_api.ports import Supervision
from mediaserver.link.messages import Admit, CloseLeg, OpenLeg, Ping, SetMedia, SetMode
from mixer.modes import Mode, Role
from tests.mediaserver.signalling.desk.page import Page
from tests.mediaserver.signalling.exchange import SETTINGS
from tests.mediaserver.signalling.leftovers import leftovers
from tests.mediaserver.signalling.test_leftovers import House


class Joined:
    """Robert's call, and a page that is to come into it."""

    def __init__(self, settings: Any = SETTINGS) -> None:
        self.house = House(settings)
        self.exchange = self.house.exchange
        self.parties = self.house.answered()
        self.page = Page(self.exchange)

    def identity(self, user: str = "eve") -> Identity:
        """A supervisor."""
        return self.exchange.identity(user)

    def asks(self, user: str = "eve", offer: str = "", mode: Mode = Mode.LISTEN) -> Supervision:
        """The page asks in."""
        desk, call = self.exchange.desk, self.exchange.view.call
        wish = desk.join(
            self.identity(user), call=call, agent=None, mode=mode, target=Role.AGENT, offer=offer or self.page.offer(), remote="127.0.0.1"
        )
        made = asyncio.run(wish)
        self.page.leg = made.leg
        return made

    def joins(self) -> Supervision:
        """The page comes in, is found, and shakes hands."""
        made = self.asks()
        self.page.take(made.answer)
        self.page.checks()
        return made

    def media(self) -> SetMedia:
        """What the worker was told of the page's leg last."""
        return self.exchange.media.worker.of(SetMedia, self.page.leg)[-1]

    def left(self) -> list[str]:
        """Causes of supervisors' leaving."""
        return [event.body["detail"]["cause"] for event in self.exchange.heard if event.kind == "supervisor.left"]

    def ends(self) -> None:
        """Everything ends, and nothing is left."""
        self.house.trunk.hangs_up(self.parties[0])
        self.page.close()
        assert leftovers(self.exchange) == {}


@pytest.fixture
def joined() -> Iterator[Joined]:
    """A fresh one; whatever a test did, nothing is left."""
    made = Joined()
    yield made
    made.ends()


def refused(ask: Callable[[], object]) -> Refusal:
    """The refusal that something meets."""
    with pytest.raises(Refusal) as error:
        ask()
    return error.value


def test_a_browser_is_joined_at_once_in_listen_and_answered_with_opus_and_our_only_candidate(joined: Joined) -> None:
    made = joined.asks()
    assert (made.state, made.mode) == ("joined", Mode.LISTEN)
    section = joined.page.take(made.answer).media[0]
    assert (section.protocol, section.formats) == ("UDP/TLS/RTP/SAVPF", ("111", "110"))
    assert section.attribute("setup") == "active"
    assert len(section.values("candidate")) == 1
    assert section.attribute("end-of-candidates") == ""
    assert section.attribute("rtcp-mux") == ""
    assert joined.exchange.kinds()[-1] == "supervisor.joined"
    told = [type(told) for told in joined.exchange.media.worker.told if getattr(told, "leg", None) == made.leg]
    assert told.index(OpenLeg) < told.index(SetMode) < told.index(Admit)


def test_the_answer_waits_for_the_worker_so_that_the_first_check_finds_the_leg_open(joined: Joined) -> None:
    joined.asks()
    told = joined.exchange.media.worker.told
    assert isinstance(told[-1], Ping)
    assert any(isinstance(command, OpenLeg) and command.leg == joined.page.leg for command in told[:-1])


def test_nothing_flows_before_it_was_found_and_has_keys(joined: Joined) -> None:
    joined.asks()
    told = joined.media()
    assert (told.sorts, told.port, told.srtp_suite, told.remote_sends, told.remote_receives) == (True, 0, "", False, False)


def test_media_goes_where_it_was_found_under_the_keys_of_the_handshake(joined: Joined) -> None:
    joined.joins()
    told, handshake = joined.media(), joined.page.handshake
    assert handshake is not None
    assert handshake.keys is not None
    assert (told.address, told.port) == joined.page.end.getsockname()
    assert (told.srtp_suite, told.srtp_send_key) == (handshake.keys.suite, handshake.keys.receive_key)
    assert told.srtp_receive_key == handshake.keys.send_key
    assert (told.sorts, told.rtcp_mux, told.remote_sends, told.remote_receives) == (True, True, True, True)
    assert joined.exchange.media.worker.of(OpenLeg, joined.page.leg)[0].strict


def test_a_restart_of_ice_moves_it_and_keeps_its_keys(joined: Joined) -> None:
    first = joined.page.take(joined.joins().answer).media[0]
    before, old_end = joined.media(), joined.page.end
    joined.page.end, joined.page.ufrag = joined.page.another_end(), "next"
    answer = joined.exchange.desk.reoffer(joined.identity(), leg=joined.page.leg, offer=joined.page.offer())
    assert joined.page.take(answer).media[0].attribute("ice-ufrag") != first.attribute("ice-ufrag")
    assert (joined.media().address, joined.media().port) == (before.address, before.port)
    joined.page.checks()
    assert joined.media().port == joined.page.end.getsockname()[1] != before.port
    assert (joined.media().srtp_send_key, joined.media().srtp_receive_key) == (before.srtp_send_key, before.srtp_receive_key)
    old_end.close()


def test_a_page_that_only_listens_cannot_be_heard_and_is_told_so(joined: Joined) -> None:
    joined.page.direction = "recvonly"
    joined.joins()
    asyncio.run(joined.exchange.desk.set_mode(joined.identity(), leg=joined.page.leg, mode=Mode.BARGE, target=Role.AGENT))
    (leg,) = [leg for leg in joined.exchange.view.legs if leg.role is Role.SUPERVISOR]
    assert leg.inaudible == "supervisor_not_sending"


def test_stereo_is_answered_where_it_is_asked_for(joined: Joined) -> None:
    made = joined.asks(offer=joined.page.offer(stereo=True))
    assert "sprop-stereo=1" in made.answer
    assert "stereo=1" in joined.media().parameters


@pytest.mark.parametrize("wishes", ["usedtx=1", "usedtx=0", ""])
def test_a_page_that_wants_nothing_in_silence_is_asked_for_the_same(joined: Joined, wishes: str) -> None:
    offer = joined.page.offer().replace("useinbandfec=1", f"useinbandfec=1;{wishes}")
    assert ("usedtx=1" in joined.asks(offer=offer).answer) == (wishes == "usedtx=1")


def test_a_page_that_is_closed_leaves_at_once(joined: Joined) -> None:
    joined.joins()
    joined.page.says_goodbye()
    assert joined.left() == ["hang_up"]
    assert joined.page.leg in joined.exchange.closed()


def test_a_page_whose_checks_stop_is_gone_after_the_time_of_the_settings(joined: Joined) -> None:
    joined.joins()
    joined.exchange.run(SETTINGS.ice.lost_after - 1)
    assert joined.left() == []
    joined.exchange.run(2)
    assert joined.left() == ["lost"]


def test_a_page_that_never_comes_is_gone_too(joined: Joined) -> None:
    joined.asks()
    joined.exchange.run(SETTINGS.ice.lost_after + 1)
    assert joined.left() == ["lost"]
    assert joined.exchange.counters.value("browsers_lost", "unreached") == 1


def keep_checking(joined: Joined, seconds: float) -> None:
    """Time passes, and the browser's ICE goes on."""
    for _ in range(int(seconds / 5)):
        joined.exchange.run(5)
        joined.page.checks()


def test_a_page_whose_client_stays_away_is_gone_though_its_ice_goes_on(joined: Joined) -> None:
    joined.joins()
    joined.exchange.desk.attended(joined.identity(), is_here=False)
    keep_checking(joined, 25)
    assert joined.left() == []
    keep_checking(joined, 10)
    assert joined.left() == ["lost"]
    assert joined.exchange.counters.value("browsers_lost", "absent") == 1


def test_who_has_no_client_speaks_to_nobody_and_not_when_he_is_back_either(joined: Joined) -> None:
    joined.joins()
    desk, client = joined.exchange.desk, Acting(joined.identity(), "api", "127.0.0.1")
    desk.came(client)
    with acting(client):
        asyncio.run(desk.set_mode(joined.identity(), leg=joined.page.leg, mode=Mode.BARGE, target=Role.AGENT))
    desk.parted(client)
    assert joined.exchange.mode(joined.page.leg) == "listen"
    desk.came(Acting(joined.identity(), "api", "127.0.0.1"))
    assert joined.exchange.mode(joined.page.leg) == "listen"


def test_a_client_that_comes_back_in_time_keeps_its_page(joined: Joined) -> None:
    joined.joins()
    joined.exchange.desk.attended(joined.identity(), is_here=False)
    keep_checking(joined, 25)
    joined.exchange.desk.attended(joined.identity(), is_here=True)
    keep_checking(joined, 60)
    assert joined.left() == []


def test_who_leaves_is_told_goodbye_by_the_server(joined: Joined) -> None:
    joined.joins()
    asyncio.run(joined.exchange.desk.leave(joined.identity(), leg=joined.page.leg))
    joined.page.shakes()
    assert joined.page.handshake is not None
    assert joined.page.handshake.is_closed
    assert [told.leg for told in joined.exchange.media.worker.of(CloseLeg)] == [joined.page.leg]


def test_what_is_beyond_the_ceiling_is_refused_and_nothing_was_lent(joined: Joined) -> None:
    lent = joined.exchange.ports.lent
    assert refused(lambda: joined.asks("lars", mode=Mode.BARGE)).code == "forbidden"
    assert joined.exchange.ports.lent == lent
    assert len(joined.exchange.house.peers) == 0


@pytest.mark.parametrize(
    "offer", ["v=0", "no description", "v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n"]
)
def test_an_offer_that_cannot_be_answered_is_refused_and_nothing_is_left_of_it(joined: Joined, offer: str) -> None:
    lent = joined.exchange.ports.lent
    assert refused(lambda: joined.asks(offer=offer)).code == "bad_request"
    assert joined.exchange.ports.lent == lent


def test_plain_rtp_is_never_agreed_on_with_a_browser(joined: Joined) -> None:
    offer = joined.page.offer().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP").replace("a=fingerprint", "a=x-fingerprint")
    assert refused(lambda: joined.asks(offer=offer)).code == "bad_request"


def test_a_call_without_a_seat_refuses_a_browser_too(joined: Joined) -> None:
    for _ in range(SETTINGS.media.seats - 2):
        joined.asks()
    assert refused(joined.asks).code == "too_many"


def test_a_later_offer_for_a_phones_leg_is_a_conflict(joined: Joined) -> None:
    joined.house.eve.dial("*1robert", user="eve", secret="e")
    leg = joined.exchange.leg("supervisor")
    desk, eve = joined.exchange.desk, joined.identity()
    assert refused(lambda: desk.reoffer(eve, leg=leg, offer=joined.page.offer())).code == "conflict"
    assert refused(lambda: desk.candidate(eve, leg=leg, candidate="candidate:1")).code == "conflict"


def test_another_ones_leg_does_not_exist(joined: Joined) -> None:
    joined.joins()
    desk, lars = joined.exchange.desk, joined.identity("lars")
    for ask in (
        lambda: desk.reoffer(lars, leg=joined.page.leg, offer=joined.page.offer()),
        lambda: desk.candidate(lars, leg=joined.page.leg, candidate=""),
    ):
        assert refused(ask).code in ("not_found", "forbidden")


def test_a_later_offer_that_cannot_be_answered_changes_nothing(joined: Joined) -> None:
    joined.joins()
    before = joined.media()
    desk, eve = joined.exchange.desk, joined.identity()
    assert refused(lambda: desk.reoffer(eve, leg=joined.page.leg, offer=joined.page.offer("96"))).code == "bad_request"
    assert joined.media() == before
    joined.page.take(desk.reoffer(eve, leg=joined.page.leg, offer=joined.page.offer()))


def test_candidates_are_taken_until_there_are_too_many(joined: Joined) -> None:
    joined.asks()
    desk, eve = joined.exchange.desk, joined.identity()
    for number in range(32):
        desk.candidate(eve, leg=joined.page.leg, candidate=f"candidate:{number} 1 udp 1 x.local 9 typ host")
    desk.candidate(eve, leg=joined.page.leg, candidate="")
    assert refused(lambda: desk.candidate(eve, leg=joined.page.leg, candidate="candidate:33")).code == "too_many"


def test_servers_that_share_a_secret_get_a_name_and_password_for_a_while() -> None:
    servers = [{"urls": ["stun:a"]}, {"urls": ["turn:b"], "secret": "s"}, {"urls": ["turn:c"], "username": "u", "credential": "p"}]
    settings = SETTINGS.model_validate(SETTINGS.model_dump() | {"ice": {"servers": servers, "credential_lifetime": 600}})
    house = House(settings)
    told = house.exchange.desk.ice_servers(house.exchange.identity("eve"))
    stun, shared, fixed = told["servers"]
    assert (stun, fixed) == ({"urls": ["stun:a"]}, {"urls": ["turn:c"], "username": "u", "credential": "p"})
    until, _, name = shared["username"].partition(":")
    assert (name, told["lifetime"]) == ("eve", 600)
    assert int(until) > 1_600_000_000
    assert base64.b64decode(shared["credential"]) == hmac.digest(b"s", shared["username"].encode(), sha1)


def test_its_mode_is_set_like_any_supervisors(joined: Joined) -> None:
    joined.joins()
    asyncio.run(joined.exchange.desk.set_mode(joined.identity(), leg=joined.page.leg, mode=Mode.WHISPER, target=Role.AGENT))
    assert joined.exchange.mode(joined.page.leg) == "whisper"


def test_a_page_is_not_let_in_while_that_cannot_be_written_down_and_leaves_nothing_behind(joined: Joined) -> None:
    joined.exchange.book.is_usable = False
    with pytest.raises(Refusal, match="nobody new may supervise") as caught:
        joined.asks()
    assert caught.value.code == "unavailable"
    assert joined.left() == []


def test_a_page_that_is_let_in_is_written_down_first(joined: Joined) -> None:
    with acting(Acting(joined.identity(), "api", "10.0.0.7")):
        made = joined.joins()
    permitted, entered = joined.exchange.book.told("command.permitted")[0], joined.exchange.book.told("supervisor.joined")[0]
    assert (permitted.identity, permitted.address, permitted.detail["command"], permitted.leg) == ("eve", "10.0.0.7", "supervise", made.leg)
    assert (entered.address, entered.leg) == ("10.0.0.7", made.leg)
