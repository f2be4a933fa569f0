"""How each leg sounds, as watchers read it: losses, scores, and that one leg's trouble is not another's."""

import numpy as np
import pytest

from mediaserver.link.messages import CloseLeg
from rtp.rtcp.packets import ExtendedReport, ReceiverReport, VoipMetrics
from rtp.rtcp.times import delay_units, middle
from tests.mediaserver.worker.reporting import block_on, muxed_call, reports_to, run, say, sender_reports
from tests.mediaserver.worker.simulated import House, Phone


def lossy(house: House, phone: Phone, seconds: float, part: float, run_length: int = 1) -> None:
    """The phone talks for so long, and so much of it is lost on the way to us, so many packets together."""
    rng = np.random.default_rng(3)
    phone.talking = False
    left, until = 0, house.now + seconds
    while house.now < until:
        packet = phone.next_packet()
        phone.timestamp -= phone.frame  # the simulation counts on where nobody talks
        if left == 0 and rng.random() < part / run_length:
            left = run_length
        if left:
            left -= 1
        else:
            house.arrive(phone, packet)
        house.run(0.02)
    phone.talking = True


def test_a_clean_leg_sounds_as_good_as_its_codec_can() -> None:
    house, customer, agent = muxed_call()
    house.run(6.0)
    for phone in (customer, agent):
        quality = house.memory.quality(phone.row)
        assert quality.up.mos == pytest.approx(4.38, abs=0.04)
        assert (quality.up.loss, quality.up.lost) == (0.0, 0)
        assert not quality.down.is_known


def test_nothing_is_known_of_a_leg_that_said_nothing() -> None:
    house, customer, _ = muxed_call()
    customer.talking = False
    house.run(4.0)
    assert not house.memory.quality(customer.row).up.is_known


def test_a_lossy_leg_scores_less_and_the_other_does_not() -> None:
    house, customer, agent = muxed_call()
    house.run(2.0)
    lossy(house, customer, 16.0, 0.1)
    bad, good = house.memory.quality(customer.row), house.memory.quality(agent.row)
    assert bad.up.loss == pytest.approx(0.1, abs=0.05)
    assert bad.up.mos < 3.8
    assert good.up.mos > 4.3


def test_the_same_loss_in_bursts_scores_less() -> None:
    scores = []
    for length in (1, 6):
        house, customer, _ = muxed_call()
        lossy(house, customer, 30.0, 0.08, length)
        quality = house.memory.quality(customer.row)
        assert quality.up.lost / 1500 == pytest.approx(0.08, abs=0.03)
        scores.append(quality.up.mos_average)
    assert scores[1] < scores[0]


def test_the_least_and_the_average_of_a_leg_are_kept() -> None:
    house, customer, _ = muxed_call()
    house.run(8.0)
    lossy(house, customer, 8.0, 0.3)
    house.run(20.0)
    up = house.memory.quality(customer.row).up
    assert up.mos > 4.3
    assert up.mos_least < 3.0
    assert up.mos_least < up.mos_average < up.mos


def test_down_is_what_the_leg_tells_less_what_its_source_lost() -> None:
    house, customer, agent = muxed_call()
    house.run(1.0)
    lossy(house, customer, 5.0, 0.15)
    say(house, agent, ReceiverReport(agent.ssrc, (block_on(agent.got),)))
    house.run(2.5)
    quality = house.memory.quality(agent.row)
    assert (quality.down.loss, quality.down.lost) == (0.0, 0)
    assert quality.down.mos > 4.3
    assert house.memory.quality(customer.row).up.lost > 20


def test_a_long_way_scores_less() -> None:
    house, _, agent = muxed_call()
    at, report = sender_reports(agent, run(house, 6.0))[-1]
    house.run(0.7)
    held = house.now - at - 0.6
    say(house, agent, ReceiverReport(agent.ssrc, (block_on(agent.got, last_report=middle(report.ntp), delay=delay_units(held)),)))
    house.run(3.0)
    quality = house.memory.quality(agent.row)
    assert quality.round_trip == pytest.approx(0.6, abs=0.01)
    assert quality.up.mos < 4.0
    assert quality.down.mos < 4.0


def test_what_a_leg_told_long_ago_is_no_longer_judged() -> None:
    house, _, agent = muxed_call(ptime_ms=60)
    house.run(1.0)
    say(house, agent, ReceiverReport(agent.ssrc, (block_on(agent.got),)))
    house.run(30.0)
    count = int(house.state.quality.mos_down_count[agent.row])
    house.run(10.0)
    assert 0 < count < 12
    assert int(house.state.quality.mos_down_count[agent.row]) == count


def test_reports_tell_how_a_legs_stream_sounds_here() -> None:
    house, customer, _ = muxed_call()
    lossy(house, customer, 12.0, 0.1)
    _, packets = reports_to(customer, run(house, 8.0))[-1]
    (extended,) = [packet for packet in packets if isinstance(packet, ExtendedReport)]
    (metrics,) = [block for block in extended.blocks if isinstance(block, VoipMetrics)]
    assert metrics.ssrc == customer.ssrc
    assert metrics.loss_rate / 256 == pytest.approx(0.06, abs=0.04)
    assert 30 <= metrics.conversation_score <= metrics.listening_score <= 45
    assert metrics.minimal_gap == 16


def test_nothing_of_an_ended_leg_is_in_the_quality_of_the_next() -> None:
    house, customer, _ = muxed_call()
    lossy(house, customer, 6.0, 0.3)
    house.command(CloseLeg(1))
    house.run(0.3)
    quality = house.memory.quality(customer.row)
    assert not quality.up.is_known
    assert (quality.up.lost, quality.up.mos_average, quality.round_trip) == (0, 0.0, 0.0)
