"""RTCP packets made by chance, as a strategy: whatever the wire can carry."""

from hypothesis import strategies as st

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

byte = st.integers(0, 0xFF)
short = st.integers(0, 0xFFFF)
word = st.integers(0, 0xFFFF_FFFF)
long = st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)
level = st.integers(-128, 127)

report_block = st.builds(ReportBlock, word, byte, st.integers(-(1 << 23), (1 << 23) - 1), word, word, word, word)
blocks = st.lists(report_block, max_size=31).map(tuple)
metrics = st.builds(
    VoipMetrics,
    word,
    *(byte, byte, byte, byte, short, short, short, short),
    *(level, level, byte, byte, byte, byte, byte, byte, byte, short, short, short),
)
extended_block = st.one_of(st.builds(ReceiverReferenceTime, long), st.builds(DelaySinceReference, word, word, word), metrics)
packet: st.SearchStrategy[Packet] = st.one_of(
    st.builds(SenderReport, word, long, word, word, word, blocks),
    st.builds(ReceiverReport, word, blocks),
    st.builds(SourceDescription, st.lists(st.tuples(word, st.binary(max_size=255)), max_size=31).map(tuple)),
    st.builds(Goodbye, st.lists(word, max_size=31).map(tuple), st.binary(max_size=255)),
    st.builds(ExtendedReport, word, st.lists(extended_block, max_size=8).map(tuple)),
)
