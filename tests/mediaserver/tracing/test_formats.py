"""What leaves the house of a trace: HEP packets, pcap files, ladders, and the records in between."""

import ipaddress
import struct

import pytest

from mediaserver.tracing.hep import encode_hep
from mediaserver.tracing.ladder import Rung, ladder, summary_of
from mediaserver.tracing.pcap import pcap_file
from mediaserver.tracing.records import Answered, Asked, CallKnown, Heard, Record, Tied, Traced, decode, encode

HOME, AWAY = ("192.0.2.1", 5060), ("192.0.2.9", 5070)


def chunks(packet: bytes) -> dict[int, bytes]:
    """The chunks of a HEP packet by type."""
    assert packet[:4] == b"HEP3"
    assert struct.unpack("!H", packet[4:6])[0] == len(packet)
    found, place = {}, 6
    while place < len(packet):
        vendor, kind, length = struct.unpack("!HHH", packet[place : place + 6])
        assert vendor == 0
        found[kind] = packet[place + 6 : place + length]
        place += length
    return found


def test_a_hep_packet_says_who_sent_what_to_whom_and_when() -> None:
    heard = Heard(1700000000.25, True, "udp", HOME, AWAY, b"secret")
    found = chunks(encode_hep(heard, b"shown", capture_id=2001, key="homer"))
    assert found[0x01] == b"\x02"
    assert found[0x02] == b"\x11"
    assert [str(ipaddress.ip_address(found[kind])) for kind in (0x03, 0x04)] == ["192.0.2.1", "192.0.2.9"]
    assert [struct.unpack("!H", found[kind])[0] for kind in (0x07, 0x08)] == [5060, 5070]
    assert struct.unpack("!II", found[0x09] + found[0x0A]) == (1700000000, 250_000)
    assert (found[0x0B], found[0x0C], found[0x0E], found[0x0F]) == (b"\x01", struct.pack("!I", 2001), b"homer", b"shown")


def test_a_hep_packet_of_what_came_names_the_far_end_as_source() -> None:
    found = chunks(encode_hep(Heard(1.0, False, "tls", ("2001:db8::1", 5061), ("2001:db8::9", 9), b""), b"x", capture_id=1, key=""))
    assert str(ipaddress.ip_address(found[0x05])) == "2001:db8::9"
    assert (found[0x01], found[0x02]) == (b"\x0a", b"\x06")
    assert 0x0E not in found


def ones_complement_sum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_a_pcap_file_holds_datagrams_with_right_checksums() -> None:
    file = pcap_file([(1.5, HOME, AWAY, b"hello"), (2.0, ("2001:db8::1", 1), ("2001:db8::2", 2), b"six")])
    assert struct.unpack("<IHHiIII", file[:24]) == (0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)
    seconds, microseconds, length, _ = struct.unpack("<IIII", file[24:40])
    first = file[40 : 40 + length]
    assert (seconds, microseconds, first[0], first[28:]) == (1, 500_000, 0x45, b"hello")
    assert ones_complement_sum(first[:20]) == 0xFFFF
    assert ones_complement_sum(first[12:20] + struct.pack("!HH", 17, len(first) - 20) + first[20:]) == 0xFFFF
    second = file[40 + length + 16 :]
    assert (second[0] >> 4, second[48:]) == (6, b"six")
    assert ones_complement_sum(second[8:40] + struct.pack("!II", len(second) - 40, 17) + second[40:]) == 0xFFFF


@pytest.mark.parametrize(
    ("data", "summary"),
    [
        (b"INVITE sip:100@h SIP/2.0\r\nContent-Type: application/sdp\r\n\r\nv=0", "INVITE sip:100@h (SDP)"),
        (b"SIP/2.0 180 Ringing\r\nCSeq: 7 INVITE\r\n\r\n", "180 Ringing (INVITE)"),
        (b"NOTIFY sip:a@h SIP/2.0\r\nContent-Type: message/sipfrag;version=2.0\r\n\r\nSIP/2.0 200 OK", "NOTIFY sip:a@h [message/sipfrag]"),
        (b"\xff", "\ufffd"),
    ],
)
def test_a_message_is_summed_up_in_a_line(data: bytes, summary: str) -> None:
    assert summary_of(data) == summary


def test_a_ladder_has_the_caller_left_the_server_between_and_the_others_right() -> None:
    lines = ladder(
        [
            Rung("12:00:00.000", False, AWAY, "customer", "INVITE"),
            Rung("12:00:00.010", True, HOME, "agent", "INVITE"),
            Rung("12:00:00.500", False, HOME, "agent", "200 OK (INVITE)"),
            Rung("12:00:00.501", True, AWAY, "customer", "200 OK (INVITE)"),
        ],
        width=93,
    )
    assert lines[0].split() == ["customer", "192.0.2.9:5070", "mediaserver", "agent", "192.0.2.1:5060"]
    assert lines[2].index("►") < lines[3].index("►")
    assert "◄" in lines[4]
    assert "◄" in lines[5]
    assert lines[4].index("◄") > lines[5].index("◄")
    assert len({line.index("│") for line in lines[2:]}) == 1


def test_a_ladder_of_nothing_is_no_error() -> None:
    assert len(ladder([])) == 2


@pytest.mark.parametrize(
    "record",
    [
        Heard(1.5, True, "tls", HOME, AWAY, b"\x00\xff"),
        Tied("a@b", "c1", 7, "agent"),
        CallKnown("c1", "default", "robert", ""),
        Asked(1, "c1", 2, 3),
        Answered(1, ("default", "robert", ""), (Traced(5, 1.0, False, "udp", HOME, AWAY, "a@b", 7, "agent", b"x"),), 5, True),
        Answered(2, None, (), 0, True),
    ],
)
def test_a_record_travels(record: Record) -> None:
    assert list(decode(encode(record) + encode(record))) == [record, record]


@pytest.mark.parametrize("packet", [b"\x92\x09\x01", b"\x91\xa1x", b"\x92\x00\x01"])
def test_a_packet_of_another_version_is_an_error(packet: bytes) -> None:
    with pytest.raises(ValueError, match="another version"):
        list(decode(packet))
