"""Telephone-events: relayed between the parties in the same number space, told once, never from a supervisor."""

from itertools import pairwise

import numpy as np
import pytest

from mediaserver.link.messages import DigitReceived, LoadSound, Play, SetMode
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.tone_digits import ToneDigits
from mixer.dtmf import Finder, Presses
from rtp.digits import scale_duration
from tests.mediaserver.worker.hearing import assert_numbers_hold
from tests.mediaserver.worker.simulated import House, Phone, Sent
from tests.mediaserver.worker.speaking import MEDIA
from tests.mediaserver.worker.test_hold_and_music import lent_sound


def press(house: House, phone: Phone, digit: int, *, ends: int = 3) -> None:
    """Send a whole event as a phone does: three packets, then the end packet so many times; audio pauses meanwhile."""
    phone.talking = False
    start = phone.timestamp
    for count in range(3):
        payload = bytes([digit, 10]) + (160 * (count + 1)).to_bytes(2, "big")
        house.arrive(phone, phone.packet(payload, payload_type=101, marker=count == 0, timestamp=start))
        house.run(0.02)
    for _ in range(ends):
        house.arrive(phone, phone.packet(bytes([digit, 0x8A]) + (640).to_bytes(2, "big"), payload_type=101, timestamp=start))
        house.run(0.002)
    phone.talking = True


def events(got: list[Sent], payload_type: int = 101) -> list[Sent]:
    return [packet for packet in got if packet.payload_type == payload_type]


def call() -> tuple[House, Phone, Phone, Phone]:
    house = House()
    phones = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.supervise(3, 10)
    house.run(0.2)
    return house, *phones


def test_an_event_is_told_once_at_its_first_end_packet() -> None:
    house, customer, _, supervisor = call()
    press(house, customer, 5)
    press(house, supervisor, 11)
    digits = [notice for notice in house.notices if isinstance(notice, DigitReceived)]
    assert digits == [DigitReceived(1, "5", 80), DigitReceived(3, "#", 80)]


def test_all_packets_of_an_event_are_relayed_under_one_timestamp_with_the_mark() -> None:
    house, customer, agent, _ = call()
    offset = (agent.got[-1].timestamp - customer.timestamp + 160) % (1 << 32)
    start = customer.timestamp
    press(house, customer, 7)
    house.run(0.2)
    relayed = events(agent.got)
    assert [packet.marker for packet in relayed] == [True, False, False, False, False, False]
    assert {(packet.timestamp - offset) % (1 << 32) for packet in relayed} == {start}
    assert [packet.payload[1] for packet in relayed[-3:]] == [0x8A] * 3
    sequences = [packet.sequence for packet in agent.got]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


def test_the_payload_type_is_the_listeners_own() -> None:
    house, customer, agent, _ = call()
    house.set_media(2, send_digit_payload_type=96)
    press(house, customer, 7)
    assert len(events(agent.got, 96)) == 6


def test_an_event_lasts_as_long_by_the_clock_of_whom_it_is_relayed_to() -> None:
    house, customer, agent, _ = call()
    house.set_media(2, digit_clock_rate=48_000)
    press(house, customer, 7)
    durations = [int.from_bytes(packet.payload[2:4], "big") for packet in events(agent.got)]
    assert durations == [960, 1920, 2880, 3840, 3840, 3840]
    press(house, agent, 7)
    assert [notice.duration_ms for notice in house.notices if isinstance(notice, DigitReceived)] == [80, 13]
    assert int.from_bytes(events(customer.got)[-1].payload[2:4], "big") == 106


def test_a_duration_that_does_not_fit_is_the_longest_that_does() -> None:
    payload = np.array([7, 10, 0x40, 0], dtype=np.uint8)
    scale_duration(payload, 8000, 48_000)
    assert bytes(payload[2:]) == b"\xff\xff"


def heard_digits(phone: Phone) -> list[tuple[int, int]]:
    """Digits in what a phone heard, and for how many windows of 10 ms each."""
    samples = np.concatenate([packet.samples for packet in phone.got if packet.payload_type == 0])
    finder, presses, told, one = Finder(8000), Presses(1), [], np.array([0])
    for start in range(0, len(samples) - finder.window + 1, 80):
        digit = int(presses.pressed[0])
        if presses.note(one, finder.find(samples[start : start + finder.window][None]))[1][0]:
            told.append((digit, int(presses.lasted[0])))
    return told


def without_events(leg: int = 2) -> tuple[House, Phone, Phone, Phone]:
    """A call in which one leg has no telephone-event, and everybody is silent."""
    house, customer, agent, supervisor = call()
    for phone in (customer, agent, supervisor):
        phone.tone, phone.level = 1.0, 0.0
    house.set_media(leg, send_digit_payload_type=-1)
    house.run(0.1)
    return house, customer, agent, supervisor


def test_without_telephone_events_at_the_listener_he_hears_tones() -> None:
    house, customer, agent, supervisor = without_events()
    press(house, customer, 7)
    house.run(0.3)
    ((digit, windows),) = heard_digits(agent)
    assert digit == 7
    assert 6 <= windows <= 12
    assert not events(agent.got)
    assert heard_digits(supervisor) == []
    assert house.memory.counters(customer.row)["digits_unrelayed"] == 0


def test_a_digit_that_is_over_at_once_is_a_tone_that_any_receiver_takes() -> None:
    house, customer, agent, _ = without_events()
    house.arrive(customer, customer.packet(bytes([5, 0x8A, 0, 160]), payload_type=101, marker=True))
    house.run(0.3)
    assert [digit for digit, _ in heard_digits(agent)] == [5]


def test_the_tone_of_an_event_whose_end_is_lost_ends() -> None:
    house, customer, agent, _ = without_events()
    press(house, customer, 3, ends=0)
    house.run(1.0)
    ((digit, windows),) = heard_digits(agent)
    assert digit == 3
    assert windows <= 26


def test_after_the_tone_the_source_is_passed_through_again() -> None:
    house, customer, agent, _ = without_events()
    press(house, customer, 7)
    house.run(0.3)
    customer.tone = 0.0
    house.run(0.2)
    house.run(0.1)
    assert agent.got[-1].payload == customer.said[-1]
    assert_numbers_hold(agent.got, without_gaps=False)


def test_who_hears_a_prompt_gets_no_tones_and_that_is_counted() -> None:
    house, customer, agent, _ = without_events()
    house.command(LoadSound("music"), descriptors=(lent_sound(),))
    house.command(Play(2, "music", loop=True))
    house.run(0.1)
    press(house, customer, 7)
    house.run(0.2)
    assert heard_digits(agent) == []
    assert house.memory.counters(customer.row)["digits_unrelayed"] == 6


def test_an_heir_lets_the_tones_of_the_dead_fade() -> None:
    house, customer, agent, _ = without_events()
    press(house, customer, 7, ends=0)
    assert house.state.mix.sound[agent.row] >= 0
    ToneDigits(house.state, Sounds(), lambda row: None)
    house.run(0.1)
    assert house.state.mix.sound[agent.row] < 0


def test_a_supervisors_digits_are_never_relayed() -> None:
    house, customer, agent, supervisor = call()
    house.command(SetMode(3, "barge", "agent"))
    house.run(0.1)
    press(house, supervisor, 4)
    house.run(0.1)
    assert not events(customer.got)
    assert not events(agent.got)


def test_supervisors_are_sent_no_digits() -> None:
    house, customer, _, supervisor = call()
    press(house, customer, 4)
    house.run(0.1)
    assert not events(supervisor.got)


def test_an_event_never_clocks_a_mixed_listener_and_shares_his_numbers() -> None:
    house, customer, agent, _ = call()
    house.command(SetMode(3, "whisper", "agent"))
    house.run(0.2)
    press(house, customer, 7)
    house.run(0.3)
    assert len(events(agent.got)) == 6
    audio = [packet for packet in agent.got if packet.payload_type == 0]
    assert_numbers_hold(audio, without_gaps=False)
    sequences = [packet.sequence for packet in agent.got]
    assert len(set(sequences)) == len(sequences)
    assert audio[-1].at - audio[-2].at < 0.025


def test_a_muted_partys_digits_are_not_relayed() -> None:
    house, customer, agent, _ = call()
    house.set_media(1, remote_sends=False)
    house.run(0.2)
    press(house, customer, 7)
    assert not events(agent.got)


def test_digits_reach_a_listener_with_another_packet_time_under_its_own_numbers() -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer"), house.join(2, 10, "agent", ptime_ms=30)
    house.run(0.3)
    press(house, customer, 9)
    house.run(0.2)
    assert len(events(agent.got)) == 6
    assert len({packet.timestamp for packet in events(agent.got)}) == 1
    sequences = [packet.sequence for packet in agent.got]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


def test_digits_of_a_third_party_take_numbers_that_nobody_else_gets() -> None:
    house, customer, agent, _ = call()
    third = house.join(4, 10, "outside")
    house.run(0.3)
    press(house, third, 6)
    house.run(0.3)
    for phone in (customer, agent):
        assert len(events(phone.got)) == 6
        sequences = [packet.sequence for packet in phone.got]
        assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


def test_parties_who_all_press_at_once_leave_room_for_the_audio_and_what_finds_none_is_counted() -> None:
    house = House(rows=4, calls=1)
    parties = [house.join(leg, 10, "outside") for leg in range(1, 5)]
    house.run(0.3)
    before = [len(phone.got) for phone in parties]
    for phone in parties:
        phone.talking = False
        house.arrive(phone, phone.packet(bytes([3, 10, 0, 160]), payload_type=101, marker=True))
    house.step()
    relayed = sum(len(events(phone.got)) for phone in parties)
    unrelayed = sum(house.memory.counters(phone.row)["digits_unrelayed"] for phone in parties)
    assert (relayed, unrelayed) == (4, 8)
    for phone in parties:
        phone.talking = True
    house.run(0.3)
    assert all(len(phone.got) > count + 10 for phone, count in zip(parties, before, strict=True))


DIGIT_CLOCKS = {"L16 wide": 16_000, "OPUS": 48_000}
"""Ticks a second of telephone-events beside a codec, where they are not 8000."""


@pytest.mark.parametrize("seed", range(8))
def test_between_any_two_clocks_all_that_came_of_an_event_goes_on_with_its_start_and_length_beside_the_audio(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codecs = [str(rng.choice(list(MEDIA))) for _ in range(2)]
    ours, theirs = (DIGIT_CLOCKS.get(codec, 8000) for codec in codecs)
    house = House()
    customer, agent = (
        house.join(leg, 10, role, digit_clock_rate=clock, **MEDIA[codec])
        for leg, role, clock, codec in ((1, "customer", ours, codecs[0]), (2, "agent", theirs, codecs[1]))
    )
    house.supervise(3, 10, str(rng.choice(["listen", "whisper"])))
    house.run(0.3)
    sent, start = [], customer.timestamp
    for count in range(1, 13):
        lasted, ends = min(count, 10) * ours // 50, count >= 10
        packet = customer.packet(bytes([7, 0x80 * ends | 10]) + lasted.to_bytes(2, "big"), payload_type=101, timestamp=start)
        if rng.random() < 0.85:
            sent.append((ends, lasted))
            house.arrive(customer, packet)
        house.run(0.02 if count < 10 else 0.004)
    house.run(0.3)
    relayed = events(agent.got)
    assert [(bool(packet.payload[1] & 0x80), int.from_bytes(packet.payload[2:], "big")) for packet in relayed] == [
        (ends, lasted * theirs // ours) for ends, lasted in sent
    ]
    assert len({packet.timestamp for packet in relayed}) == 1
    sequences = [packet.sequence for packet in agent.got]
    assert len(set(sequences)) == len(sequences)
    audio = [packet for packet in agent.got if packet.payload_type != 101]
    assert max(later.at - earlier.at for earlier, later in pairwise(audio)) < 0.045
    assert all(0 < (later.timestamp - earlier.timestamp) % (1 << 32) < 1 << 31 for earlier, later in pairwise(audio))
    assert [notice for notice in house.notices if isinstance(notice, DigitReceived)] == [DigitReceived(1, "7", 200)]
