"""Codecs through the whole signalling process: the same one on both legs where both can, and what the worker is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from mediaserver.link.messages import SetMedia
from mediaserver.signalling.media import codecs
from mixer.coders import libopus
from mixer.opus_parameters import OpusParameters
from sip.events import Accepted, InviteReceived, Rejected
from sip.sdp import Media, SessionDescription
from tests.mediaserver.signalling.exchange import SETTINGS, Phone
from tests.mediaserver.signalling.leftovers import leftovers
from tests.mediaserver.signalling.test_leftovers import House
from tests.mediaserver.signalling.test_secured import described, dial

EVERY = ("opus", "G722", "L16/16000", "L16/8000", "PCMU", "PCMA")
RTPMAPS = {
    "111": "opus/48000/2",
    "110": "telephone-event/48000",
    "97": "L16/16000",
    "98": "telephone-event/16000",
    "101": "telephone-event/8000",
}


@pytest.fixture(autouse=True)
def _opus_is_looked_for_anew() -> Iterator[None]:
    codecs._speaks_opus.cache_clear()
    yield
    codecs._speaks_opus.cache_clear()


def settings(names: tuple[str, ...] = EVERY, trunk: tuple[str, ...] = (), **media: Any) -> Any:
    """The usual settings with these codecs, and those of the trunk."""
    changed = SETTINGS.media.model_copy(update={"codecs": names, **media})
    trunks = tuple(each.model_copy(update={"codecs": trunk}) for each in SETTINGS.trunks)
    return SETTINGS.model_copy(update={"media": changed, "trunks": trunks})


def speaking(phone: Phone, formats: str, *lines: str) -> SessionDescription:
    """A phone's description with these payload types."""
    rtpmaps = [f"a=rtpmap:{number} {RTPMAPS[number]}" for number in formats.split() if number in RTPMAPS]
    return described(phone, f"m=audio 4000 RTP/AVP {formats}", *rtpmaps, *lines)


def called(house: House, formats: str, *lines: str) -> Media:
    """A customer who speaks these formats calls robert, and what robert is offered."""
    dial(house, speaking(house.trunk, formats, *lines))
    (event,) = house.robert.told(InviteReceived)
    assert event.offer is not None
    return event.offer.media[0]


def answers(house: House, *encodings: str) -> Media:
    """Robert takes the call in these of the encodings that he was offered; what the customer is answered with."""
    (event,) = house.robert.told(InviteReceived)
    assert event.offer is not None
    rtpmaps = [line for line in event.offer.media[0].values("rtpmap") if line.split(" ")[1] in encodings]
    formats = " ".join(next(line.split(" ")[0] for line in rtpmaps if line.endswith(f" {encoding}")) for encoding in encodings)
    answer = described(house.robert, f"m=audio 4000 RTP/AVP {formats}", *(f"a=rtpmap:{line}" for line in rtpmaps))
    house.robert.station.agent.accept(event.session, answer, house.now)
    house.exchange.run()
    (accepted,) = house.trunk.told(Accepted)
    assert accepted.description is not None
    return accepted.description.media[0]


def media(house: House, role: str) -> SetMedia:
    """What the worker was told last of a leg."""
    return house.exchange.media.worker.of(SetMedia, house.exchange.leg(role))[-1]


def test_an_agent_is_offered_the_customers_codecs_first() -> None:
    house = House(settings())
    offered = called(house, "9 8 101")
    assert [line.split(" ")[1] for line in offered.values("rtpmap")][:3] == ["G722/8000", "PCMA/8000", "opus/48000/2"]


@pytest.mark.parametrize(
    ("formats", "chosen", "codec"),
    [
        ("111 9 0 110 101", ("G722/8000", "telephone-event/8000"), ("G722", 8_000, 1)),
        ("111 9 0 110 101", ("PCMU/8000", "telephone-event/8000"), ("PCMU", 8_000, 1)),
        ("97 0 98 101", ("L16/16000", "telephone-event/16000"), ("L16", 16_000, 1)),
    ],
)
def test_what_the_agent_chooses_is_answered_to_the_customer_where_he_offered_it(
    formats: str, chosen: tuple[str, ...], codec: tuple[str, int, int]
) -> None:
    house = House(settings())
    called(house, formats)
    answer = answers(house, *chosen)
    assert answer.values("rtpmap")[0].split(" ")[1].lower() == chosen[0].lower()
    for role in ("customer", "agent"):
        told = media(house, role)
        assert (told.codec, told.clock_rate, told.channels) == codec
        assert told.digit_clock_rate == codec[1]
        assert told.receive_digit_payload_type >= 0


def test_an_agent_who_chooses_what_the_customer_cannot_leaves_him_his_own_first() -> None:
    house = House(settings())
    called(house, "9 101")
    answers(house, "PCMU/8000", "telephone-event/8000")
    assert (media(house, "customer").codec, media(house, "agent").codec) == ("G722", "PCMU")


def test_the_worker_is_told_how_to_encode_opus_for_each_leg() -> None:
    house = House(settings())
    called(house, "111 110", "a=fmtp:111 useinbandfec=1;maxaveragebitrate=20000;complexity=10")
    answers(house, "opus/48000/2", "telephone-event/48000")
    assert (media(house, "customer").codec, media(house, "customer").clock_rate, media(house, "customer").channels) == ("OPUS", 48_000, 2)
    customer, agent = (OpusParameters.read(media(house, role).parameters) for role in ("customer", "agent"))
    assert customer == OpusParameters(takes_fec=True, max_bitrate=20_000)
    assert agent == OpusParameters()


def test_our_settings_bound_how_opus_is_encoded() -> None:
    opus = SETTINGS.media.opus.model_copy(update={"bitrate": 18_000, "complexity": 2, "fec": False, "dtx": False})
    house = House(settings(opus=opus))
    called(house, "111", "a=fmtp:111 useinbandfec=1;usedtx=1")
    answers(house, "opus/48000/2")
    assert OpusParameters.read(media(house, "customer").parameters) == OpusParameters(bitrate=18_000, complexity=2)


def test_no_parameters_are_told_of_codecs_that_have_none() -> None:
    house = House(settings())
    called(house, "9", "a=fmtp:9 bitrate=64000")
    answers(house, "G722/8000")
    assert media(house, "customer").parameters == ""


def test_comfort_noise_is_agreed_by_setting() -> None:
    for takes, number in ((True, 13), (False, -1)):
        house = House(settings(comfort_noise=takes))
        assert ("13" in called(house, "0 13").formats) is takes
        answers(house, "PCMU/8000", *(["CN/8000"] if takes else []))
        told = media(house, "customer")
        assert (told.receive_comfort_noise_payload_type, told.send_comfort_noise_payload_type) == (number, number)


def test_a_trunk_may_have_codecs_of_its_own() -> None:
    house = House(settings(trunk=("PCMA",)))
    offered = called(house, "111 9 0 8")
    assert offered.values("rtpmap")[0].endswith("PCMA/8000")
    answers(house, "PCMA/8000")
    assert media(house, "customer").codec == "PCMA"
    refused = House(settings(trunk=("PCMA",)))
    dial(refused, speaking(refused.trunk, "111 9 0"))
    assert [event.status for event in refused.trunk.told(Rejected)] == [488]
    assert leftovers(refused.exchange) == {}


def test_opus_is_not_offered_where_the_machine_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libopus, "is_available", lambda: False)
    house = House(settings())
    assert "opus/48000/2" not in " ".join(called(house, "111 0").values("rtpmap"))
    answers(house, "PCMU/8000")
    assert media(house, "customer").codec == "PCMU"
