"""Losses, disorder and silence with codecs that have a state; what is lost on one leg stays on it."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from mixer.arrays import Int16
from mixer.coders.opus_packet import tells_of_the_one_before
from tests.mediaserver.worker.hearing import assert_numbers_hold, samples, tone_level
from tests.mediaserver.worker.simulated import House, Phone
from tests.mediaserver.worker.speaking import MEDIA

WITH_FEC = MEDIA["OPUS"] | {"parameters": "useinbandfec=1"}
WITH_DTX = MEDIA["OPUS"] | {"parameters": "usedtx=1"}


class Voiced:
    """A customer who says something like speech, an agent of the same codec, and a supervisor who hears samples as they are."""

    def __init__(self, media: dict[str, Any], agent_media: dict[str, Any] | None = None) -> None:
        self.house = House()
        self.customer = self.house.join(1, 10, "customer", **media)
        self.agent = self.house.join(2, 10, "agent", **(media if agent_media is None else agent_media))
        self.supervisor = self.house.supervise(3, 10, **MEDIA["L16 wide"])
        self.agent.talking = self.supervisor.talking = self.customer.talking = False
        self.timestamp, self.due = 5000, self.house.now
        self.payloads: list[bytes] = []

    def say(self, frames: int, lost: range | list[int] = [], swapped: range | list[int] = []) -> Int16:  # noqa: B006 - only read
        """So many packets; those numbered in ``lost`` do not come, each in ``swapped`` comes behind the next. What the supervisor heard."""
        self.payloads = [self.customer.voice.encode(speech(number)) for number in range(frames)]
        packets = [self.packet(payload) for payload in self.payloads]
        order = list(range(frames))
        for number in swapped:
            order[number], order[number + 1] = order[number + 1], order[number]
        begun = len(self.supervisor.got)
        for number in order:
            if number not in lost:
                self.house.arrive(self.customer, packets[number])
            self.wait()
        return samples(self.supervisor.got[begun:])

    def wait(self) -> None:
        """Until the next packet is due: a packet time after the last one, to the turn."""
        self.due += 0.02
        self.house.run(self.due - self.house.now - 1e-6)

    def packet(self, payload: bytes, *, marker: bool = False, ticks: int = 0) -> bytes:
        """The customer's next packet; ``ticks``: after a pause of so many."""
        self.timestamp += self.customer.frame + ticks
        return self.customer.packet(payload, marker=marker, timestamp=self.timestamp)

    @property
    def depth(self) -> int:
        """Blocks of the customer that wait for the supervisor."""
        mix, row = self.house.state.mix, self.supervisor.row
        place = mix.source[row, : int(mix.count[row])].tolist().index(self.customer.row)
        return int(self.house.state.wide.end[self.customer.row] - mix.read[row, place])

    @property
    def counters(self) -> dict[str, int]:
        """The customer's."""
        return self.house.memory.counters(self.customer.row)


def speech(number: int, level: float = 2000.0) -> Int16:
    """20 ms that are voiced: a glottal buzz through a formant, so that Opus takes it for speech."""
    times = (number * 320 + np.arange(320)) / 16_000
    buzz = sum(np.sin(2 * np.pi * 130 * harmonic * times) / harmonic for harmonic in range(1, 12))
    return np.rint(level * 0.5 * buzz * (1.6 + np.sin(2 * np.pi * 3 * times))).astype(np.int16)


def likeness(heard: Int16, reference: Int16) -> float:
    """Correlation of two sounds of one length."""
    return float(np.corrcoef(heard.astype(float), reference.astype(float))[0, 1])


def test_who_loses_opus_packets_again_and_again_gets_them_recovered_from_the_next_ones() -> None:
    lost = list(range(5, 56, 7))
    fec, plain = Voiced(WITH_FEC), Voiced(MEDIA["OPUS"])
    for call in (fec, plain):
        for _ in range(3):
            call.say(56, lost)
    learnt = fec.counters["concealed_blocks"], plain.counters["concealed_blocks"]
    for call in (fec, plain):
        call.say(56, lost)
    assert fec.counters["lost"] == plain.counters["lost"] == 4 * len(lost)
    assert plain.counters["concealed_blocks"] - learnt[1] == 2 * len(lost)
    untold = [number for number in lost if not tells_of_the_one_before(fec.payloads[number + 1])]
    assert len(untold) < len(lost) / 2
    assert fec.counters["concealed_blocks"] - learnt[0] == 2 * len(untold)


def test_the_first_loss_teaches_what_it_takes_to_recover_those_that_follow_at_once() -> None:
    call, lost = Voiced(WITH_FEC), list(range(40, 90, 3))
    call.say(100, lost)
    untold = [number for number in lost if not tells_of_the_one_before(call.payloads[number + 1])]
    assert len(untold) < len(lost) - 5
    assert call.counters["concealed_blocks"] <= 2 * (1 + len(untold))


@pytest.mark.parametrize("lost", [1, 3, 4])
def test_opus_lost_in_a_row_leaves_the_delay_at_what_recovering_takes(lost: int) -> None:
    call = Voiced(WITH_FEC)
    call.say(100, list(range(5, 80, 7)))
    before = call.depth
    call.say(40, list(range(5, 5 + lost)))
    assert call.depth == before


def test_a_margin_for_recovering_is_left_only_where_something_is_lost() -> None:
    call = Voiced(WITH_FEC)
    call.say(200)
    assert call.house.state.late.target[call.customer.row] < 0.005
    call.say(56, list(range(5, 56, 7)))
    assert 0.02 <= call.house.state.late.target[call.customer.row] < 0.03


@pytest.mark.parametrize("codec", ["OPUS", "G722"])
def test_without_fec_what_is_lost_is_made_up(codec: str) -> None:
    lost = list(range(30, 100, 10))
    reference, call = Voiced(MEDIA[codec]).say(110), Voiced(MEDIA[codec])
    heard = call.say(110, lost)
    assert call.counters["concealed_blocks"] == 2 * len(lost)
    assert likeness(heard, reference) > 0.9
    assert_numbers_hold(call.supervisor.got)


@pytest.mark.parametrize("codec", ["OPUS", "G722"])
def test_packets_out_of_order_are_decoded_in_order_for_who_has_a_playout(codec: str) -> None:
    call = Voiced(MEDIA[codec])
    call.say(100, swapped=range(10, 90, 4))
    before = call.counters
    call.say(100, swapped=range(10, 90, 4))
    assert call.counters["received"] == before["received"] + 100
    assert call.counters["late"] == before["late"]
    assert call.counters["concealed_blocks"] == before["concealed_blocks"]
    assert call.counters["lost"] == 0


@pytest.mark.parametrize("codec", ["OPUS", "G722"])
def test_a_loss_is_a_gap_in_time_for_who_hears_it_in_another_codec(codec: str) -> None:
    call = Voiced(MEDIA[codec], MEDIA["PCMU"])
    call.say(60, [30])
    assert_numbers_hold(call.agent.got)
    leaps = sorted((later.timestamp - earlier.timestamp) % (1 << 32) for earlier, later in pairwise(call.agent.got))
    assert leaps[-2:] == [160, 320]


@pytest.mark.parametrize("codec", ["OPUS", "G722"])
def test_what_one_leg_loses_the_other_legs_do_not_hear(codec: str) -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer", **MEDIA[codec]), house.join(2, 10, "agent", **MEDIA["PCMA"])
    supervisor = house.supervise(3, 10, **MEDIA["L16 wide"])
    customer.talking, customer.tone, agent.tone = False, 433.0, 701.0
    house.run(0.4)
    due = house.now
    for number in range(40):
        if number % 4:
            house.arrive(customer, customer.next_packet())
        else:
            customer.next_packet()
        customer.timestamp -= customer.frame
        due += 0.02
        house.run(due - house.now - 1e-6)
    late = [packet for packet in supervisor.got if packet.at > house.now - 0.5]
    assert tone_level(samples(late), 701.0, 16_000) == pytest.approx(2000, rel=0.03)
    assert house.memory.counters(agent.row)["concealed_blocks"] == 0
    assert house.memory.counters(agent.row)["lost"] == 0


@pytest.mark.parametrize("codec", ["OPUS", "G722"])
def test_digits_between_packets_are_no_losses(codec: str) -> None:
    call = Voiced(MEDIA[codec])
    call.say(30)
    for _ in range(6):
        call.house.arrive(call.customer, call.customer.packet(b"\x05\x0a\x01\x40", payload_type=101, timestamp=call.timestamp))
        call.say(5)
    assert call.counters["concealed_blocks"] == 0
    assert call.counters["late"] == 0


def passed(phone: Phone) -> list[int]:
    return [(later.timestamp - earlier.timestamp) % (1 << 32) for earlier, later in pairwise(phone.got)]


def test_silence_that_a_party_does_not_send_is_not_sent_on() -> None:
    call = Voiced(MEDIA["OPUS"])
    call.say(20)
    count = len(call.agent.got)
    for _ in range(20):
        call.wait()
    assert len(call.agent.got) == count
    call.house.arrive(call.customer, call.packet(b"\x48", marker=True, ticks=20 * 960))
    call.wait()
    assert call.agent.got[-1].payload == b"\x48"
    assert call.agent.got[-1].marker
    assert passed(call.agent)[-1] == 21 * 960
    assert_numbers_hold(call.agent.got)


def test_a_listener_who_wants_dtx_is_sent_nothing_in_silence_and_no_number_is_lost() -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent", **WITH_DTX)
    customer.tone, agent.talking = 433.0, False
    house.run(1.0)
    customer.level = 0.0
    house.run(2.0)
    quiet = len([packet for packet in agent.got if packet.at > house.now - 1.0])
    assert quiet < 15
    customer.level = 2000.0
    at = house.now
    house.run(1.0)
    assert_numbers_hold(agent.got)
    woken = next(packet for packet in agent.got if packet.at >= at)
    assert woken.marker
    assert sum(passed(agent)) == pytest.approx(48_000 * (agent.got[-1].at - agent.got[0].at), abs=2 * 960)


def test_a_broken_opus_payload_is_counted_and_the_call_goes_on() -> None:
    call = Voiced(MEDIA["OPUS"])
    call.say(20)
    call.house.arrive(call.customer, call.packet(b"\x4b\x02" + bytes(3)))
    call.wait()
    heard = call.say(30)
    assert np.abs(heard[-8000:]).max() > 1000
    assert call.counters["dropped_undecodable"] + call.counters["concealed_blocks"] >= 1
