"""What is no RTCP is refused whole, and the reason is named (RFC 3550 appendix A.2)."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtp.rtcp.building import build
from rtp.rtcp.packets import Packet, ReceiverReport
from rtp.rtcp.parsing import Malformed, Reason, parse
from tests.rtp.rtcp import made

REPORT = build([ReceiverReport(1)])
WRONG = {
    "nothing at all": ("", Reason.SIZE),
    "a part of a word": ("80c90001 000000", Reason.SIZE),
    "version 1": ("40c90001 00000001", Reason.VERSION),
    "a second packet of version 3": (REPORT.hex() + "c0c90001 00000001", Reason.VERSION),
    "RTP": ("80000001 00000001 00000001", Reason.TYPE),
    "a type above RTCP's": ("80e00001 00000001", Reason.TYPE),
    "more words than came": ("80c90002 00000001", Reason.LENGTH),
    "a sender report without its sender": ("80c80001 00000001", Reason.LENGTH),
    "a receiver report without its receiver": ("80c90000", Reason.LENGTH),
    "a block that is counted and not there": ("81c90001 00000001", Reason.LENGTH),
    "a goodbye of one who is not named": ("81cb0000", Reason.LENGTH),
    "a chunk that is counted and not there": ("81ca0000", Reason.LENGTH),
    "padding before the last packet": ("a0c90002 00000001 00000004" + REPORT.hex(), Reason.PADDING),
    "padding of nothing": ("a0c90001 00000000", Reason.PADDING),
    "padding of a part of a word": ("a0c90002 00000001 00000003", Reason.PADDING),
    "padding of more than there is": ("a0c90001 00000008", Reason.PADDING),
    "padding in an empty packet": ("a0cb0000", Reason.PADDING),
    "a name that ends nowhere": ("81ca0002 00000009 01026162", Reason.CONTENT),
    "an item longer than its packet": ("81ca0002 00000009 01ff6162", Reason.CONTENT),
    "an item without its length": ("81ca0002 00000009 01016102", Reason.CONTENT),
    "a reason longer than its packet": ("81cb0002 00000005 05686900", Reason.CONTENT),
    "an extended block longer than its packet": ("80cf0002 00000001 07000008", Reason.CONTENT),
    "metrics of another length": ("80cf0003 00000001 07000001 00000000", Reason.CONTENT),
    "a reference time of one word": ("80cf0003 00000001 04000001 00000000", Reason.CONTENT),
    "a third of a delay": ("80cf0003 00000001 05000001 00000000", Reason.CONTENT),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name: str) -> None:
    octets, reason = WRONG[name]
    with pytest.raises(Malformed) as refused:
        parse(bytes.fromhex(octets))
    assert refused.value.reason is reason


@given(st.binary(max_size=1472))
def test_noise_is_refused_or_read_and_nothing_else(noise: bytes) -> None:
    with suppress(Malformed):
        parse(noise)


@given(st.lists(made.packet, min_size=1, max_size=3), st.data())
def test_a_compound_with_an_octet_changed_is_refused_or_read(packets: list[Packet], data: st.DataObject) -> None:
    written = bytearray(build(packets))
    written[data.draw(st.integers(0, len(written) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Malformed):
        parse(bytes(written))


@given(st.lists(made.packet, min_size=1, max_size=3), st.data())
def test_a_compound_that_is_cut_off_inside_a_packet_is_refused(packets: list[Packet], data: st.DataObject) -> None:
    written = build(packets)
    ends = {len(build(packets[:count])) for count in range(len(packets) + 1)}
    cut = data.draw(st.integers(0, len(written)).filter(lambda length: length not in ends or not length))
    with pytest.raises(Malformed):
        parse(written[:cut])
