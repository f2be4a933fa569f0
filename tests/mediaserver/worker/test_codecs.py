"""Every codec with every other on one call: at its pitch and level, without a gap and without a click; who needs no mix is let be."""

from itertools import pairwise, product

import numpy as np
import pytest

from tests.mediaserver.worker.hearing import assert_numbers_hold, loudest_residual_db, pitch, samples, tone_level
from tests.mediaserver.worker.simulated import House, Phone
from tests.mediaserver.worker.speaking import MEDIA

PAIRS = list(product(MEDIA, MEDIA))
SOME_PAIRS = [("OPUS", "PCMU"), ("OPUS", "G722"), ("G722", "L16 wide"), ("L16", "OPUS"), ("L16", "L16 wide")]
PTIMES_MS = (10, 20, 30, 40, 60)
TIMED_PAIRS = [
    (*pair, ours_ms, theirs_ms)
    for pair in SOME_PAIRS
    for ours_ms, theirs_ms in product(PTIMES_MS, PTIMES_MS)
    if pair[1] != "L16 wide" or theirs_ms <= 40
]
NOISE_DB = {"PCMU": -50.0, "PCMA": -50.0, "G722": -58.0, "L16": -80.0, "L16 wide": -80.0, "OPUS": -38.0}
"""What a codec adds to a tone of -12 dBov, in its worst 10 ms; a click would be far above it."""


def call(ours: str, theirs: str, ours_ms: int = 20, theirs_ms: int = 20) -> tuple[House, Phone, Phone]:
    house = House()
    return house, *meet(house, 0, ours, theirs, ours_ms, theirs_ms)


def meet(house: House, number: int, ours: str, theirs: str, ours_ms: int = 20, theirs_ms: int = 20) -> tuple[Phone, Phone]:
    """A customer and an agent in a call of theirs, each with his own codec and packet time."""
    customer = house.join(2 * number + 1, 10 + number, "customer", ptime_ms=ours_ms, **MEDIA[ours])
    agent = house.join(2 * number + 2, 10 + number, "agent", ptime_ms=theirs_ms, **MEDIA[theirs])
    customer.tone, agent.tone = 433.0, 701.0
    return customer, agent


@pytest.fixture(scope="module")
def paired() -> tuple[House, dict[tuple[str, str], tuple[Phone, Phone]]]:
    """All pairs of codecs, one call each, at the same time."""
    house = House(rows=2 * len(PAIRS), calls=len(PAIRS))
    met = {pair: meet(house, number, *pair) for number, pair in enumerate(PAIRS)}
    house.run(1.2)
    return house, met


@pytest.fixture(scope="module")
def timed() -> tuple[House, dict[tuple[str, str, int, int], tuple[Phone, Phone]]]:
    """Some pairs in all their packet times, one call each, at the same time."""
    house = House(rows=2 * len(TIMED_PAIRS), calls=len(TIMED_PAIRS))
    met = {pair: meet(house, number, *pair) for number, pair in enumerate(TIMED_PAIRS)}
    house.run(1.2)
    return house, met


def assert_heard(house: House, phone: Phone, tone: float, *codecs: str, seconds: float = 0.8) -> None:
    """The phone hears this tone as it was, through these codecs, and nothing else; without a gap since so many seconds."""
    late = [packet for packet in phone.got if packet.at > house.now - seconds]
    heard, rate = samples(late), late[0].rate
    assert len(heard) / rate == pytest.approx(seconds, abs=2 * phone.seconds)
    assert 20 * np.log10(tone_level(heard, tone, rate) / phone.level) == pytest.approx(0.0, abs=0.5)
    assert pitch(heard, tone, rate) == pytest.approx(tone, rel=0.001)
    assert loudest_residual_db(late, [tone]) < max(NOISE_DB[codec] for codec in codecs)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_every_codec_is_heard_in_every_other(
    ours: str, theirs: str, paired: tuple[House, dict[tuple[str, str], tuple[Phone, Phone]]]
) -> None:
    house, (customer, agent) = paired[0], paired[1][ours, theirs]
    assert_heard(house, agent, customer.tone, ours, theirs)
    assert_heard(house, customer, agent.tone, ours, theirs)
    assert_numbers_hold(agent.got)
    assert_numbers_hold(customer.got)
    for phone in (customer, agent):
        times = {(later.timestamp - earlier.timestamp) % (1 << 32) for earlier, later in pairwise(phone.got)}
        assert times == {phone.frame}


@pytest.mark.parametrize("codec", MEDIA)
def test_who_hears_one_of_his_own_codec_gets_its_payloads_as_they_are(codec: str) -> None:
    house, customer, agent = call(codec, codec)
    house.run(0.5)
    assert [packet.payload for packet in agent.got] == customer.said[: len(agent.got)]
    assert [packet.payload for packet in customer.got] == agent.said[: len(customer.got)]


@pytest.mark.parametrize("codec", MEDIA)
def test_a_supervisor_hears_both_in_his_codec_whatever_theirs(codec: str) -> None:
    house, customer, agent = call("PCMU", "G722")
    supervisor = house.supervise(3, 10, **MEDIA[codec])
    house.run(1.4)
    late = [packet for packet in supervisor.got if packet.at > house.now - 0.8]
    for tone in (customer.tone, agent.tone):
        assert 20 * np.log10(tone_level(samples(late), tone, late[0].rate) / 2000) == pytest.approx(0.0, abs=0.5)
    assert loudest_residual_db(late, [customer.tone, agent.tone]) < max(NOISE_DB["PCMU"] + 3, NOISE_DB[codec] + 3)


@pytest.mark.parametrize("codec", MEDIA)
def test_a_supervisor_of_any_codec_changes_nothing_for_the_parties(codec: str) -> None:
    house, customer, agent = call("PCMU", "PCMU")
    house.supervise(3, 10, "whisper", **MEDIA[codec]).tone = 1103.0
    house.supervise(4, 10, **MEDIA[codec])
    house.run(0.5)
    assert [packet.payload for packet in customer.got] == agent.said[: len(customer.got)]
    assert {len(packet.payload) for packet in agent.got} == {160}


@pytest.mark.parametrize(("ours", "theirs", "ours_ms", "theirs_ms"), TIMED_PAIRS)
def test_every_packet_time_is_heard_in_every_other(
    ours: str, theirs: str, ours_ms: int, theirs_ms: int, timed: tuple[House, dict[tuple[str, str, int, int], tuple[Phone, Phone]]]
) -> None:
    house, (customer, agent) = timed[0], timed[1][ours, theirs, ours_ms, theirs_ms]
    assert_heard(house, agent, customer.tone, ours, theirs)
    assert_heard(house, customer, agent.tone, ours, theirs)
    assert_numbers_hold(agent.got)
    assert_numbers_hold(customer.got)


def test_a_packet_of_l16_is_never_longer_than_1400_bytes() -> None:
    house, customer, agent = call("PCMU", "L16 wide", 60, 60)
    agent.speak(ptime_ms=40, **MEDIA["L16 wide"])
    house.run(0.8)
    assert {len(packet.payload) for packet in agent.got} == {1280}
    assert_heard(house, agent, customer.tone, "PCMU", "L16 wide", seconds=0.4)
