"""A leg's loss stays on that leg: what its receiver misses counts against its own way only, and gaps that were passed on do not."""

import numpy as np
import pytest

from rtp.rtcp.packets import ExtendedReport as Extended
from rtp.rtcp.packets import ReceiverReport, ReportBlock, SenderReport, VoipMetrics
from tests.mediaserver.worker.reporting import block_on, muxed_call, say
from tests.mediaserver.worker.simulated import House, Phone


def lossy(house: House, phone: Phone, seconds: float, part: float, seed: int = 1) -> None:
    """The phone talks for so long, and so much of it is lost on the way to us."""
    rng = np.random.default_rng(seed)
    phone.talking = False
    until = house.now + seconds
    while house.now < until:
        packet = phone.next_packet()
        phone.timestamp -= phone.frame  # the simulation counts on where nobody talks
        if rng.random() >= part:
            house.arrive(phone, packet)
        house.run(0.02)
    phone.talking = True


def test_gaps_that_were_passed_on_are_no_loss_of_the_listeners_leg() -> None:
    house, customer, agent = muxed_call()
    house.run(1.0)
    lossy(house, customer, 5.0, 0.15)
    block = block_on(agent.got)
    assert block.lost > 20
    assert house.memory.counters(customer.row)["lost"] == block.lost
    say(house, agent, ReceiverReport(agent.ssrc, (block,)))
    house.run(0.01)
    assert house.state.report.lost[agent.row] == 0


def test_what_is_lost_on_the_way_to_a_listener_is_his_legs() -> None:
    house, customer, agent = muxed_call()
    house.run(1.0)
    lossy(house, customer, 5.0, 0.15)
    got = [packet for index, packet in enumerate(agent.got) if index % 10 != 5]
    missed = len(agent.got) - len(got)
    say(house, agent, ReceiverReport(agent.ssrc, (block_on(got),)))
    house.run(0.01)
    assert house.state.report.lost[agent.row] == missed
    assert house.state.report.loss[agent.row] == pytest.approx(0.1, abs=0.01)


def test_the_loss_of_each_interval_is_its_own() -> None:
    house, customer, agent = muxed_call()
    house.run(2.0)
    say(house, agent, SenderReport(agent.ssrc, 0, 0, 0, 0, (block_on(agent.got),)))
    lossy(house, customer, 4.0, 0.1)
    seen = len(agent.got)
    got = [packet for index, packet in enumerate(agent.got) if index < 100 or index % 4]
    say(house, agent, ReceiverReport(agent.ssrc, (block_on(got),)))
    house.run(0.01)
    assert house.state.report.loss[agent.row] == pytest.approx((seen - len(got)) / (seen - 100), abs=0.02)
    say(house, agent, ReceiverReport(agent.ssrc, (block_on(got),)))
    house.run(0.01)
    assert house.state.report.loss[agent.row] == 0.0


def test_a_report_about_somebody_elses_stream_counts_for_nothing() -> None:
    house, _, agent = muxed_call()
    house.run(1.0)
    say(house, agent, ReceiverReport(agent.ssrc, (ReportBlock(0xDEAD, 128, 500, 900, 5, 0, 0),)))
    say(house, agent, Extended(agent.ssrc, (VoipMetrics(0xDEAD, *[9] * 8),)))
    house.run(0.01)
    assert house.state.report.far_at[agent.row] == 0.0


def test_a_report_of_numbers_that_were_never_sent_counts_for_nothing() -> None:
    house, _, agent = muxed_call()
    house.run(1.0)
    first = agent.got[0]
    say(house, agent, ReceiverReport(agent.ssrc, (ReportBlock(first.ssrc, 0, 0, first.sequence + 30_000, 5, 0, 0),)))
    house.run(0.01)
    assert house.state.report.far_at[agent.row] == 0.0
