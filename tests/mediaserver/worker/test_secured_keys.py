"""New keys amid a call: they hold at once, what is under way is still heard, and no rollover counter is in doubt."""

import pytest

from tests.mediaserver.worker.secured import Line, SecuredHouse, key_of, line_of
from tests.mediaserver.worker.simulated import Phone
from tests.mediaserver.worker.test_secured_legs import heard

SUITE = "AES_CM_128_HMAC_SHA1_80"


class Rekeyed:
    """A secured customer and a plain agent, half a second into their call."""

    def __init__(self, suite: str = SUITE) -> None:
        self.house = SecuredHouse()
        self.line = line_of(suite)
        self.customer: Phone = self.house.join_secured(1, 7, "customer", self.line)
        self.agent = self.house.join(2, 7, "agent")
        self.house.run(0.5)

    def set_keys(self, line: Line, **media: object) -> None:
        """Tell the worker of another line; the phone takes it at once."""
        self.house.set_media(1, **line.media(), **media)
        self.house.lines[self.customer.row] = line

    def heard(self) -> tuple[int, int]:
        """How much the agent heard of the customer and the customer of the agent."""
        return len(heard(self.agent, self.customer)), len(heard(self.customer, self.agent))

    def assert_both_hear(self, seconds: float = 0.5) -> None:
        """From now on both hear each other, packet for packet."""
        before = self.heard()
        self.house.run(seconds)
        after = self.heard()
        least = round(seconds / 0.02) - 2
        assert after[0] - before[0] >= least
        assert after[1] - before[1] >= least


@pytest.mark.parametrize("suite", [SUITE, "AEAD_AES_128_GCM"])
def test_another_key_of_the_phone_holds_from_the_next_packet_on(suite: str) -> None:
    call = Rekeyed(suite)
    call.set_keys(Line(suite, key_of(suite, 50), call.line.heard_under))
    call.assert_both_hear()
    assert call.house.counted(call.customer) == {}


@pytest.mark.parametrize("suite", [SUITE, "AEAD_AES_256_GCM"])
def test_packets_under_the_old_key_are_heard_for_two_seconds_and_no_longer(suite: str) -> None:
    call = Rekeyed(suite)
    other = Line(suite, key_of(suite, 50), call.line.heard_under)
    call.house.set_media(1, **other.media())
    call.assert_both_hear(1.5)
    assert call.house.counted(call.customer) == {}
    call.house.run(0.6)
    before = call.heard()
    call.house.run(0.5)
    assert call.heard()[0] == before[0]
    assert call.house.counted(call.customer)["dropped_srtp_authentication"] >= 20


def test_packets_under_the_old_key_that_came_are_not_heard_again() -> None:
    call = Rekeyed()
    old = list(call.line.shut[-10:])
    call.set_keys(Line(SUITE, key_of(SUITE, 50), call.line.heard_under))
    call.customer.talking = False
    before = call.heard()
    for packet in old:
        call.house.arrive_as_it_is(call.customer, packet)
        call.house.run(0.02)
    assert call.heard()[0] == before[0]
    assert sum(call.house.counted(call.customer).values()) == 10


def test_the_same_keys_told_again_change_nothing() -> None:
    call = Rekeyed()
    old = list(call.line.shut[-10:])
    call.house.set_media(1, **call.line.media())
    call.assert_both_hear()
    call.customer.talking = False
    for packet in old:
        call.house.arrive_as_it_is(call.customer, packet)
        call.house.run(0.02)
    assert call.house.counted(call.customer) == {"dropped_srtp_replayed": 10}


def test_another_suite_holds_both_ways() -> None:
    call = Rekeyed()
    call.set_keys(line_of("AEAD_AES_256_GCM", 9))
    call.assert_both_hear()
    assert call.house.counted(call.customer) == {}


def test_a_leg_that_goes_on_in_the_clear_does_and_its_keys_are_forgotten() -> None:
    call = Rekeyed()
    call.house.set_media(1)
    del call.house.lines[call.customer.row]
    call.assert_both_hear()
    assert not call.house.state.secured.send_key.any()


def test_a_leg_that_began_in_the_clear_is_secured() -> None:
    house = SecuredHouse()
    customer, agent = house.join(1, 7, "customer"), house.join(2, 7, "agent")
    house.run(0.3)
    line = line_of()
    house.set_media(1, **line.media())
    house.lines[customer.row] = line
    before = len(heard(agent, customer)), len(heard(customer, agent))
    house.run(0.5)
    assert len(heard(agent, customer)) - before[0] >= 23
    assert len(heard(customer, agent)) - before[1] >= 23


class RolledOver(Rekeyed):
    """The same, beyond 65,536 packets either way."""

    def __init__(self) -> None:
        self.house = SecuredHouse()
        self.line = line_of()
        self.customer = self.house.join_secured(1, 7, "customer", self.line)
        self.agent = self.house.join(2, 7, "agent")
        self.customer.sequence = 65_530
        self.house.state.sender.sequence[self.customer.row] = 65_530
        self.house.run(0.5)


def test_a_phone_that_keeps_its_rollover_counter_under_a_new_key_is_heard() -> None:
    call = RolledOver()
    other = Line(SUITE, key_of(SUITE, 50), call.line.heard_under)
    for number in (65_534, 65_535):  # so that the new session counts on, as RFC 3711 §3.3.1 has it
        other.shutting.protect(bytes([0x80, 0]) + number.to_bytes(2, "big") + bytes(4) + call.customer.ssrc.to_bytes(4, "big") + bytes(20))
    call.set_keys(other)
    call.assert_both_hear()
    assert int(call.house.state.index.following[call.customer.row, 0]) > 65_536


def test_a_phone_whose_rollover_counter_begins_anew_with_its_key_is_heard() -> None:
    call = RolledOver()
    call.set_keys(Line(SUITE, key_of(SUITE, 50), call.line.heard_under))
    call.assert_both_hear()
    assert int(call.house.state.index.following[call.customer.row, 0]) < 65_536


@pytest.mark.parametrize("change", ["key", "address"])
def test_a_stream_that_rolled_over_goes_on_under_another_ssrc_after_a_change(change: str) -> None:
    call = RolledOver()
    before = call.customer.got[-1].ssrc
    if change == "key":
        line, port = Line(SUITE, call.line.said_under, key_of(SUITE, 51)), {}
    else:
        line, port = Line(SUITE, call.line.said_under, call.line.heard_under), {"port": 45_000}
    line.shutting = call.line.shutting
    call.set_keys(line, **port)
    call.assert_both_hear()
    assert call.customer.got[-1].ssrc != before
    assert (call.customer.got[-1].sequence - call.customer.got[0].sequence) % 65_536 >= 40


def test_a_stream_that_did_not_roll_over_keeps_its_ssrc_whatever_changes() -> None:
    call = Rekeyed()
    call.set_keys(line_of(number=5), port=45_000)
    call.assert_both_hear()
    assert len({sent.ssrc for sent in call.customer.got}) == 1
