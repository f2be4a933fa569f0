"""Secured legs: audio through them as through plain ones, and nothing that is not genuine."""

from typing import Any

import numpy as np
import pytest

from mediaserver.link.messages import CloseLeg, Command, Refused, SetMedia, SetMode
from tests.mediaserver.worker.secured import PROFILES, SecuredHouse, key_of, line_of
from tests.mediaserver.worker.simulated import Phone

SUITES = sorted(PROFILES)


def heard(listener: Phone, speaker: Phone) -> list[bytes]:
    """The payloads that a listener got and the speaker said."""
    said = set(speaker.said)
    return [sent.payload for sent in listener.got if sent.payload in said]


@pytest.mark.parametrize("suite", SUITES)
def test_a_secured_and_a_plain_party_hear_each_other_bit_by_bit(suite: str) -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of(suite))
    agent = house.join(2, 7, "agent")
    house.run(1.0)
    assert len(heard(customer, agent)) >= 48
    assert len(heard(agent, customer)) >= 48
    assert house.lines[customer.row].strange == []
    assert house.counted(customer) == {}


@pytest.mark.parametrize("suite", SUITES)
def test_two_secured_parties_hear_each_other_bit_by_bit(suite: str) -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of(suite, 1))
    agent = house.join_secured(2, 7, "agent", line_of("AEAD_AES_256_GCM", 2))
    house.run(1.0)
    assert len(heard(customer, agent)) >= 48
    assert len(heard(agent, customer)) >= 48


def test_where_a_leg_is_secured_nothing_goes_before_it_is_closed() -> None:
    house = SecuredHouse()
    house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    early: list[int] = []
    house.turn.send_relayed = lambda: early.append(house.turn.outbox.count)
    house.run(0.1)
    assert len(agent.got) > 2
    assert early == []


def test_nothing_goes_to_a_secured_leg_as_it_was_said() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    house.run(0.5)
    raw = house.lines[customer.row].raw
    assert len(raw) > 20
    assert not any(said in packet for packet in raw for said in agent.said)
    assert all(len(packet) == 12 + 160 + 10 for packet in raw)


def test_a_secured_supervisor_whispers_to_a_secured_agent_and_the_customer_hears_no_bit_of_it() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of(number=1))
    agent = house.join_secured(2, 7, "agent", line_of("AEAD_AES_128_GCM", 2))
    house.run(0.5)
    boss = house.join_secured(3, 7, "supervisor", line_of("AES_CM_128_HMAC_SHA1_32", 3))
    house.command(*whisper(3))
    boss.tone = 700.0
    house.run(1.0)
    assert all(sent.payload in set(agent.said) for sent in customer.got)
    late = agent.got[-20:]
    assert not any(sent.payload in set(customer.said) for sent in late)
    assert len(boss.got) > 40
    assert [house.lines[phone.row].strange for phone in (customer, agent, boss)] == [[], [], []]


def test_plain_packets_on_a_secured_leg_are_counted_and_heard_by_nobody() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    house.run(0.2)
    customer.talking = False
    before = len(agent.got)
    for _ in range(20):
        house.arrive_as_it_is(customer, customer.next_packet())
        house.run(0.02)
    assert heard(agent, customer)[before:] == []
    assert house.counted(customer) == {"dropped_srtp_authentication": 20}


def test_what_comes_again_is_counted_and_heard_once() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    house.run(0.5)
    shut = house.lines[customer.row].shut
    customer.talking = False
    heard_before = len(heard(agent, customer))
    for packet in shut[-10:]:
        house.arrive_as_it_is(customer, packet)
        house.run(0.02)
    assert house.counted(customer) == {"dropped_srtp_replayed": 10}
    assert len(heard(agent, customer)) == heard_before


def test_what_is_too_short_or_too_long_or_no_rtp_is_malformed() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    house.join(2, 7, "agent")
    house.run(0.1)
    for datagram in (b"\x80", bytes([0x80]) + bytes(20), bytes([0x80]) + bytes(1471), bytes(100)):
        house.arrive_as_it_is(customer, datagram)
        house.step()
    assert house.counted(customer) == {"dropped_srtp_malformed": 4}


def test_reordered_packets_are_not_repeated_ones() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    customer.talking = False
    packets = [customer.next_packet() for _ in range(4)]
    for index in (0, 2, 1, 3):
        house.arrive(customer, packets[index])
        house.run(0.02)
    assert house.counted(customer) == {}
    assert len(heard(agent, customer)) == 4


def test_counters_roll_over_both_ways() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    customer.sequence = 65_530
    house.state.sender.sequence[customer.row] = 65_530
    house.run(1.0)
    assert len(heard(customer, agent)) >= 48
    assert len(heard(agent, customer)) >= 48
    assert {sent.sequence for sent in customer.got} >= {65_535, 0, 1}
    assert house.lines[customer.row].strange == []


def test_a_first_packet_from_after_a_rollover_is_opened() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    customer.sequence = 65_530
    for _ in range(10):
        house.lines[customer.row].shutting.protect(customer.next_packet())  # never arrives
    house.run(0.5)
    assert len(heard(agent, customer)) >= 20
    assert house.counted(customer) == {}


def test_another_ssrc_under_the_same_key_is_heard_and_the_old_one_cannot_be_repeated() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    house.run(0.3)
    old = house.lines[customer.row].shut[-5:]
    customer.ssrc = 0xABCD
    house.run(0.3)
    before = len(heard(agent, customer))
    assert before >= 25
    customer.talking = False
    for packet in old:
        house.arrive_as_it_is(customer, packet)
        house.run(0.02)
    assert house.counted(customer) == {"dropped_srtp_replayed": 5}
    assert len(heard(agent, customer)) == before


def test_many_ssrcs_leave_no_more_streams_than_are_remembered() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    for ssrc in range(100, 120):
        customer.ssrc = ssrc
        house.run(0.04)
    assert sorted(house.state.index.ssrc[customer.row].tolist()) == [116, 117, 118, 119]
    assert len(heard(agent, customer)) >= 35


def test_keys_are_gone_with_the_leg() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    house.join(2, 7, "agent")
    house.run(0.2)
    row = customer.row
    assert house.state.secured.send_key[row].any()
    house.command(CloseLeg(1))
    house.run(0.3)
    secured, index = house.state.secured, house.state.index
    assert not any(array[row].any() for array in (secured.suite, secured.send_key, secured.receive_key, secured.following))
    assert (index.ssrc[row] == -1).all()


def test_a_row_that_was_secured_carries_plain_audio_for_the_next_leg() -> None:
    house = SecuredHouse(rows=2)
    customer = house.join_secured(1, 7, "customer", line_of())
    house.join(2, 7, "agent")
    house.run(0.2)
    house.command(CloseLeg(1), CloseLeg(2))
    house.run(0.3)
    del house.lines[customer.row]
    house.phones.clear()
    another, agent = house.join(3, 8, "customer"), house.join(4, 8, "agent")
    house.run(0.3)
    assert len(heard(agent, another)) >= 10
    assert len(heard(another, agent)) >= 10


@pytest.mark.parametrize(
    "keys",
    [
        {"srtp_suite": "NULL", "srtp_send_key": bytes(30), "srtp_receive_key": bytes(30)},
        {"srtp_suite": "AES_CM_128_HMAC_SHA1_80", "srtp_send_key": bytes(30), "srtp_receive_key": bytes(16)},
        {"srtp_suite": "AEAD_AES_256_GCM", "srtp_send_key": bytes(28), "srtp_receive_key": bytes(28)},
        {"srtp_suite": "", "srtp_send_key": bytes(30), "srtp_receive_key": bytes(30)},
    ],
)
def test_keys_that_do_not_fit_are_refused_and_told_without_them(keys: dict[str, Any]) -> None:
    house = SecuredHouse()
    house.join(1, 7, "customer")
    number = house.set_media(1, **keys)
    house.step()
    answer = house.answer(number)
    assert isinstance(answer, Refused)
    assert answer.code == "bad_value"
    assert not house.state.secured.suite.any()


def test_commands_do_not_print_keys() -> None:
    key = key_of("AES_CM_128_HMAC_SHA1_80", 3)
    command = SetMedia(1, "", 0, "PCMU", 0, 0, 20, -1, -1, True, True, srtp_suite="AES_CM_128_HMAC_SHA1_80", srtp_send_key=key)
    assert repr(key)[2:-1] not in repr(command)


def test_a_packet_for_which_there_is_no_room_is_not_sent() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    house.run(0.2)
    agent.talking = False
    before = len(house.lines[customer.row].raw)
    house.arrive(agent, agent.packet(bytes(1455)))
    house.step()
    assert len(house.lines[customer.row].raw) == before
    assert house.counted(customer) == {"srtp_unsent": 1}
    assert house.state.count.sent[customer.row] == np.uint64(before)


def whisper(leg: int) -> list[Command]:
    """The commands for a whisper to the agent."""
    return [SetMode(leg, "whisper", "agent")]
