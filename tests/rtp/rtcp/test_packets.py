"""RTCP packets on the wire: every one that is written is read as it was, and the layout is that of the standards."""

from hypothesis import given
from hypothesis import strategies as st

from rtp.rtcp.building import build
from rtp.rtcp.packets import (
    DelaySinceReference,
    ExtendedReport,
    Goodbye,
    Packet,
    ReceiverReferenceTime,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    VoipMetrics,
)
from rtp.rtcp.parsing import parse
from tests.rtp.rtcp import made


@given(st.lists(made.packet, min_size=1, max_size=5))
def test_what_is_written_is_read_as_it_was(packets: list[Packet]) -> None:
    assert parse(build(packets)) == packets


@given(made.packet)
def test_every_packet_is_a_whole_number_of_words_and_says_how_many(packet: Packet) -> None:
    written = build([packet])
    assert len(written) == 4 * (1 + int.from_bytes(written[2:4], "big"))
    assert written[0] >> 5 == 0b100


def test_a_sender_report_as_rfc_3550_draws_it() -> None:
    block = ReportBlock(0x0A0B0C0D, 64, 5, 0x0001_1234, 17, 0x5555_6666, 0x0001_8000)
    written = build([SenderReport(0x01020304, 0x1111_2222_3333_4444, 0x7777_8888, 100, 16_000, (block,))])
    assert written.hex(" ", 4) == (
        "81c8000c 01020304 11112222 33334444 77778888 00000064 00003e80 0a0b0c0d 40000005 00011234 00000011 55556666 00018000"
    )


def test_a_receiver_report_may_have_no_block() -> None:
    assert build([ReceiverReport(7)]).hex(" ", 4) == "80c90001 00000007"


def test_packets_lost_are_signed_and_held_at_their_bounds() -> None:
    def carried(lost: int) -> int:
        (packet,) = parse(build([ReceiverReport(1, (ReportBlock(2, 0, lost, 0, 0, 0, 0),))]))
        assert isinstance(packet, ReceiverReport)
        return packet.blocks[0].lost

    assert [carried(lost) for lost in (-3, 1 << 24, -(1 << 24))] == [-3, (1 << 23) - 1, -(1 << 23)]


def test_a_name_is_ended_by_a_null_octet_and_padded() -> None:
    assert build([SourceDescription(((9, b"ab"),))]).hex(" ", 4) == "81ca0003 00000009 01026162 00000000"
    assert build([SourceDescription(((9, b"abc"),))]).hex(" ", 4) == "81ca0003 00000009 01036162 63000000"


def test_items_other_than_the_name_are_read_over() -> None:
    chunk = bytes.fromhex("00000009") + b"\x02\x03Bob" + b"\x01\x02me" + b"\x06\x01x" + bytes(4)
    assert parse(bytes.fromhex("81ca0005") + chunk) == [SourceDescription(((9, b"me"),))]


def test_a_goodbye_may_give_a_reason() -> None:
    assert build([Goodbye((5,), b"hi")]).hex(" ", 4) == "81cb0002 00000005 02686900"


def test_voip_metrics_as_rfc_3611_draws_them() -> None:
    metrics = VoipMetrics(0x0A0B0C0D, 12, 3, 100, 2, 340, 9000, 80, 45, -20, -70, 127, 16, 82, 127, 40, 39, 0x30, 40, 60, 200)
    assert build([ExtendedReport(1, (metrics,))]).hex(" ", 4) == (
        "80cf000a 00000001 07000008 0a0b0c0d 0c036402 01542328 0050002d ecba7f10 527f2827 30000028 003c00c8"
    )


def test_clocks_of_receivers_as_rfc_3611_draws_them() -> None:
    report = ExtendedReport(1, (ReceiverReferenceTime(0x1111_2222_3333_4444), DelaySinceReference(2, 3, 4)))
    assert build([report]).hex(" ", 4) == "80cf0008 00000001 04000002 11112222 33334444 05000003 00000002 00000003 00000004"


def test_packets_and_blocks_of_other_types_are_read_over() -> None:
    application = bytes.fromhex("80cc0002 00000001 6e616d65")
    feedback = bytes.fromhex("81ce0002 00000001 00000002")
    strange_block = bytes.fromhex("80cf0003 00000001 2a000001 deadbeef")
    assert parse(application + build([ReceiverReport(1)]) + feedback + strange_block) == [ReceiverReport(1), ExtendedReport(1, ())]


def test_a_reduced_size_packet_needs_no_report_before_it() -> None:
    assert parse(build([Goodbye((5,))])) == [Goodbye((5,))]


def test_padding_is_cut_off_the_last_packet() -> None:
    assert parse(build([ReceiverReport(1)]) + bytes.fromhex("a0c90002 00000002 00000004")) == [ReceiverReport(1), ReceiverReport(2)]
