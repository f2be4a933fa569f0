"""SRTP of the bench's phones: agreed on in descriptions, closed where it is sent, and refused where it is not genuine."""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from bench.generator.memory import Memory, Size
from bench.generator.messages import Start
from bench.generator.phones.description import Description, parse_description
from bench.generator.receiver import Receiver
from bench.generator.secrecy import SUITES, Crypto, Keys
from bench.generator.sender import SLOTS, Sender
from bench.generator.signals import Code, render
from bench.generator.sockets import Sockets
from rtp.loops import Lines

SUITE = "AES_CM_128_HMAC_SHA1_80"


def turned(agreed: Keys) -> Keys:
    """The other side's."""
    return replace(agreed, sent=agreed.received, received=agreed.sent)


@dataclass
class Ear:
    """A secured leg that listens on a real socket."""

    memory: Memory
    receiver: Receiver
    sockets: Sockets
    sender: socket.socket

    def bring(self, data: bytes) -> None:
        self.sender.send(data)
        self.receiver.put_by(self.sockets.receive())
        self.receiver.settle()


@pytest.fixture
def agreed() -> Keys:
    return Keys.draw(SUITE)


@pytest.fixture
def ear(agreed: Keys) -> Iterator[Ear]:
    memory = Memory(Size(legs=1, recorded=4))
    sockets = Sockets(1)
    receiver = Receiver(memory, sockets)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", *sockets.open(("127.0.0.1",))))
        sockets.watch(0)
        receiver.start(0, 0, 101, True, turned(agreed))
        yield Ear(memory, receiver, sockets, sender)
    sockets.close()


def packet(sequence: int, payload: bytes = bytes(range(160))) -> bytes:
    return struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, sequence * 160, 9) + payload


def test_what_is_genuine_is_kept_as_it_was_before_it_was_closed(ear: Ear, agreed: Keys) -> None:
    ear.bring(agreed.closing()(packet(7)))
    assert ear.memory.record_payload[0].tobytes() == bytes(range(160))
    assert (ear.memory.received[0], ear.memory.refused[0]) == (1, 0)


@pytest.mark.parametrize("broken", ["plain", "forged", "again"])
def test_what_is_not_is_refused_and_counts_as_nothing_else(ear: Ear, agreed: Keys, broken: str) -> None:
    closed = agreed.closing()(packet(7))
    if broken == "again":
        ear.bring(closed)
    came = int(ear.memory.received[0])
    ear.bring({"plain": packet(8), "forged": closed[:-1] + bytes([closed[-1] ^ 1]), "again": closed}[broken])
    assert ear.memory.refused[0] == 1
    assert (ear.memory.received[0] - came, ear.memory.strange[0]) == (0, 0)


def test_silence_is_told_from_a_voice(ear: Ear, agreed: Keys) -> None:
    close = agreed.closing()
    ear.bring(close(packet(1, bytes([0xFF]) * 160)))
    assert ear.memory.last_voice[0] == 0
    ear.bring(close(packet(2)))
    assert ear.memory.last_voice[0] == ear.memory.last_arrival[0] > 0


@pytest.mark.parametrize("suite", SUITES)
def test_a_secured_leg_sends_what_the_other_side_opens_over_the_end_of_the_numbers(suite: str) -> None:
    sent: list[bytes] = []
    outbox = Lines.make(np.zeros((3, 200), np.uint8))
    signal, agreed = Code(seed=1, frames=4), Keys.draw(suite)
    sender = Sender(Memory(Size(legs=1)), outbox, lambda _: sent.append(outbox.matrix[0, : outbox.lengths[0]].tobytes()), bank_frames=4)
    sender.load(signal, "PCMU", render(signal, "PCMU"))
    sender.start(Start(0, "", 0, "PCMU", signal, (0, 0), 101, False, agreed, first=65_534))
    for number in range(4 * SLOTS):
        sender.send_slot(number % SLOTS, 0.0)
    opening = turned(agreed).opening()
    opened = [opening(data) for data in sent]
    assert [int.from_bytes(data[2:4], "big") for data in opened] == [65_534, 65_535, 0, 1]
    assert np.array_equal(np.array([list(data[12:]) for data in opened]), render(signal, "PCMU"))
    assert not any(data[12:] in closed for data, closed in zip(opened, sent, strict=True))


def test_a_description_says_its_keys_and_is_read_with_them() -> None:
    crypto = Crypto.draw(SUITE)
    written = Description("127.0.0.2", 4000, cryptos=(crypto,)).encode()
    assert b"RTP/SAVP" in written
    assert parse_description(written).cryptos == (crypto,)


def test_an_answer_takes_the_line_of_its_suite_under_its_tag_and_the_offers_profile() -> None:
    ours, theirs = Crypto.draw("AEAD_AES_128_GCM"), [Crypto.draw(SUITE), replace(Crypto.draw("AEAD_AES_128_GCM"), tag=3)]
    offer = parse_description(Description("127.0.0.2", 4000, cryptos=tuple(theirs), profile="RTP/AVP").encode())
    answer = Description("127.0.0.3", 4002, cryptos=(ours,)).answering(offer)
    assert answer.cryptos == (replace(ours, tag=3),)
    assert b"RTP/AVP" in answer.encode()


def test_an_offer_without_the_suite_is_answered_plainly() -> None:
    offer = parse_description(Description("127.0.0.2", 4000).encode())
    answer = Description("127.0.0.3", 4002, cryptos=(Crypto.draw(SUITE),)).answering(offer)
    assert b"crypto" not in answer.encode()


def test_suites_that_the_bench_does_not_have_are_passed_over() -> None:
    assert Crypto.parse("1 AES_256_CM_HMAC_SHA1_80 inline:" + "A" * 62) is None
