"""A supervisor whose Opus has two channels hears the agent left and the customer right; nobody else hears a difference."""

from typing import Any

import numpy as np
import pytest

from mediaserver.link.messages import Play, SetMode, SetMuted, SetVolumes
from mixer.arrays import Int16
from tests.mediaserver.worker.hearing import assert_numbers_hold, tone_level
from tests.mediaserver.worker.simulated import House, Phone, Sent
from tests.mediaserver.worker.speaking import MEDIA
from tests.mediaserver.worker.succession import Told

CUSTOMER, AGENT, OTHER = 433.0, 701.0, 1103.0
APART, APART_WITH_FEC = -45.0, -30.0
"""dB that a tone is below a phone's in the other ear. The coder that knows FEC takes one ear for a part of the other."""
STEREO: dict[str, Any] = MEDIA["OPUS"] | {"parameters": "stereo=1"}


def call(ours: str = "PCMU", theirs: str = "PCMU", **media: Any) -> tuple[House, Phone, Phone, Phone]:
    """Two who speak in tones, and a silent supervisor in stereo."""
    house = House()
    customer, agent = house.join(1, 10, "customer", **MEDIA[ours]), house.join(2, 10, "agent", **MEDIA[theirs])
    supervisor = house.supervise(3, 10, **(STEREO | media))
    customer.tone, agent.tone, supervisor.level = CUSTOMER, AGENT, 0.0
    return house, customer, agent, supervisor


def ears(got: list[Sent], seconds: float = 0.6) -> tuple[Int16, Int16]:
    """What the left and the right one heard last."""
    heard = np.concatenate([packet.samples for packet in got])[-int(seconds * 16_000) :]
    return heard[:, 0], heard[:, 1]


def level(ear: Int16, tone: float) -> float:
    """Of a tone against that of a phone, in dB."""
    return float(20 * np.log10(max(tone_level(ear, tone, 16_000), 1e-3) / 2000))


def sides(supervisor: Phone, tone: float) -> tuple[float, float]:
    """Level of a tone in each ear."""
    left, right = ears(supervisor.got)
    return level(left, tone), level(right, tone)


def assert_left(supervisor: Phone, tone: float, apart: float = APART) -> None:
    left, right = sides(supervisor, tone)
    assert left == pytest.approx(0.0, abs=0.7)
    assert right < apart


def assert_right(supervisor: Phone, tone: float, apart: float = APART) -> None:
    left, right = sides(supervisor, tone)
    assert right == pytest.approx(0.0, abs=0.7)
    assert left < apart


def assert_middle(supervisor: Phone, tone: float) -> None:
    for side in sides(supervisor, tone):
        assert side == pytest.approx(-3.0, abs=0.7)


@pytest.mark.parametrize(("ours", "theirs"), [("PCMU", "PCMU"), ("PCMU", "G722"), ("G722", "PCMA"), ("OPUS", "OPUS")])
def test_the_agent_is_left_and_the_customer_right(ours: str, theirs: str) -> None:
    house, _, _, supervisor = call(ours, theirs)
    house.run(1.4)
    assert_left(supervisor, AGENT)
    assert_right(supervisor, CUSTOMER)
    assert_numbers_hold(supervisor.got)


@pytest.mark.parametrize(
    ("limit", "apart"), [("", APART_WITH_FEC), (";maxaveragebitrate=56000", APART), (";maxaveragebitrate=40000", APART)]
)
def test_so_it_is_with_fec_beside_them_and_where_there_is_no_room_for_it(limit: str, apart: float) -> None:
    house, _, _, supervisor = call(parameters=f"stereo=1;useinbandfec=1{limit}")
    house.run(1.4)
    assert_left(supervisor, AGENT, apart)
    assert_right(supervisor, CUSTOMER, apart)


@pytest.mark.parametrize("ptime_ms", [10, 30, 40, 60])
def test_so_it_is_in_every_packet_time(ptime_ms: int) -> None:
    house, _, _, supervisor = call(ptime_ms=ptime_ms)
    house.run(1.4)
    assert_left(supervisor, AGENT)
    assert_right(supervisor, CUSTOMER)


def test_another_supervisor_is_in_the_middle() -> None:
    house, _, _, supervisor = call()
    house.supervise(4, 10, "barge").tone = OTHER
    house.run(1.4)
    assert_middle(supervisor, OTHER)


def test_an_outside_party_takes_the_side_that_nobody_is_on() -> None:
    house = House()
    outside, agent = house.join(1, 10, "outside"), house.join(2, 10, "agent")
    supervisor = house.supervise(3, 10, **STEREO)
    outside.tone, agent.tone, supervisor.level = OTHER, AGENT, 0.0
    house.run(1.4)
    assert_right(supervisor, OTHER)
    assert_left(supervisor, AGENT)


def test_an_outside_party_beside_both_is_in_the_middle() -> None:
    house, _, _, supervisor = call()
    house.join(4, 10, "outside").tone = OTHER
    house.run(1.4)
    assert_middle(supervisor, OTHER)


def test_what_the_server_plays_is_in_both_ears() -> None:
    house, customer, agent, supervisor = call()
    customer.talking = agent.talking = False
    times = np.arange(16_000) / 8000
    house.sounds.load("tone", np.rint(8000 * np.sin(2 * np.pi * OTHER * times)).astype("<i2").tobytes())
    house.run(0.4)
    house.command(Play(3, "tone", False))
    house.run(1.0)
    for side in sides(supervisor, OTHER):
        assert side == pytest.approx(0.0, abs=0.7)


def test_volume_and_mute_hold_for_both_ears() -> None:
    house, _, _, supervisor = call()
    house.command(SetVolumes(3, 0.5, 1.0), SetMuted(1, True))
    house.run(1.4)
    assert sides(supervisor, AGENT)[0] == pytest.approx(-6.0, abs=0.7)
    assert max(sides(supervisor, CUSTOMER)) < APART


def test_the_parties_hear_the_same_as_without_him() -> None:
    house, customer, agent, _ = call("PCMU", "PCMU")
    house.run(0.5)
    assert [packet.payload for packet in customer.got] == agent.said[: len(customer.got)]
    assert [packet.payload for packet in agent.got] == customer.said[: len(agent.got)]


def test_a_party_that_asks_for_stereo_hears_the_same_in_both_ears() -> None:
    house, _, agent, _ = call(theirs="OPUS")
    house.set_media(2, **STEREO)
    agent.speak(**STEREO)
    house.command(SetMode(3, "listen", "agent"))
    house.run(1.4)
    assert sides(agent, CUSTOMER) == pytest.approx((0.0, 0.0), abs=0.7)


def test_a_supervisor_in_mono_beside_him_hears_both_in_one() -> None:
    house, _, _, supervisor = call()
    other = house.supervise(4, 10, **MEDIA["OPUS"])
    other.level = 0.0
    house.run(1.4)
    heard = np.concatenate([packet.samples for packet in other.got])[-9600:]
    assert level(heard, CUSTOMER) == pytest.approx(0.0, abs=0.7)
    assert level(heard, AGENT) == pytest.approx(0.0, abs=0.7)
    assert_left(supervisor, AGENT)


def test_each_keeps_his_side_when_the_codec_of_a_party_changes() -> None:
    house, customer, _, supervisor = call()
    house.run(1.0)
    house.set_media(1, **MEDIA["G722"])
    customer.speak(**MEDIA["G722"])
    house.run(0.2)
    left, _ = ears(supervisor.got, 0.4)
    assert level(left, CUSTOMER) < APART
    house.run(1.0)
    assert_right(supervisor, CUSTOMER)
    assert_left(supervisor, AGENT)


def test_who_wants_stereo_no_more_hears_mono() -> None:
    house, _, _, supervisor = call()
    house.run(0.6)
    house.set_media(3, **MEDIA["OPUS"])
    house.run(1.0)
    assert sides(supervisor, AGENT) == pytest.approx((0.0, 0.0), abs=0.7)


def test_an_heir_goes_on_in_stereo() -> None:
    house, _, _, supervisor = call()
    house.run(0.6)
    told = Told(house)
    told.know()
    told.bury().run(1.2)
    assert sides(supervisor, AGENT)[1] < -30.0
    assert sides(supervisor, CUSTOMER)[0] < -30.0
