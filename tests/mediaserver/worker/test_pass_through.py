"""Who hears one source alone gets its packets as they come: bits, gaps, marks, order, repeats."""

from itertools import pairwise

from tests.mediaserver.worker.simulated import House, Phone, Sent


def two_parties() -> tuple[House, Phone, Phone]:
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent")
    return house, customer, agent


def steps(values: list[int], modulus: int) -> set[int]:
    return {(later - earlier) % modulus for earlier, later in pairwise(values)}


def sequences(got: list[Sent]) -> list[int]:
    return [packet.sequence for packet in got]


def test_every_payload_arrives_bit_exact_and_in_the_turn_in_which_it_came() -> None:
    house, customer, agent = two_parties()
    house.run(1.0)
    assert [packet.payload for packet in agent.got] == customer.said
    assert [packet.payload for packet in customer.got] == agent.said
    house.step()
    house.arrive(customer, customer.next_packet())
    house.step()
    assert agent.got[-1].at == house.now - 0.002


def test_what_is_passed_through_may_go_before_others_are_mixed() -> None:
    house, customer, agent = two_parties()
    supervisor = house.supervise(3, 10)
    house.run(1.0)
    relayed: list[list[int]] = []
    house.turn.send_relayed = lambda: relayed.append(house.turn.outbox.rows.tolist())
    for phone in (customer, agent):
        house.arrive(phone, phone.next_packet())
    house.state.mix.next_due[supervisor.row] = house.now
    house.step()
    assert relayed == [[agent.row, customer.row]]
    assert sorted(house.turn.outbox.rows.tolist()) == sorted([agent.row, customer.row, supervisor.row])


def test_numbers_and_timestamps_follow_the_source_at_a_constant_offset() -> None:
    house, _, agent = two_parties()
    house.run(1.0)
    assert steps(sequences(agent.got), 1 << 16) == {1}
    assert steps([packet.timestamp for packet in agent.got], 1 << 32) == {160}
    assert len({packet.ssrc for packet in agent.got}) == 1


def test_a_sequence_that_wraps_goes_on_unbroken() -> None:
    house, customer, agent = two_parties()
    customer.sequence, customer.timestamp = 65_520, 0xFFFF_FFFF - 1000
    house.run(1.0)
    assert [packet.payload for packet in agent.got] == customer.said
    assert steps(sequences(agent.got), 1 << 16) == {1}
    assert steps([packet.timestamp for packet in agent.got], 1 << 32) == {160}


def test_a_loss_stays_a_gap_on_that_leg_alone() -> None:
    house, customer, agent = two_parties()
    house.run(0.2)
    before, other = len(agent.got), len(customer.got)
    customer.next_packet()
    house.run(0.2)
    gaps = [later.sequence - earlier.sequence for earlier, later in zip(agent.got, agent.got[1:], strict=False)]
    assert sorted(gaps)[-2:] == [1, 2]
    times = [later.timestamp - earlier.timestamp for earlier, later in zip(agent.got, agent.got[1:], strict=False)]
    assert times[gaps.index(2)] == 320
    assert len(agent.got) - before == 10
    assert len(customer.got) - other == 10
    assert house.memory.counters(customer.row)["lost"] == 1


def test_discontinuous_transmission_stays_discontinuous() -> None:
    house, customer, agent = two_parties()
    house.run(0.2)
    customer.talking = False
    house.run(0.5)
    quiet = len(agent.got)
    customer.talking = True
    house.arrive(customer, customer.packet(customer.payload(), marker=True))
    customer.timestamp += 160
    house.run(0.2)
    assert quiet == 10
    assert agent.got[quiet].marker
    assert agent.got[quiet].sequence == agent.got[quiet - 1].sequence + 1
    assert agent.got[quiet].timestamp - agent.got[quiet - 1].timestamp == 160 * 26


def test_reordered_packets_stay_reordered_and_repeated_ones_go_once() -> None:
    house, customer, agent = two_parties()
    house.run(0.2)
    first, second = customer.next_packet(), customer.next_packet()
    for packet in (second, first, second, first):
        house.arrive(customer, packet)
        house.step()
    tail = agent.got[-2:]
    assert [packet.payload for packet in tail] == [second[12:], first[12:]]
    assert tail[0].sequence == tail[1].sequence + 1
    assert len(agent.got) == 12
    counters = house.memory.counters(customer.row)
    assert (counters["duplicate"], counters["lost"]) == (2, 0)


def test_a_new_ssrc_upstream_is_invisible_downstream() -> None:
    house, customer, agent = two_parties()
    house.run(0.2)
    customer.ssrc, customer.sequence, customer.timestamp = 99, 40_000, 7
    house.run(0.2)
    assert [packet.payload for packet in agent.got] == customer.said
    assert steps(sequences(agent.got), 1 << 16) == {1}
    assert steps([packet.timestamp for packet in agent.got], 1 << 32) == {160}
    assert len({packet.ssrc for packet in agent.got}) == 1


def test_payload_types_are_mapped_and_the_marker_kept() -> None:
    house = House()
    customer = house.join(1, 10, "customer", receive_payload_type=96, send_payload_type=97)
    agent = house.join(2, 10, "agent")
    house.set_media(2, send_payload_type=0)
    customer.payload_type = 96
    house.step()
    house.arrive(customer, customer.packet(b"x" * 160, marker=True))
    house.arrive(agent, agent.next_packet())
    house.step()
    assert (agent.got[-1].payload_type, agent.got[-1].marker) == (0, True)
    assert (customer.got[-1].payload_type, customer.got[-1].marker) == (97, False)


def test_what_was_not_negotiated_is_dropped_and_counted_by_reason() -> None:
    house, customer, agent = two_parties()
    house.run(0.1)
    before = len(agent.got)
    rtcp = bytes([0x80, 200]) + bytes(26)
    unknown = [customer.packet(b"x" * 160, payload_type=number) for number in (13, 77)]
    for packet in (*unknown, b"\x40" * 172, b"\x80", rtcp):
        house.arrive(customer, packet)
    house.arrive(customer, bytes([0x80, 0]) + bytes(1470))
    for _ in range(7):
        house.step()
    counters = house.memory.counters(customer.row)
    assert len(agent.got) == before
    assert counters["dropped_comfort_noise"] == 1
    assert counters["dropped_payload_type"] == 1
    assert counters["dropped_version"] == 1
    assert counters["dropped_rtcp"] == 1
    assert counters["dropped_size"] == 2


def test_extensions_contributors_and_padding_are_cut_out_and_the_payload_kept() -> None:
    house, customer, agent = two_parties()
    house.run(0.1)
    payload = bytes(range(160))
    plain = customer.packet(payload)
    odd = bytes([0x80 | 0x20 | 0x10 | 2]) + plain[1:12] + bytes(8) + b"\xbe\xde\x00\x01" + bytes(4) + payload + b"\0\0\0\4"
    house.arrive(customer, odd)
    house.step()
    assert agent.got[-1].payload == payload
    assert agent.got[-1].sequence == agent.got[-2].sequence + 1


def test_three_parties_hear_each_other_mixed() -> None:
    house = House()
    customer, agent, outside = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.join(3, 10, "outside")
    for phone, tone in ((customer, 433.0), (agent, 701.0), (outside, 1103.0)):
        phone.tone = tone
    house.run(0.5)
    for phone in (customer, agent, outside):
        assert len(phone.got) in (24, 25, 26)
        assert steps(sequences(phone.got), 1 << 16) == {1}
        assert phone.got[-1].payload not in [*customer.said, *agent.said, *outside.said]
