"""RTCP ends at each leg: what its phone is told is about the leg's own two streams, and goes when and where it may."""

from itertools import pairwise

import pytest

from mediaserver.link.messages import CloseLeg
from rtp.rtcp.packets import (
    DelaySinceReference,
    ExtendedReport,
    Goodbye,
    ReceiverReferenceTime,
    ReceiverReport,
    SenderReport,
    SourceDescription,
)
from rtp.rtcp.times import delay_units, middle, ntp
from tests.mediaserver.worker.reporting import (
    WALL,
    Told,
    block_on,
    blocks_about,
    muxed_call,
    reports_to,
    run,
    say,
    sender_reports,
)
from tests.mediaserver.worker.simulated import House, Phone


@pytest.fixture(scope="module")
def minute() -> tuple[Phone, Phone, Told]:
    """Customer and agent of a call in which nothing happened, and what its first minute told them."""
    house, customer, agent = muxed_call()
    return customer, agent, run(house, 60.0)


def early(told: Told, seconds: float) -> Told:
    """What was told in the first seconds."""
    return [report for report in told if report[0] < 1000.0 + seconds]


def test_each_party_gets_reports_that_begin_a_compound_as_they_should(minute: tuple[Phone, Phone, Told]) -> None:
    customer, agent, told = minute
    for phone in (customer, agent):
        for _, packets in reports_to(phone, told):
            assert [type(packet) for packet in packets[:2]] == [SenderReport, SourceDescription]
        assert 3 <= len(reports_to(phone, early(told, 20.0))) <= 10


def test_intervals_are_by_chance_and_no_two_legs_keep_step(minute: tuple[Phone, Phone, Told]) -> None:
    customer, agent, told = minute
    times = {phone.leg: [at for at, _ in reports_to(phone, told)] for phone in (customer, agent)}
    for at in times.values():
        between = [later - earlier for earlier, later in pairwise(at)]
        assert all(2.0 < seconds < 6.3 for seconds in between)
        assert max(between) - min(between) > 1.5
    assert not set(times[1]) & set(times[2])


def test_the_first_report_comes_sooner(minute: tuple[Phone, Phone, Told]) -> None:
    customer, _, told = minute
    (at, _), *_ = reports_to(customer, told)
    assert 1.0 < at - 1000.0 < 3.2


def test_a_sender_report_pairs_the_wall_clock_with_the_streams_own_timestamps(minute: tuple[Phone, Phone, Told]) -> None:
    customer, agent, told = minute
    for at, report in sender_reports(agent, told):
        wall = report.ntp / 2**32 - 2_208_988_800
        assert wall == pytest.approx(at + WALL, abs=0.003)
        newest = [packet for packet in agent.got if packet.at <= at][-1]
        passed = (report.timestamp - newest.timestamp + 100) % 2**32 - 100
        assert passed == pytest.approx((at - newest.at) * 8000, abs=32)
    assert customer.timestamp != agent.got[-1].timestamp


def test_a_sender_report_counts_packets_and_octets_of_payload(minute: tuple[Phone, Phone, Told]) -> None:
    _, agent, told = minute
    at, report = sender_reports(agent, told)[-1]
    sent = [packet for packet in agent.got if packet.at <= at]
    assert abs(report.packets - len(sent)) <= 1
    assert report.octets == 160 * report.packets
    assert report.ssrc == agent.got[0].ssrc


def test_who_is_sent_nothing_gets_a_receiver_report_with_our_clock() -> None:
    house, customer, _ = muxed_call()
    house.set_media(1, rtcp_mux=True, remote_receives=False)
    told = reports_to(customer, run(house, 8.0))
    at, packets = told[-1]
    assert isinstance(packets[0], ReceiverReport)
    (extended,) = [packet for packet in packets if isinstance(packet, ExtendedReport)]
    (clock,) = [block for block in extended.blocks if isinstance(block, ReceiverReferenceTime)]
    assert clock.ntp / 2**32 - 2_208_988_800 == pytest.approx(at + WALL, abs=0.003)


def test_a_leg_that_never_sent_anything_gets_no_rtcp() -> None:
    house, customer, agent = muxed_call(ptime_ms=60)
    customer.talking = False
    told = run(house, 12.0)
    assert not reports_to(customer, told)
    assert reports_to(agent, told)


def test_a_name_stays_the_same_through_a_call_and_says_nothing_of_who_it_is(minute: tuple[Phone, Phone, Told]) -> None:
    customer, agent, told = minute
    names = {
        phone.leg: {packet.names for _, packets in reports_to(phone, told) for packet in packets if isinstance(packet, SourceDescription)}
        for phone in (customer, agent)
    }
    for phone in (customer, agent):
        (((ssrc, name),),) = names[phone.leg]
        assert ssrc == phone.got[0].ssrc
        assert len(bytes.fromhex(name.decode())) == 12


def test_a_block_tells_what_of_the_legs_stream_was_lost() -> None:
    house, customer, _ = muxed_call()
    run(house, 4.0)
    for _ in range(30):
        customer.next_packet()
    (block, *_) = blocks_about(customer, run(house, 6.0))
    assert (block.ssrc, block.lost) == (customer.ssrc, 30)
    assert 0 < block.fraction_lost < 64
    last = blocks_about(customer, run(house, 8.0))[-1]
    assert (last.lost, last.fraction_lost) == (30, 0)
    assert last.highest == pytest.approx(customer.sequence - 1, abs=400)


def test_a_block_extends_numbers_over_their_end() -> None:
    house, customer, _ = muxed_call()
    customer.sequence = 65_500
    block = blocks_about(customer, run(house, 8.0))[-1]
    assert block.highest > 65_536
    assert block.lost == 0


def test_a_new_stream_of_a_leg_is_counted_from_its_beginning() -> None:
    house, customer, _ = muxed_call()
    run(house, 4.0)
    for _ in range(30):
        customer.next_packet()
    run(house, 3.0)
    customer.ssrc, customer.sequence = 0xABCDEF, 9000
    block = blocks_about(customer, run(house, 8.0))[-1]
    assert (block.ssrc, block.lost, block.fraction_lost) == (0xABCDEF, 0, 0)


def test_a_new_stream_of_one_leg_is_not_seen_by_the_other() -> None:
    house, customer, agent = muxed_call(ptime_ms=60)
    before = run(house, 10.0)
    customer.ssrc, customer.sequence, customer.timestamp = 0xABCDEF, 9000, 77
    after = run(house, 10.0)
    ours = sender_reports(agent, before) + sender_reports(agent, after)
    assert {report.ssrc for _, report in ours} == {agent.got[0].ssrc}
    counts = [report.packets for _, report in ours]
    assert counts == sorted(counts)
    for (first_at, first), (at, report) in pairwise(ours):
        assert (report.timestamp - first.timestamp) % 2**32 == pytest.approx((at - first_at) * 8000, abs=400)


def test_a_leg_that_fell_silent_gets_no_block_about_it() -> None:
    house, customer, _ = muxed_call(ptime_ms=60)
    run(house, 6.0)
    customer.talking = False
    run(house, 7.0)
    assert not blocks_about(customer, run(house, 10.0))


def test_jitter_is_told_in_ticks(minute: tuple[Phone, Phone, Told]) -> None:
    customer, _, told = minute
    assert 0 <= blocks_about(customer, told)[-1].jitter < 40


def test_the_delay_since_a_legs_own_report_is_told() -> None:
    house, customer, _ = muxed_call()
    run(house, 1.0)
    time = ntp(WALL + house.now)
    say(house, customer, SenderReport(customer.ssrc, time, 0, 0, 0))
    said_at = house.now
    told = run(house, 6.0)
    (at, _), *_ = reports_to(customer, told)
    (block, *_) = blocks_about(customer, told)
    assert block.last_report == middle(time)
    assert block.delay == pytest.approx((at - said_at) * 65_536, abs=500)


def test_a_receivers_clock_is_answered() -> None:
    house, customer, _ = muxed_call()
    run(house, 1.0)
    time = ntp(WALL + house.now)
    say(house, customer, ReceiverReport(customer.ssrc), ExtendedReport(customer.ssrc, (ReceiverReferenceTime(time),)))
    said_at = house.now
    (at, packets), *_ = reports_to(customer, run(house, 6.0))
    (extended,) = [packet for packet in packets if isinstance(packet, ExtendedReport)]
    (answer,) = [block for block in extended.blocks if isinstance(block, DelaySinceReference)]
    assert (answer.ssrc, answer.last_reference) == (customer.ssrc, middle(time))
    assert answer.delay == pytest.approx((at - said_at) * 65_536, abs=500)


def test_the_round_trip_is_measured_at_the_answer_to_a_sender_report() -> None:
    house, customer, agent = muxed_call()
    at, report = sender_reports(agent, run(house, 6.0))[-1]
    house.run(0.040)
    held = 0.5
    house.run(held)
    house.run(0.040)
    passed = house.now - at
    say(house, agent, ReceiverReport(agent.ssrc, (block_on(agent.got, last_report=middle(report.ntp), delay=delay_units(held)),)))
    house.run(0.01)
    assert house.state.report.round_trip[agent.row] == pytest.approx(passed - held, abs=0.004)
    assert house.state.report.round_trip[customer.row] == 0.0


def test_a_receiver_without_a_stream_has_a_round_trip_too() -> None:
    house, customer, _ = muxed_call()
    house.set_media(1, rtcp_mux=True, remote_receives=False)
    at, packets = reports_to(customer, run(house, 8.0))[-1]
    (extended,) = [packet for packet in packets if isinstance(packet, ExtendedReport)]
    (clock,) = [block for block in extended.blocks if isinstance(block, ReceiverReferenceTime)]
    house.run(0.1)
    passed = house.now - at
    answer = DelaySinceReference(int(house.state.sender.ssrc[customer.row]), middle(clock.ntp), delay_units(0.05))
    say(house, customer, ExtendedReport(customer.ssrc, (answer,)))
    house.run(0.01)
    assert house.state.report.round_trip[customer.row] == pytest.approx(passed - 0.05, abs=0.004)


def test_a_leg_gets_a_goodbye_when_it_is_closed() -> None:
    house, _, agent = muxed_call()
    run(house, 6.0)
    house.command(CloseLeg(2))
    ((_, packets),) = reports_to(agent, run(house, 0.01))
    assert packets[-1] == Goodbye((agent.got[0].ssrc,))
    assert isinstance(packets[0], SenderReport)
    assert not reports_to(agent, run(house, 10.0))


def test_who_never_got_a_report_gets_no_goodbye() -> None:
    house, _, agent = muxed_call()
    house.run(0.2)
    house.command(CloseLeg(2))
    assert not reports_to(agent, run(house, 5.0))


def test_reports_of_many_legs_never_go_in_one_turn() -> None:
    house = House(rows=200, calls=100)
    for leg in range(1, 151):
        house.join(leg, leg // 2, "customer" if leg % 2 else "agent", rtcp_mux=True)
    house.run(0.1)
    house.state.report.next_at[:150] = 0.0
    told = []
    for _ in range(200):
        house.step()
        told.append(len(house.turn.reports.outgoing))
        house.turn.reports.outgoing.clear()
    assert max(told) == 32
    assert sum(told) == sum(phone.talking for phone in house.phones.values())


def test_a_row_of_an_ended_leg_keeps_nothing_of_its_reports() -> None:
    house, customer, _ = muxed_call()
    run(house, 6.0)
    house.command(CloseLeg(1))
    house.run(0.3)
    report = house.state.report
    assert not report.sent_at[customer.row]
    assert not report.name[customer.row].any()
    assert report.next_at[customer.row] == float("inf")


def test_where_there_are_very_many_legs_each_is_told_less_often() -> None:
    house, customer, _ = muxed_call(ptime_ms=60)
    run(house, 4.0)
    crowd = dict.fromkeys(range(1000, 4000), house.roster.legs[1])
    house.roster.legs.update(crowd)
    times = [at for at, _ in reports_to(customer, run(house, 80.0))]
    between = [later - earlier for earlier, later in pairwise(times)][1:]
    assert all(4.8 < seconds < 14.9 for seconds in between)
    assert sum(between) / len(between) > 7.0
