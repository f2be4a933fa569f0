"""Frames of the link: what goes in comes out, and what is wrong costs nothing but itself."""

import os
import socket
from array import array

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.link.messages import (
    Admit,
    AdoptLegs,
    Applied,
    CloseLeg,
    DigitReceived,
    Inherit,
    LegDoubted,
    LoadSound,
    MediaStarted,
    MoveLeg,
    OpenLeg,
    Ping,
    Play,
    ReceiveLeg,
    Refused,
    Released,
    ReleaseLeg,
    SetMedia,
    SetMode,
    SetMuted,
    SetVolumes,
    StopPlaying,
)
from mediaserver.link.wire import (
    MAX_DESCRIPTORS,
    MAX_FRAME,
    FrameTooLarge,
    LinkEnd,
    LinkError,
    Message,
    decode_frame,
    encode_frame,
    lends,
    link_pair,
    split_into_frames,
)

EVERY_KIND = [
    OpenLeg(1, 2, "agent", True),
    SetMedia(1, "10.0.0.1", 4000, "PCMA", 8, 8, 20, 101, -1, True, False),
    MoveLeg(1, 3, "outside"),
    Admit(1, True),
    SetMode(1, "whisper", "agent"),
    SetMuted(1, False),
    SetVolumes(1, 0.5, 2.0),
    LoadSound("music"),
    Play(1, "music", True),
    StopPlaying(1),
    CloseLeg(1),
    Ping(),
    ReleaseLeg(1),
    ReceiveLeg(1, 2, "agent", False, True),
    Released(1, 2),
    Inherit(0, -1),
    AdoptLegs(b"", b"", b""),
    Applied(4, 1 << 40, -1),
    Refused(4, "no_row", "all rows are taken — every one"),
    DigitReceived(1, "#", 120),
    MediaStarted(1, "::1", 5000),
    LegDoubted(1),
]


def descriptors_open() -> int:
    return len(os.listdir("/proc/self/fd"))


def connected() -> tuple[LinkEnd, LinkEnd]:
    ours, theirs = link_pair()
    return ours, LinkEnd(theirs)


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.sampled_from(EVERY_KIND)), max_size=50))
def test_every_message_comes_out_as_it_went_in(messages: list[tuple[int, Message]]) -> None:
    assert decode_frame(encode_frame(messages)) == messages


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_a_link_error(noise: bytes) -> None:
    try:
        decode_frame(noise)
    except LinkError:
        return
    assert isinstance(msgpack.unpackb(noise), list)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (["Explode", 1], "no message of the link"),
        (["Ping", 1, 2], "has 0 fields"),
        (["Admit", 1, 2], "has 2 fields"),
        (["Admit", 1, "two", True], "Admit.leg is a int"),
        (["Admit", 1, True, True], "Admit.leg is a int"),
        (["Admit", "1", 2, True], "no message of the link|type name, request"),
        (["Refused", 0, 1, 2, 3], "Refused.code is a str"),
        (7, "type name"),
        ([], "type name"),
    ],
)
def test_a_message_of_another_shape_says_what_is_wrong(item: object, said: str) -> None:
    with pytest.raises(LinkError, match=said):
        decode_frame(msgpack.packb([item]))


def test_a_whole_number_does_where_a_gain_is_wanted() -> None:
    assert decode_frame(msgpack.packb([["SetVolumes", 1, 2, 1, 0]])) == [(1, SetVolumes(2, 1, 0))]


def test_what_must_travel_together_and_does_not_fit_is_an_error() -> None:
    with pytest.raises(FrameTooLarge):
        encode_frame([(0, Refused(1, "x", "y" * MAX_FRAME))])


def test_long_lists_are_split_in_order() -> None:
    messages = [(0, Refused(number, "no_row", "z" * 300)) for number in range(1000)]
    frames = split_into_frames(messages)
    assert len(frames) > 4
    assert max(map(len, frames)) <= MAX_FRAME
    assert [message for frame in frames for message in decode_frame(frame)] == messages


def test_lending_messages_are_split_at_what_a_frame_can_carry() -> None:
    frames = split_into_frames((number, OpenLeg(number, 1, "agent", False)) for number in range(2 * MAX_DESCRIPTORS + 1))
    assert [len(decode_frame(frame)) for frame in frames] == [MAX_DESCRIPTORS, MAX_DESCRIPTORS, 1]


def test_each_lending_message_gets_its_own_descriptor_in_order() -> None:
    ours, theirs = connected()
    files = [os.memfd_create(f"file {number}") for number in range(3)]
    legs = [OpenLeg(leg, 1, "agent", False) for leg in (1, 2)]
    messages: list[tuple[int, Message]] = [(1, legs[0]), (2, Ping()), (3, LoadSound("a")), (4, legs[1])]
    assert ours.send(encode_frame(messages), files)
    got = theirs.receive()
    assert got is not None
    assert [(request, message) for request, message, _ in got] == messages
    lent = [descriptor for _, message, descriptors in got if lends(message) for descriptor in descriptors]
    assert [os.readlink(f"/proc/self/fd/{descriptor}") for descriptor in lent] == [os.readlink(f"/proc/self/fd/{file}") for file in files]
    assert got[1][2] == ()
    for descriptor in [*lent, *files]:
        os.close(descriptor)


def test_legs_that_are_adopted_bring_a_descriptor_each() -> None:
    ours, theirs = connected()
    file = os.memfd_create("file")
    numbers = array("q", [7, 8, 9]).tobytes()
    assert ours.send(encode_frame([(1, Inherit(3, -1)), (2, AdoptLegs(numbers, numbers, numbers))]), [file] * 4)
    got = theirs.receive()
    assert got is not None
    assert [len(descriptors) for _, _, descriptors in got] == [1, 3]
    for descriptor in [file, *(descriptor for _, _, descriptors in got for descriptor in descriptors)]:
        os.close(descriptor)


@pytest.mark.parametrize("lent", [0, 2])
def test_too_few_or_too_many_descriptors_are_an_error_and_none_leaks(lent: int) -> None:
    ours, theirs = connected()
    file = os.memfd_create("file")
    before = descriptors_open()
    assert ours.send(encode_frame([(1, OpenLeg(1, 1, "agent", False))]), [file] * lent)
    with pytest.raises(LinkError, match="descriptors came"):
        theirs.receive()
    assert descriptors_open() == before
    os.close(file)


def test_a_frame_that_cannot_be_read_closes_what_it_lent() -> None:
    ours, theirs = connected()
    file = os.memfd_create("file")
    before = descriptors_open()
    assert ours.send(b"\xc1", [file])
    with pytest.raises(LinkError):
        theirs.receive()
    assert descriptors_open() == before
    os.close(file)


def test_nothing_waiting_a_full_socket_and_a_closed_end_are_told_apart() -> None:
    ours, theirs = connected()
    assert theirs.receive() is None
    frame = encode_frame([(1, Refused(1, "x", "y" * 50_000))])
    sent = 0
    while ours.send(frame):
        sent += 1
    assert 0 < sent < 1000
    for _ in range(sent):
        assert theirs.receive() is not None
    ours.close()
    with pytest.raises(EOFError):
        theirs.receive()
    theirs.close()


def test_a_datagram_longer_than_a_frame_is_refused() -> None:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    left.send(bytes(MAX_FRAME + 100))
    with pytest.raises(LinkError, match="cut off"):
        LinkEnd(right).receive()
    left.close()
    right.close()
