"""The fuzz targets of the media plane: datagrams to a whole worker's core, to secured legs, headers and events by themselves, the link.

A worker that was given something is thrown away: what it does depends on these octets alone.
"""

from collections.abc import Iterator

import numpy as np

from mediaserver.link.messages import SetMode
from mediaserver.link.wire import LinkError, decode_frame, encode_frame, lends
from rtp.digits import LONGEST_DURATION, read_event, scale_duration
from rtp.header import AUDIO, DIGIT, HEADER, Refusals, parse
from tests.mediaserver.worker.secured import SecuredHouse, line_of
from tests.mediaserver.worker.simulated import House
from tests.mediaserver.worker.speaking import MEDIA

WIDTH = 1472
_MOST_DATAGRAMS = 12
_CLOCKS = (8_000, 16_000, 48_000)


def header(data: bytes) -> None:
    """One datagram: it is a packet whose payload lies inside of it, or one counter says why not."""
    matrix = np.zeros((1, WIDTH), dtype=np.uint8)
    datagram = data[:WIDTH]
    matrix[0, : len(datagram)] = np.frombuffer(datagram, dtype=np.uint8)
    kinds = np.zeros((1, 128), dtype=np.uint8)
    kinds[0, 0], kinds[0, 101] = AUDIO, DIGIT
    refusals = Refusals(*(np.zeros(1, dtype=np.uint64) for _ in range(5)))
    packets = parse(matrix, np.array([len(datagram)]), np.array([0]), kinds, refusals)
    refused = sum(int(getattr(refusals, name)[0]) for name in Refusals.__slots__)
    assert refused + len(packets) == 1, "a datagram is a packet or counted, once"
    if len(packets):
        size = int(packets.size[0])
        assert 0 < size <= len(datagram) - HEADER, "a payload that is not in its datagram"
        assert matrix[0, HEADER : HEADER + size].tobytes() in datagram, "a payload that nobody sent"


def event(data: bytes) -> None:
    """A telephone-event at every pair of clocks: it lasts as long, or as long as can be said."""
    told = read_event(data)
    if told is None:
        assert len(data) < 4, "an event that is not read"
        return
    for clock in _CLOCKS:
        for other in _CLOCKS:
            payload = np.frombuffer(data, dtype=np.uint8).copy()
            scale_duration(payload, clock, other)
            scaled = read_event(payload.tobytes())
            assert scaled is not None
            assert (scaled.digit, scaled.is_end) == (told.digit, told.is_end), "another event"
            assert scaled.duration == min(told.duration * other // clock, LONGEST_DURATION), "another length"


def turn(data: bytes) -> None:
    """Datagrams of a party, in any codec, to a worker with a whisper and a call beside: that one hears what it would have heard."""
    codec = tuple(MEDIA)[data[0] % len(MEDIA)] if data else "PCMU"
    house = House(rows=6, calls=2, seats=4)
    evil, victim = house.join(1, 10, "customer", **MEDIA[codec]), house.join(2, 10, "agent")
    house.supervise(3, 10, "whisper")
    house.command(SetMode(3, "whisper", "agent"))
    customer, agent = house.join(4, 20, "customer"), house.join(5, 20, "agent")
    evil.talking = False
    house.run(0.03)
    for datagram in _cut(data[1:]):
        if datagram:
            house.arrive(evil, datagram[:WIDTH])
        house.run(0.008)
    house.run(0.03)
    assert [packet.payload for packet in agent.got] == customer.said[: len(agent.got)], "a call hears what came to another"
    numbers = [packet.sequence for packet in victim.got]
    assert len(set(numbers)) == len(numbers), "a number goes out twice"


def secured(data: bytes) -> None:
    """Datagrams without the key to a secured leg: none is taken for its packet."""
    house = SecuredHouse(rows=3, calls=1, seats=3)
    line = line_of()
    customer, agent = house.join_secured(1, 10, "customer", line), house.join(2, 10, "agent")
    customer.talking = agent.talking = False
    sent = 0
    for datagram in _cut(data):
        if datagram:
            house.arrive_as_it_is(customer, datagram[:WIDTH])
            sent += 1
        house.step()
    counters = house.memory.counters(customer.row)
    assert counters["received"] == counters["rtcp_received"] == 0, "somebody without the key is heard"
    refused = sum(value for name, value in counters.items() if name.startswith("dropped_"))
    assert refused == sent, "what is not genuine is counted, once"
    customer.talking = True
    house.run(0.1)
    assert [packet for packet in agent.got if packet.payload in customer.said], "who has the key is heard no more"


def link(data: bytes) -> None:
    """A frame of the link: it is one, and comes out as it went in, or a `LinkError`."""
    try:
        messages = decode_frame(data)
    except LinkError:
        return
    encoded = encode_frame(messages)
    assert encode_frame(decode_frame(encoded)) == encoded, "a frame changes on its way"
    for _, message in messages:
        assert lends(message) >= 0, "a message that lends less than nothing"


def _cut(data: bytes) -> Iterator[bytes]:
    """Datagrams, each behind two bytes that say how long it is."""
    for _ in range(_MOST_DATAGRAMS):
        if len(data) < 2:
            return
        size = int.from_bytes(data[:2], "big")
        yield data[2 : 2 + size]
        data = data[2 + size :]
