"""Headers parsed as arrays, against a parser that takes one packet at a time; and built as arrays."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtp.arrays import Bytes
from rtp.header import AUDIO, DIGIT, HEADER, Packets, Refusals, build, parse

WIDTH = 256


def refusals(rows: int) -> Refusals:
    return Refusals(*(np.zeros(rows, dtype=np.uint64) for _ in range(5)))


def kinds(rows: int) -> Bytes:
    table = np.zeros((rows, 128), dtype=np.uint8)
    table[:, 0] = AUDIO
    table[:, 101] = DIGIT
    return table


def parsed(datagrams: list[bytes]) -> tuple[Packets, Refusals, Bytes]:
    matrix = np.zeros((max(len(datagrams), 1), WIDTH), dtype=np.uint8)
    for line, datagram in enumerate(datagrams):
        matrix[line, : len(datagram)] = np.frombuffer(datagram, dtype=np.uint8)
    counted = refusals(len(datagrams))
    lengths = np.array([len(datagram) for datagram in datagrams], dtype=np.int64)
    return parse(matrix, lengths, np.arange(len(datagrams)), kinds(len(datagrams)), counted), counted, matrix


def expected(datagram: bytes) -> tuple[int, int, int, int, int, bytes] | str:
    """Kind, marker, sequence, timestamp, ssrc, payload of RFC 3550 §5.1; or the counter that refuses it."""
    if len(datagram) < HEADER or len(datagram) >= WIDTH:
        return "dropped_size"
    if datagram[0] >> 6 != 2:
        return "dropped_version"
    kind = {0: AUDIO, 101: DIGIT}.get(datagram[1] & 0x7F)
    if kind is None:
        if 192 <= datagram[1] <= 223:
            return "dropped_rtcp"
        return "dropped_comfort_noise" if datagram[1] & 0x7F == 13 else "dropped_payload_type"
    start = HEADER + 4 * (datagram[0] & 15)
    if datagram[0] & 0x10:
        if start + 4 > len(datagram):
            return "dropped_size"
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    padding = datagram[-1] if datagram[0] & 0x20 else 0
    if (datagram[0] & 0x20 and not padding) or start >= len(datagram) - padding:
        return "dropped_size"
    sequence, timestamp, ssrc = (int.from_bytes(datagram[a:b], "big") for a, b in ((2, 4), (4, 8), (8, 12)))
    return kind, datagram[1] & 0x80, sequence, timestamp, ssrc, datagram[start : len(datagram) - padding]


FIRST_BYTES = st.one_of(st.just(0x80), st.just(0x80), st.integers(0, 255))
SECOND_BYTES = st.one_of(st.sampled_from([0, 0x80, 101, 13, 200, 8]), st.integers(0, 255))
DATAGRAMS = st.one_of(
    st.binary(max_size=WIDTH),
    st.builds(lambda first, second, rest: bytes([first, second]) + rest, FIRST_BYTES, SECOND_BYTES, st.binary(min_size=8, max_size=200)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(DATAGRAMS, min_size=1, max_size=12))
def test_a_batch_is_read_like_one_packet_after_the_other(datagrams: list[bytes]) -> None:
    packets, counted, matrix = parsed(datagrams)
    wanted = [expected(datagram) for datagram in datagrams]
    kept = [row for row, outcome in enumerate(wanted) if not isinstance(outcome, str)]
    assert packets.row.tolist() == kept
    for index, row in enumerate(kept):
        size = int(packets.size[index])
        payload = matrix[packets.line[index], HEADER : HEADER + size].tobytes()
        numbers = (packets.kind, packets.marker, packets.sequence, packets.timestamp, packets.ssrc)
        assert (*(int(field[index]) for field in numbers), payload) == wanted[row]
    for row, outcome in enumerate(wanted):
        counts = {name: int(getattr(counted, name)[row]) for name in counted.__slots__}
        assert counts == {name: int(name == outcome) for name in counts}


NUMBERS = st.integers(0, 1 << 40)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 127), NUMBERS, NUMBERS, st.integers(0, 0xFFFF_FFFF))))
def test_what_is_built_is_what_is_read(fields: list[tuple[bool, int, int, int, int]]) -> None:
    out = np.zeros((len(fields), 20), dtype=np.uint8)
    columns = [np.array(column, dtype=np.int64) for column in zip(*fields, strict=True)] or [np.zeros(0, dtype=np.int64)] * 5
    marker, payload_type, sequence, timestamp, ssrc = columns
    build(out, marker * 0x80 | payload_type, sequence, timestamp, ssrc)
    for line, (marked, number, *rest) in zip(out, fields, strict=True):
        assert line[:2].tolist() == [0x80, 0x80 * marked | number]
        assert line[2:4].tobytes() == (rest[0] & 0xFFFF).to_bytes(2, "big")
        assert line[4:8].tobytes() == (rest[1] & 0xFFFF_FFFF).to_bytes(4, "big")
        assert line[8:12].tobytes() == rest[2].to_bytes(4, "big")
        assert not line[12:].any()
