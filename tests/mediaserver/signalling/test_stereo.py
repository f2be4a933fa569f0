"""A supervisor who asks for Opus in stereo is answered with it, whatever the parties speak; nobody else is."""

import pytest

from config.settings import Settings
from mediaserver.link.messages import SetMedia
from mixer.opus_parameters import OpusParameters
from sip.events import Accepted
from sip.sdp import Media
from tests.mediaserver.signalling.exchange import EVE, Phone
from tests.mediaserver.signalling.test_codecs import media, settings, speaking
from tests.mediaserver.signalling.test_leftovers import House, ring_eve
from tests.mediaserver.signalling.test_secured import described, dial

STEREO = "a=fmtp:111 useinbandfec=1; stereo=1"


def supervised(*lines: str, with_settings: Settings | None = None, formats: str = "0 111") -> tuple[Media, SetMedia]:
    """Eve listens to a call in PCMU by a phone with these formats: what she is answered with, and what the worker is told of her."""
    house = House(with_settings or settings(("PCMU", "opus")))
    dial(house, speaking(house.trunk, "0"))
    house.robert.answers()
    eve: Phone = house.exchange.phone(EVE)
    dial(house, speaking(eve, formats, *lines), phone=eve, number="*1robert", user="eve", secret="e")
    (accepted,) = eve.told(Accepted)
    assert accepted.description is not None
    return accepted.description.media[0], media(house, "supervisor")


def test_who_asks_for_stereo_is_answered_with_opus_and_told_that_it_comes() -> None:
    answer, told = supervised(STEREO)
    assert answer.values("rtpmap")[0].endswith("opus/48000/2")
    assert answer.values("fmtp")[0].endswith(";sprop-stereo=1")
    assert (told.codec, OpusParameters.read(told.parameters).takes_stereo) == ("OPUS", True)


@pytest.mark.parametrize("lines", [(), ("a=fmtp:111 stereo=0",), ("a=fmtp:111 sprop-stereo=1",)])
def test_who_does_not_gets_the_codec_of_the_customer(lines: tuple[str, ...]) -> None:
    answer, told = supervised(*lines)
    assert (answer.formats[0], told.codec) == ("0", "PCMU")
    assert "sprop-stereo" not in str(answer.values("fmtp"))


def test_the_setting_turns_it_off() -> None:
    _, told = supervised(STEREO, with_settings=settings(("PCMU", "opus"), stereo=False))
    assert told.codec == "PCMU"
    answer, told = supervised(STEREO, with_settings=settings(("PCMU", "opus"), stereo=False), formats="111")
    assert (told.codec, OpusParameters.read(told.parameters).takes_stereo) == ("OPUS", False)
    assert "sprop-stereo" not in str(answer.values("fmtp"))


def test_no_party_is_sent_stereo() -> None:
    house = House(settings(("PCMU", "opus")))
    dial(house, speaking(house.trunk, "0 111", STEREO))
    house.robert.answers()
    assert media(house, "customer").codec == "PCMU"
    house = House(settings(("PCMU", "opus")))
    dial(house, speaking(house.trunk, "111", STEREO))
    house.robert.answers()
    told = media(house, "customer")
    assert (told.codec, OpusParameters.read(told.parameters).takes_stereo) == ("OPUS", False)


async def rung(answered: str, *lines: str) -> tuple[Media, SetMedia]:
    """Eve's phone is rung for a call in PCMU and answers so: what she was offered, and what the worker is told of her."""
    house = House(settings(("PCMU", "opus")))
    dial(house, speaking(house.trunk, "0"))
    house.robert.answers()
    await ring_eve(house)
    offer = house.eve.ringing.offer
    assert offer is not None
    number = next(line.split(" ")[0] for line in offer.media[0].values("rtpmap") if "opus" in line)
    mapped = (f"a=rtpmap:{number} opus/48000/2", *(line.replace("111", number) for line in lines)) if answered == "opus" else ()
    answer = described(house.eve, f"m=audio 4000 RTP/AVP {number if answered == 'opus' else 0}", *mapped)
    house.eve.station.agent.accept(house.eve.ringing.session, answer, house.now)
    house.exchange.run()
    return offer.media[0], media(house, "supervisor")


async def test_a_phone_that_is_rung_for_a_supervisor_is_offered_opus_first_and_gets_stereo_where_it_asks_for_it() -> None:
    offer, told = await rung("opus", STEREO)
    assert offer.values("rtpmap")[0].endswith("opus/48000/2")
    assert offer.values("fmtp")[0].endswith(";sprop-stereo=1")
    assert (told.codec, OpusParameters.read(told.parameters).takes_stereo) == ("OPUS", True)


async def test_a_phone_that_is_rung_and_does_not_want_it_gets_one_channel_or_the_parties_codec() -> None:
    _, told = await rung("opus")
    assert (told.codec, OpusParameters.read(told.parameters).takes_stereo) == ("OPUS", False)
    _, told = await rung("PCMU")
    assert told.codec == "PCMU"
