"""Codecs that change in the midst of a call, and mixes that begin and end there: no click, no number lost, everybody goes on hearing."""

from functools import lru_cache
from itertools import pairwise, permutations

import numpy as np
import pytest

from mediaserver.link.messages import SetMode
from tests.mediaserver.worker.hearing import assert_numbers_hold, loudest_above_db, pitch, samples, tone_level
from tests.mediaserver.worker.simulated import House, Phone
from tests.mediaserver.worker.speaking import MEDIA
from tests.mediaserver.worker.succession import Told

CLICK_DB = -40.0
"""Above the tones and below it, nothing is heard as a click; a step in a tone of -12 dBov leaves more."""
OPUS_BEGINS_DB = -36.0
"""A phone's new Opus encoder begins with 6.5 ms of nothing, which can be softened only."""
CHANGES = list(permutations(["PCMU", "G722", "OPUS", "L16", "L16 wide"], 2))


class Watched:
    """A customer in PCMU, an agent in another codec, and two supervisors who hear at both rates."""

    def __init__(self, codec: str) -> None:
        self.house = House()
        self.customer = self.house.join(1, 10, "customer")
        self.agent = self.house.join(2, 10, "agent", **MEDIA[codec])
        self.wide, self.narrow = (self.house.supervise(3, 10, **MEDIA["L16 wide"]), self.house.supervise(4, 10, **MEDIA["L16"]))
        self.customer.tone, self.agent.tone = 433.0, 701.0
        self.house.run(0.8)

    def change(self, codec: str) -> float:
        """The agent's phone changes its codec and goes on with its sound; when that was."""
        at = self.house.now
        self.house.set_media(2, **MEDIA[codec])
        self.agent.speak(**MEDIA[codec])
        self.house.run(0.6)
        return at


@lru_cache
def changed(before: str, after: str) -> tuple[Watched, float]:
    """A call that has changed, for all who only look at it; and when it did."""
    call = Watched(before)
    return call, call.change(after)


def around(phone: Phone, at: float) -> float:
    """What is heard around this time that is no tone."""
    return loudest_above_db([packet for packet in phone.got if packet.at > at - 0.1], 1300.0)


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_party_that_changes_its_codec_is_heard_on_without_a_click(before: str, after: str) -> None:
    call, at = changed(before, after)
    bound = OPUS_BEGINS_DB if after == "OPUS" else CLICK_DB
    assert around(call.wide, at) < bound
    assert around(call.narrow, at) < bound
    if after != "PCMU":  # else the customer gets the agent's own packets, as they are
        assert around(call.customer, at) < bound
    for phone in (call.customer, call.agent, call.wide, call.narrow):
        assert_numbers_hold(phone.got)
        assert phone.got[-1].at - at == pytest.approx(0.6, abs=0.03)
    assert call.house.memory.counters(call.agent.row)["concealed_blocks"] == 0


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_party_that_changes_its_codec_hears_on(before: str, after: str) -> None:
    call, at = changed(before, after)
    late = [packet for packet in call.agent.got if packet.at > at + 0.1]
    assert {packet.payload_type for packet in late} == {call.agent.payload_type}
    assert 20 * np.log10(tone_level(samples(late), 433.0, late[0].rate) / 2000) == pytest.approx(0.0, abs=0.5)
    assert pitch(samples(late), 433.0, late[0].rate) == pytest.approx(433.0, rel=0.001)
    ticks = {(second.timestamp - first.timestamp) % (1 << 32) for first, second in pairwise(late)}
    assert ticks == {call.agent.frame}


@pytest.mark.parametrize("codec", MEDIA)
def test_a_whisper_begins_and_ends_without_a_click_in_every_codec(codec: str) -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer", **MEDIA[codec]), house.join(2, 10, "agent", **MEDIA[codec])
    customer.tone, agent.tone = 433.0, 701.0
    supervisor = house.supervise(3, 10)
    supervisor.tone, supervisor.level = 1103.0, 0.0
    house.run(0.8)
    at = house.now
    for mode in ("whisper", "listen"):
        house.command(SetMode(3, mode, "agent"))
        house.run(0.3)
    assert around(agent, at) < CLICK_DB
    assert_numbers_hold(agent.got)
    assert [packet.payload for packet in customer.got] == agent.said[: len(customer.got)]


@pytest.mark.parametrize("codec", ["G722", "OPUS", "L16 wide"])
def test_a_wideband_supervisor_joins_and_leaves_a_narrowband_call_unheard(codec: str) -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    house.run(0.4)
    supervisor = house.supervise(3, 10, **MEDIA[codec])
    supervisor.tone = 1103.0
    customer.tone, agent.tone = 433.0, 701.0
    house.run(0.8)
    late = [packet for packet in supervisor.got if packet.at > house.now - 0.4]
    for tone in (433.0, 701.0):
        assert 20 * np.log10(tone_level(samples(late), tone, late[0].rate) / 2000) == pytest.approx(0.0, abs=0.5)
    assert [packet.payload for packet in agent.got] == customer.said[: len(agent.got)]
    assert [packet.payload for packet in customer.got] == agent.said[: len(customer.got)]


@pytest.mark.parametrize("codec", ["G722", "OPUS"])
def test_what_an_heir_encodes_anew_fits_to_what_was_heard(codec: str) -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent", **MEDIA[codec])
    customer.tone, agent.tone = 433.0, 701.0
    supervisor = house.supervise(3, 10, **MEDIA[codec])
    house.run(0.8)
    died = house.now
    told = Told(house)
    told.know()
    heir = told.bury(0.1)
    assert heir.doubted == []
    heir.run(0.6)
    for phone, tones in ((agent, (433.0,)), (supervisor, (433.0, 701.0)), (customer, (701.0,))):
        after = [packet for packet in phone.got if packet.at > died]
        assert np.abs(samples(after)).max() < 2600 * len(tones)
        late = [packet for packet in after if packet.at > heir.now - 0.4]
        for tone in tones:
            assert 20 * np.log10(tone_level(samples(late), tone, late[0].rate) / 2000) == pytest.approx(0.0, abs=0.5)
        assert_numbers_hold(phone.got, without_gaps=False)


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("codec", ["PCMU", "G722"])
def test_a_gap_where_opus_ends_is_not_asked_of_its_decoder_any_more(codec: str, lost: int) -> None:
    house = House()
    customer, _, supervisor = house.join(1, 10, "customer", **MEDIA["OPUS"]), house.join(2, 10, "agent"), house.supervise(3, 10)
    house.run(0.4)
    house.set_media(1, **MEDIA[codec])
    customer.speak(**MEDIA[codec])
    customer.sequence += lost
    customer.timestamp += lost * customer.frame
    house.let_begin(customer, 0.02 * lost)
    house.run(0.5)
    assert house.memory.counters(customer.row)["received"] > 40
    assert_numbers_hold(supervisor.got)
