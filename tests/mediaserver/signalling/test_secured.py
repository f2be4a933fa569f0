"""Legs that agree on SRTP: their workers get the keys, never a word in the clear; and nothing of one leg's SDP reaches the other."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from mediaserver.call.view import CallState
from mediaserver.link.messages import SetMedia
from mediaserver.signalling.calls.switchboard import SLICES
from sip.events import Accepted, Rejected
from sip.negotiated import Dtls
from sip.sdp import Media, SessionDescription
from sip.session.settings import Invitation
from sip.transport.flow import Flow
from tests.mediaserver.signalling.exchange import EVE, ROBERT, SETTINGS, TRUNK, Phone
from tests.mediaserver.signalling.leftovers import leftovers
from tests.mediaserver.signalling.test_leftovers import House

KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
CRYPTO = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
OFFERED = ((1, "AES_CM_128_HMAC_SHA1_80", 30), (2, "AES_256_CM_HMAC_SHA1_80", 46), (3, "AEAD_AES_256_GCM", 44), (4, "AEAD_AES_128_GCM", 28))
FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(f"{byte:02X}" for byte in range(32))


def described(phone: Phone, *lines: str) -> SessionDescription:
    """A phone's description with these lines."""
    head = ["v=0", f"o=- 1 1 IN IP4 {phone.address[0]}", "s=-", f"c=IN IP4 {phone.address[0]}", "t=0 0"]
    return SessionDescription.parse("\r\n".join([*head, *lines, ""]).encode())


def secured(phone: Phone, protocol: str = "RTP/SAVP") -> SessionDescription:
    """An offer of SRTP with a key in it."""
    return described(phone, f"m=audio 4000 {protocol} 0 8 101", CRYPTO, "a=rtpmap:101 telephone-event/8000")


def dial(house: House, offer: SessionDescription, phone: Phone | None = None, number: str = "100", user: str = "", secret: str = "") -> int:
    """Call a number with an offer of one's own."""
    caller = phone or house.trunk
    invitation = Invitation(
        request_uri=f"sip:{number}@127.0.0.1",
        from_uri=f"sip:{user or '4930123'}@{caller.address[0]}",
        to_uri=f"sip:{number}@127.0.0.1",
        flows=(caller.station.flow_to(("127.0.0.1", 5060)),),
        offer=offer,
        user=user,
        secret=secret,
    )
    session = caller.station.agent.invite(invitation, house.now)
    house.exchange.run()
    return session


def settings(policy: str = "accept", trunk: str | None = None) -> Any:
    """The usual settings with a policy for all, and another for the trunk."""
    media = SETTINGS.media.model_copy(update={"security": policy})
    trunks = tuple(each.model_copy(update={"security": trunk}) for each in SETTINGS.trunks)
    return SETTINGS.model_copy(update={"media": media, "trunks": trunks})


def with_suites(*suites: str) -> Any:
    """The usual settings, with these suites."""
    return SETTINGS.model_copy(update={"media": SETTINGS.media.model_copy(update={"srtp_suites": suites})})


def answer_of(house: House) -> Media:
    """The audio section that the trunk was answered with."""
    (accepted,) = house.trunk.told(Accepted)
    assert accepted.description is not None
    return accepted.description.media[0]


def media(house: House, role: str) -> SetMedia:
    """What the worker was told last of a leg."""
    return house.exchange.media.worker.of(SetMedia, house.exchange.leg(role))[-1]


def keys(house: House) -> tuple[str, bytes, bytes]:
    """What the worker was told last of the customer's keys."""
    told = media(house, "customer")
    return told.srtp_suite, told.srtp_send_key, told.srtp_receive_key


def test_an_offer_of_srtp_alone_is_agreed_on_and_the_worker_gets_both_keys() -> None:
    house = House()
    session = dial(house, secured(house.trunk))
    house.robert.answers()
    (line,) = answer_of(house).values("crypto")
    assert answer_of(house).protocol == "RTP/SAVP"
    assert line.startswith("1 AES_CM_128_HMAC_SHA1_80 inline:")
    ours = base64.b64decode(line.partition("inline:")[2])
    assert keys(house) == ("AES_CM_128_HMAC_SHA1_80", ours, base64.b64decode(KEY))
    assert (media(house, "customer").remote_sends, media(house, "customer").remote_receives) == (True, True)
    assert media(house, "agent").srtp_suite == ""
    assert not media(house, "customer").sorts
    assert house.exchange.counters.value("legs_secured", "AES_CM_128_HMAC_SHA1_80") == 1
    assert {str(leg.role): leg.secured for leg in house.exchange.view.legs} == {"customer": True, "agent": False}
    house.trunk.hangs_up(session)
    assert leftovers(house.exchange) == {}


def test_no_command_ever_opens_a_secured_leg_to_plain_packets() -> None:
    house = House()
    session = dial(house, secured(house.trunk))
    house.robert.answers()
    for direction in ("sendonly", "sendrecv"):
        offer = described(house.trunk, "m=audio 4000 RTP/SAVP 0", CRYPTO, f"a={direction}")
        house.trunk.station.agent.reoffer(session, offer, house.now)
        house.exchange.run()
    told = house.exchange.media.worker.of(SetMedia, house.exchange.leg("customer"))
    assert len(told) >= 3
    assert {command.srtp_suite for command in told} == {"AES_CM_128_HMAC_SHA1_80"}
    assert len({(command.srtp_send_key, command.srtp_receive_key) for command in told}) == 1


def test_another_key_in_a_later_offer_is_told_with_its_answer() -> None:
    house = House()
    session = dial(house, secured(house.trunk))
    house.robert.answers()
    _, ours, theirs = keys(house)
    other = base64.b64encode(bytes(range(30))).decode()
    house.trunk.station.agent.reoffer(session, described(house.trunk, "m=audio 4000 RTP/SAVP 0", CRYPTO.replace(KEY, other)), house.now)
    house.exchange.run()
    assert theirs != bytes(range(30))
    assert keys(house) == ("AES_CM_128_HMAC_SHA1_80", ours, bytes(range(30)))


def test_of_several_suites_the_first_that_the_settings_have_is_taken() -> None:
    house = House(with_suites("AEAD_AES_128_GCM", "AEAD_AES_256_GCM"))
    lines = [f"a=crypto:{tag} {suite} inline:{base64.b64encode(bytes(size)).decode()}" for tag, suite, size in OFFERED]
    dial(house, described(house.trunk, "m=audio 4000 RTP/SAVP 0", *lines))
    house.robert.answers()
    (line,) = answer_of(house).values("crypto")
    assert line.startswith("3 AEAD_AES_256_GCM inline:")
    assert keys(house)[0] == "AEAD_AES_256_GCM"


def test_without_a_suite_srtp_alone_is_488() -> None:
    house = House(with_suites())
    dial(house, secured(house.trunk))
    assert [event.status for event in house.trunk.told(Rejected)] == [488]


@pytest.mark.parametrize(("transport", "keyed"), [("udp", False), ("tcp", False), ("tls", True)])
def test_by_itself_srtp_is_preferred_where_signalling_is_private(transport: str, keyed: bool) -> None:
    terms = House(settings("auto")).exchange.switchboard.house.terms(flow=Flow(transport, ("192.0.2.1", 5061), ("192.0.2.9", 5061)))
    assert terms.security == ("prefer" if keyed else "accept")


def test_a_leg_whose_handshake_never_ends_is_missed_like_any_other_that_sends_nothing() -> None:
    house = House()
    dial(house, described(house.trunk, "m=audio 4000 UDP/TLS/RTP/SAVPF 0", FINGERPRINT, "a=setup:actpass"))
    house.robert.answers()
    heard = {house.exchange.leg("agent"): 0.0}
    house.exchange.media.worker.memory = SimpleNamespace(last_packet=lambda row: heard.get(row, 0.0))  # type: ignore[attr-defined]
    limit = SETTINGS.limits.no_rtp
    for _ in range(int(2 * limit) - 4):
        house.exchange.run(0.5)
        heard[house.exchange.leg("agent")] = house.now
        house.exchange.switchboard.watch_media()
    assert house.exchange.view.state is CallState.ANSWERED
    for _ in range(10):
        house.exchange.run(0.5)
        for _ in range(SLICES):
            house.exchange.switchboard.watch_some_media()
    assert "call.ended" in house.exchange.kinds()


@pytest.mark.parametrize(
    ("policy", "trunk", "protocol", "keyed"),
    [
        ("accept", None, "RTP/AVP", False),
        ("prefer", None, "RTP/AVP", True),
        ("refuse", "prefer", "RTP/AVP", True),
        ("prefer", "refuse", "RTP/AVP", False),
        ("refuse", "require", "RTP/SAVP", True),
    ],
)
def test_policy_and_the_trunks_own_decide_what_an_offer_gets(policy: str, trunk: str | None, protocol: str, keyed: bool) -> None:
    house = House(settings(policy, trunk))
    dial(house, secured(house.trunk, protocol))
    offered = house.robert.ringing.offer
    assert offered is not None
    assert bool(offered.media[0].values("crypto")) == (policy == "prefer")
    house.robert.station.agent.accept(house.robert.ringing.session, described(house.robert, "m=audio 4000 RTP/AVP 0"), house.now)
    house.exchange.run()
    assert answer_of(house).protocol == protocol
    assert bool(answer_of(house).values("crypto")) == keyed


@pytest.mark.parametrize(("policy", "trunk"), [("refuse", None), ("accept", "refuse")])
def test_where_srtp_is_refused_an_offer_of_it_alone_is_488(policy: str, trunk: str | None) -> None:
    house = House(settings(policy, trunk))
    dial(house, secured(house.trunk))
    assert [event.status for event in house.trunk.told(Rejected)] == [488]
    assert house.exchange.counters.value("invites_refused", "offer_unusable") == 1
    assert leftovers(house.exchange) == {}


def test_where_srtp_is_required_a_phone_that_answers_plainly_is_not_put_through() -> None:
    house = House(settings("require", "refuse"))
    house.trunk.dial("100")
    offered = house.robert.ringing.offer
    assert offered is not None
    assert offered.media[0].protocol == "RTP/SAVP"
    house.robert.answers()
    assert house.trunk.told(Accepted) == []
    assert all(not (told.remote_sends or told.remote_receives) for told in house.exchange.media.worker.of(SetMedia)[1:])


def test_a_trunk_that_is_called_is_offered_by_its_own_policy() -> None:
    house = House(settings("accept", "require"))
    house.robert.dial("9123", user="robert", secret="r")
    offered = house.trunk.ringing.offer
    assert offered is not None
    assert offered.media[0].protocol == "RTP/SAVP"


def test_a_browsers_offer_is_answered_with_our_certificate_and_nothing_flows_without_keys() -> None:
    house = House()
    lines = ("m=audio 4000 UDP/TLS/RTP/SAVPF 0 126", FINGERPRINT, "a=setup:actpass", "a=rtcp-mux", "a=rtpmap:126 telephone-event/8000")
    ice = ("a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1")
    dial(house, described(house.trunk, *lines, *ice))
    house.robert.answers()
    section = answer_of(house)
    assert section.attribute("fingerprint") == str(house.exchange.switchboard.house.certificate.fingerprint)
    assert (section.attribute("setup"), section.attribute("rtcp-mux")) == ("active", "")
    (leg,) = [leg for entry in house.exchange.switchboard.calls for leg in entry.legs.values() if leg.role == "customer"]
    assert leg.media is not None
    assert isinstance(leg.media.security, Dtls)
    told = media(house, "customer")
    assert (told.remote_sends, told.remote_receives, told.port, told.srtp_suite, told.sorts) == (False, False, 0, "", True)


def test_a_supervisor_on_srtp_is_let_in_and_the_parties_talk_on() -> None:
    house = House()
    customers, _ = house.answered()
    dial(house, secured(house.eve), house.eve, "*3robert", user="eve", secret="e")
    assert house.exchange.mode(house.exchange.leg("supervisor")) == "barge"
    told = house.exchange.media.worker.of(SetMedia, house.exchange.leg("supervisor"))
    assert told[-1].srtp_suite == "AES_CM_128_HMAC_SHA1_80"
    assert (told[-1].remote_sends, told[-1].remote_receives) == (True, True)
    assert media(house, "customer").remote_receives
    house.trunk.hangs_up(customers)
    assert leftovers(house.exchange) == {}


# -- topology hiding


def test_nothing_of_one_legs_description_reaches_the_other() -> None:
    house = House(settings("prefer"))
    telling = SessionDescription.parse(
        "v=0\r\no=topsecret 424242424 777777 IN IP4 10.99.88.77\r\ns=Headquarters\r\ni=internal\r\nc=IN IP4 10.99.88.77\r\nt=0 0\r\n"
        "a=tool:inhouse 1.2\r\na=x-site:berlin\r\n"
        f"m=audio 31313 RTP/AVP 0 101\r\n{CRYPTO}\r\na=rtcp:31919 IN IP4 10.99.88.66\r\na=mid:innername\r\na=x-rack:rackseven\r\n"
        "a=candidate:1 1 UDP 1 10.99.88.55 31313 typ host\r\na=ssrc:1 cname:maria@hq\r\na=rtpmap:101 telephone-event/8000\r\n"
        "m=video 31414 RTP/AVP 96\r\na=label:camera\r\n".encode()
    )
    session = dial(house, telling)
    house.robert.answers()
    house.trunk.station.agent.reoffer(session, telling, house.now)
    house.exchange.run()
    markers = (
        *("topsecret", "424242424", "777777", "10.99.88", "Headquarters", "internal", "inhouse", "berlin", "31313", "31919", "31414"),
        *("innername", "rackseven", "maria@hq", "camera", "video", KEY),
    )
    bodies = [carried.message.body.decode() for carried in house.exchange.network.carried if carried.receiver == ROBERT]
    assert any("m=audio" in body for body in bodies)
    assert [marker for marker in markers for body in bodies if marker in body] == []


def test_session_numbers_of_two_legs_do_not_tell_that_they_belong_together() -> None:
    house = House()
    house.answered()
    origins = set()
    for receiver in (TRUNK, ROBERT):
        for carried in house.exchange.network.carried:
            if carried.receiver == receiver and carried.message.body:
                origins.add((receiver, SessionDescription.parse(carried.message.body).origin.session_id))
    (one, other) = sorted(number for _, number in origins)
    assert other - one > 1_000_000
    assert EVE not in {receiver for receiver, _ in origins}
