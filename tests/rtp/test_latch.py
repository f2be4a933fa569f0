"""The latch: who may become a leg's source, told as a sequence of packets."""

import pytest

from rtp.latch import MOST_NEWCOMERS, PREFERENCE, PROOF, SILENCE, Address, Latch, Verdict

SIGNALLED, NATTED, STRANGER, MOVED = ("192.168.1.2", 4000), ("9.9.9.9", 61_000), ("6.6.6.6", 5), ("192.168.1.2", 4100)
REBOUND = ("9.9.9.9", 61_002)
"""Another port of the same translator."""
PUBLIC = ("5.5.5.5", 4000)


def latched(*, strict: bool = False, peer: str = NATTED[0], signalled: Address = SIGNALLED, sends: bool = True) -> Latch:
    latch = Latch(strict)
    assert latch.set_media(signalled, 0.0, peer=peer, sends=sends)
    return latch


class Sender:
    """Who sends from an address, with numbers that go on."""

    def __init__(self, address: Address, sequence: int = 65_534, ssrc: int = 7) -> None:
        self.address, self.sequence, self.ssrc = address, sequence, ssrc

    def to(self, latch: Latch, last_packet: float, now: float, *, has_key: bool = False) -> Verdict:
        """One packet, and what becomes of it."""
        verdict = latch.judge(self.address, self.ssrc, self.sequence & 0xFFFF, last_packet, now, has_key=has_key)
        self.sequence += 1
        if verdict is Verdict.TAKEN:
            latch.take(self.address)
        return verdict


def sends(latch: Latch, address: Address, last_packet: float, now: float) -> Verdict:
    return Sender(address).to(latch, last_packet, now)


def proves_himself(latch: Latch, sender: Sender, last_packet: float, now: float) -> list[Verdict]:
    return [sender.to(latch, last_packet, now) for _ in range(PROOF)]


PROVEN = [*[Verdict.UNPROVEN] * (PROOF - 1), Verdict.TAKEN]


def test_packets_go_to_the_signalled_address_before_any_came() -> None:
    assert latched().source == SIGNALLED


def test_the_first_packet_from_where_the_signalling_comes_from_is_taken_where_nothing_was_heard() -> None:
    latch = latched()
    assert sends(latch, NATTED, 0.0, 0.1) is Verdict.TAKEN
    assert latch.source == NATTED


def test_another_port_of_the_signalled_host_is_taken_too() -> None:
    assert sends(latched(peer="8.8.8.8"), MOVED, 0.0, 0.1) is Verdict.TAKEN


@pytest.mark.parametrize("now", [0.1, PREFERENCE, 500.0])
@pytest.mark.parametrize("peer", [PUBLIC[0], "8.8.8.8", ""])
def test_a_stranger_gets_nothing_however_long_he_sends_and_the_phone_is_silent(now: float, peer: str) -> None:
    latch, stranger = latched(peer=peer, signalled=PUBLIC), Sender(STRANGER)
    assert {stranger.to(latch, 0.0, now + count * 0.02) for count in range(200)} == {Verdict.STRANGER}
    assert latch.source == PUBLIC


def test_a_stranger_gets_nothing_where_the_source_has_fallen_silent() -> None:
    latch, stranger = latched(), Sender(STRANGER)
    assert sends(latch, NATTED, 0.0, 0.1) is Verdict.TAKEN
    assert {stranger.to(latch, 0.1, 10.0 + count * 0.02) for count in range(200)} == {Verdict.STRANGER}
    assert latch.source == NATTED


@pytest.mark.parametrize("address", [SIGNALLED, NATTED, STRANGER, MOVED])
def test_a_leg_that_agreed_not_to_send_has_no_other_source(address: Address) -> None:
    latch = latched(sends=False)
    latch.source = REBOUND
    assert {Sender(address, number).to(latch, 0.0, number * 0.1) for number in range(50)} == {Verdict.NOT_SENDING}


def test_it_may_again_once_it_agreed_to_send() -> None:
    latch = latched(sends=False)
    assert not latch.set_media(SIGNALLED, 9.0, peer=NATTED[0], sends=True)
    assert sends(latch, NATTED, 0.0, 9.1) is Verdict.TAKEN


def test_the_signalled_address_is_preferred_for_two_seconds() -> None:
    latch = latched()
    assert sends(latch, NATTED, 0.0, 0.1) is Verdict.TAKEN
    assert sends(latch, SIGNALLED, 1.9, 1.9) is Verdict.TAKEN
    assert sends(latch, NATTED, 1.92, 1.93) is Verdict.BESIDE
    late = latched()
    assert sends(late, NATTED, 0.0, 0.1) is Verdict.TAKEN
    assert sends(late, SIGNALLED, 2.05, 2.1) is Verdict.BESIDE


def test_who_speaks_up_late_proves_himself() -> None:
    latch = latched()
    assert proves_himself(latch, Sender(NATTED), 0.0, 60.0) == PROVEN


def test_another_port_waits_for_a_second_of_silence_and_proves_itself() -> None:
    latch = latched()
    assert sends(latch, NATTED, 0.0, 0.1) is Verdict.TAKEN
    assert sends(latch, REBOUND, 10.0, 9.9 + SILENCE) is Verdict.BESIDE
    assert proves_himself(latch, Sender(REBOUND), 10.0, 10.0 + SILENCE) == PROVEN
    assert latch.source == REBOUND


def test_a_proof_is_of_one_sender_with_one_number_behind_the_other() -> None:
    latch = latched()
    assert sends(latch, NATTED, 0.0, 0.1) is Verdict.TAKEN
    for count in range(50):
        assert Sender(REBOUND, sequence=2 * count).to(latch, 0.1, 10.0) is Verdict.UNPROVEN
        assert Sender(SIGNALLED, sequence=count).to(latch, 0.1, 10.0) is Verdict.UNPROVEN
        assert Sender(SIGNALLED, sequence=count + 1, ssrc=count).to(latch, 0.1, 10.0) is Verdict.UNPROVEN


def test_whoever_sends_between_does_not_keep_a_newcomer_from_proving_himself() -> None:
    latch, phone, senders = latched(peer="10.0.0.5"), Sender(NATTED), range(MOST_NEWCOMERS - 1)
    told = []
    for count in range(PROOF):
        assert {sends(latch, ("6.6.6.6", 10 * count + sender), 0.0, 0.1) for sender in senders} == {Verdict.UNPROVEN}
        told.append(phone.to(latch, 0.0, 0.1))
    assert told == PROVEN


def test_of_those_who_prove_themselves_few_are_kept() -> None:
    latch = latched(peer="10.0.0.5")
    assert {sends(latch, ("6.6.6.6", port), 0.0, 0.1) for port in range(1, 1000)} == {Verdict.UNPROVEN}
    assert len(latch.newcomers) == MOST_NEWCOMERS


def test_behind_a_translator_and_a_proxy_whoever_proves_himself_soon_is_taken() -> None:
    latch = latched(peer="10.0.0.5")
    assert proves_himself(latch, Sender(NATTED), 0.0, 0.5) == PROVEN
    assert proves_himself(latch, Sender(REBOUND), 5.0, 5.0 + SILENCE) == PROVEN
    assert sends(latch, STRANGER, 6.0, 6.0 + SILENCE) is Verdict.STRANGER
    assert sends(latched(peer="10.0.0.5"), NATTED, 0.0, PREFERENCE) is Verdict.STRANGER


def test_of_a_secured_leg_the_key_is_the_proof() -> None:
    latch = latched(signalled=PUBLIC, peer=PUBLIC[0])
    assert Sender(STRANGER).to(latch, 0.0, 60.0, has_key=True) is Verdict.TAKEN
    assert Sender(NATTED).to(latch, 60.0, 60.5, has_key=True) is Verdict.BESIDE
    assert Sender(NATTED).to(latch, 60.0, 61.0, has_key=True) is Verdict.TAKEN


def test_a_host_of_ipv6_is_its_network_of_64_bits() -> None:
    latch = latched(signalled=("2001:db8::1", 4000), peer="2001:db8::1")
    assert sends(latch, ("2001:db8:0:1::2", 4000), 0.0, 0.1) is Verdict.STRANGER
    assert sends(latch, ("2001:db8::2", 4000), 0.0, 0.1) is Verdict.TAKEN


def test_a_strict_leg_hears_the_signalled_address_alone() -> None:
    latch = latched(strict=True)
    assert sends(latch, NATTED, 0.0, 50.0) is Verdict.STRANGER
    assert latch.source == SIGNALLED
    latch.source = MOVED
    assert sends(latch, SIGNALLED, 0.0, 50.0) is Verdict.TAKEN


def test_the_same_address_signalled_again_keeps_a_latched_source() -> None:
    latch = latched()
    sends(latch, NATTED, 0.0, 0.1)
    assert not latch.set_media(SIGNALLED, 5.0)
    assert latch.source == NATTED
    assert sends(latch, REBOUND, 5.0, 5.1) is Verdict.BESIDE


def test_another_address_signalled_moves_the_leg_and_the_old_source_does_not_come_back() -> None:
    latch = latched()
    sends(latch, NATTED, 0.0, 0.1)
    assert latch.set_media(MOVED, 5.0)
    assert latch.source == MOVED
    assert sends(latch, NATTED, 5.0, 5.1) is Verdict.BESIDE
    assert sends(latch, REBOUND, 5.0, 5.2) is Verdict.TAKEN


def test_the_host_that_media_moved_away_from_is_a_stranger_once_the_new_one_was_heard() -> None:
    latch = latched(peer="8.8.8.8", signalled=PUBLIC)
    assert latch.set_media(("7.7.7.7", 4000), 5.0)
    latch.heard = True
    assert sends(latch, (PUBLIC[0], 4002), 5.0, 50.0) is Verdict.STRANGER


@pytest.mark.parametrize("now", [5.1, 5.0 + PREFERENCE, 50.0])
@pytest.mark.parametrize("port", [4000, 4002])
def test_who_is_still_where_media_moved_away_from_hears_nothing_however_silent_the_new_place_is(now: float, port: int) -> None:
    latch = latched(peer="8.8.8.8", signalled=PUBLIC)
    assert latch.set_media(("7.7.7.7", 4000), 5.0)
    assert set(proves_himself(latch, Sender((PUBLIC[0], port)), 5.0, now)) == {Verdict.STRANGER}
    assert latch.source == ("7.7.7.7", 4000)


def test_out_of_sight_the_host_that_media_moved_away_from_is_a_place_until_the_new_one_was_heard() -> None:
    latch = latched(peer="8.8.8.8")
    assert proves_himself(latch, Sender(NATTED), 0.0, 0.5) == PROVEN
    assert latch.set_media(MOVED, 5.0)
    assert proves_himself(latch, Sender(REBOUND), 5.0, 5.0 + PREFERENCE) == PROVEN


def test_where_no_address_was_signalled_the_source_stays() -> None:
    latch = latched()
    assert not latch.set_media(None, 3.0)
    assert latch.source == SIGNALLED
    assert sends(Latch(False), STRANGER, 0.0, 1.0) is Verdict.STRANGER
