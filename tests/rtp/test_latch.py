"""The latch: who may become a leg's source, told as a sequence of packets."""

from rtp.latch import Latch

SIGNALLED, NATTED, STRANGER, MOVED = ("192.168.1.2", 4000), ("9.9.9.9", 61_000), ("6.6.6.6", 5), ("192.168.1.2", 4100)


def latched(*, strict: bool = False) -> Latch:
    latch = Latch(strict)
    assert latch.set_media(SIGNALLED, 0.0)
    return latch


def test_packets_go_to_the_signalled_address_before_any_came() -> None:
    assert latched().source == SIGNALLED


def test_the_first_packet_from_elsewhere_is_taken_where_nothing_was_heard() -> None:
    latch = latched()
    assert latch.accepts(NATTED, 0.0, 0.1)
    assert latch.source == NATTED


def test_the_signalled_address_is_preferred_for_two_seconds() -> None:
    latch = latched()
    assert latch.accepts(STRANGER, 0.0, 0.1)
    assert latch.accepts(SIGNALLED, 1.9, 1.9)
    assert not latch.accepts(STRANGER, 1.92, 1.93)
    late = latched()
    assert late.accepts(STRANGER, 0.0, 0.1)
    assert not late.accepts(SIGNALLED, 2.05, 2.1)


def test_another_source_waits_for_a_second_of_silence() -> None:
    latch = latched()
    latch.heard = True
    assert not latch.accepts(STRANGER, 10.0, 10.9)
    assert latch.accepts(STRANGER, 10.0, 11.0)


def test_a_strict_leg_hears_the_signalled_address_alone() -> None:
    latch = latched(strict=True)
    assert not latch.accepts(NATTED, 0.0, 50.0)
    assert latch.source == SIGNALLED


def test_the_same_address_signalled_again_keeps_a_latched_source() -> None:
    latch = latched()
    latch.accepts(NATTED, 0.0, 0.1)
    assert not latch.set_media(SIGNALLED, 5.0)
    assert latch.source == NATTED
    assert not latch.accepts(STRANGER, 5.0, 5.1)


def test_another_address_signalled_moves_the_leg_and_the_old_source_does_not_come_back() -> None:
    latch = latched()
    latch.accepts(NATTED, 0.0, 0.1)
    assert latch.set_media(MOVED, 5.0)
    assert latch.source == MOVED
    assert not latch.accepts(NATTED, 5.0, 5.1)
    assert latch.accepts(("9.9.9.9", 61_002), 5.0, 5.2)


def test_where_no_address_was_signalled_the_source_stays() -> None:
    latch = latched()
    assert not latch.set_media(None, 3.0)
    assert latch.source == SIGNALLED
    assert not Latch(False).accepts(STRANGER, 0.0, 1.0)
