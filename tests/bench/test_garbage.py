"""Garbage: what is sent at a leg's port is no audio to anybody, and bears the addresses that it is told to."""

import random
import socket
import struct

import numpy as np
import pytest

from bench.garbage import KINDS, datagram, payload
from rtp.header import AUDIO, Refusals, parse

WIDTH = 1472


def refused(content: bytes) -> list[str]:
    """The reasons for which a leg that speaks PCMU refuses a datagram; an empty one never comes so far."""
    matrix = np.zeros((1, WIDTH), dtype=np.uint8)
    cut = content[:WIDTH]
    matrix[0, : len(cut)] = np.frombuffer(cut, dtype=np.uint8)
    kinds = np.zeros((1, 128), dtype=np.uint8)
    kinds[0, 0] = AUDIO
    reasons = ("version", "payload_type", "comfort_noise", "size", "rtcp")
    counters = [np.zeros(1, dtype=np.uint64) for _ in reasons]
    packets = parse(matrix, np.array([len(cut)]), np.array([0]), kinds, Refusals(*counters))
    assert not len(packets)
    return [reason for reason, counter in zip(reasons, counters, strict=True) if counter[0]]


@pytest.mark.parametrize(
    ("kind", "reasons"),
    [
        ("truncated", {"size"}),
        ("wrong version", {"version"}),
        ("unknown payload type", {"payload_type"}),
        ("RTCP", {"size", "rtcp"}),
        ("too long", {"size"}),
        ("lies about its length", {"size"}),
    ],
)
def test_every_kind_is_refused_for_what_it_is(kind: str, reasons: set[str]) -> None:
    chance = random.Random(1)
    found = [refused(payload(kind, chance)) for _ in range(50)]
    assert all(len(each) == 1 for each in found)
    assert {reason for each in found for reason in each} <= reasons


def test_nothing_is_in_an_empty_one_and_anything_in_noise() -> None:
    chance = random.Random(1)
    assert payload("empty", chance) == b""
    assert len({payload("noise", chance)[:1] for _ in range(100)}) > 50
    assert set(KINDS) >= {"empty", "noise"}


def test_a_datagram_bears_the_addresses_that_it_is_told_to() -> None:
    packet = datagram(("127.0.0.2", 4000), ("127.0.0.1", 20_000), b"content")
    assert packet[0] == 0x45
    assert packet[9] == socket.IPPROTO_UDP
    assert (socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])) == ("127.0.0.2", "127.0.0.1")
    assert struct.unpack("!HHH", packet[20:26]) == (4000, 20_000, 8 + 7)
    assert packet[28:] == b"content"
