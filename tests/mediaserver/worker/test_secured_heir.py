"""A worker with secured legs dies: its heir goes on past rollovers, uses no keystream twice and takes no packet twice."""

import random
from contextlib import suppress

import pytest

from mediaserver.link.messages import SetMedia, SetMode
from tests.mediaserver.worker.secured import PROFILES, Line, SecuredHouse, key_of, line_of
from tests.mediaserver.worker.succession import Died, Told, dying_after
from tests.mediaserver.worker.test_secured_legs import heard


class Doomed:
    """A secured customer, a secured agent and a secured supervisor beyond 65,536 packets, in a worker that will die."""

    def __init__(self, suite: str = "AES_CM_128_HMAC_SHA1_80") -> None:
        self.house = SecuredHouse()
        self.customer = self.house.join_secured(1, 7, "customer", line_of(suite, 1))
        self.agent = self.house.join_secured(2, 7, "agent", line_of("AEAD_AES_128_GCM", 2))
        self.boss = self.house.join_secured(3, 7, "supervisor", line_of(suite, 3))
        self.phones = (self.customer, self.agent, self.boss)
        for phone in self.phones:
            phone.sequence = 65_520
            self.house.state.sender.sequence[phone.row] = 65_520
        self.house.run(0.6)
        self.told = Told(self.house)
        self.told.know()

    def bury(self) -> SecuredHouse:
        """The heir over the same memory."""
        heir = self.told.bury()
        assert isinstance(heir, SecuredHouse)
        assert heir.doubted == []
        self.house = heir
        return heir

    def assert_no_keystream_twice(self) -> None:
        """Whatever left for a phone under one key, SSRC and index has one content. A window of 65,536 numbers is one counter here."""
        for phone in self.phones:
            contents: dict[tuple[bytes, bytes], set[bytes]] = {}
            for packet in self.house.lines[phone.row].raw:
                contents.setdefault((packet[8:12], packet[2:4]), set()).add(packet)
            assert [numbers for numbers, packets in contents.items() if len(packets) > 1] == []


@pytest.mark.parametrize("suite", sorted(PROFILES))
def test_audio_goes_on_past_a_rollover(suite: str) -> None:
    call = Doomed(suite)
    ssrcs = {phone.row: phone.got[-1].ssrc for phone in call.phones}
    before = len(heard(call.agent, call.customer)), len(heard(call.customer, call.agent)), len(call.boss.got)
    heir = call.bury()
    heir.run(1.0)
    assert len(heard(call.agent, call.customer)) - before[0] >= 46
    assert len(heard(call.customer, call.agent)) - before[1] >= 46
    assert len(call.boss.got) - before[2] >= 46
    assert [heir.lines[phone.row].strange for phone in call.phones] == [[], [], []]
    assert {phone.row: phone.got[-1].ssrc for phone in call.phones} == ssrcs
    assert [heir.counted(phone) for phone in call.phones] == [{}, {}, {}]
    call.assert_no_keystream_twice()


def test_what_came_before_the_death_is_not_heard_again() -> None:
    call = Doomed()
    old = list(call.house.lines[call.customer.row].shut)
    heir = call.bury()
    call.customer.talking = False
    before = len(heard(call.agent, call.customer))
    for packet in old:
        heir.arrive_as_it_is(call.customer, packet)
        heir.run(0.004)
    assert len(heard(call.agent, call.customer)) == before
    assert heir.counted(call.customer) == {"dropped_srtp_replayed": len(old)}


def test_a_rollover_while_nobody_lived_is_followed() -> None:
    house = SecuredHouse()
    customer = house.join_secured(1, 7, "customer", line_of())
    agent = house.join(2, 7, "agent")
    customer.sequence = 65_500
    house.run(0.7)
    assert customer.sequence < 65_536
    told = Told(house)
    told.know()
    heir = told.bury(after=0.1)
    assert isinstance(heir, SecuredHouse)
    for _ in range(40):
        heir.lines[customer.row].shutting.protect(customer.next_packet())  # lost
    heir.run(0.5)
    assert len(heard(agent, customer)[-20:]) == 20
    assert heir.memory.counters(customer.row)["dropped_srtp_authentication"] == 0


def test_an_index_below_what_the_dead_sent_is_not_sent() -> None:
    call = Doomed()
    row = call.customer.row
    heir = call.bury()
    heir.state.secured.following[row] += 10
    heir.run(0.5)
    assert heir.counted(call.customer)["srtp_unsent"] >= 5
    call.assert_no_keystream_twice()
    assert heir.lines[row].strange == []


@pytest.mark.parametrize("seed", range(12))
def test_death_at_any_line_uses_no_keystream_twice(seed: int) -> None:
    chance = random.Random(seed)
    call = Doomed(chance.choice(sorted(PROFILES)))
    for _ in range(3):
        call.house.run(chance.uniform(0.02, 0.1))
        with suppress(Died), dying_after(chance.randrange(3_000)):
            if chance.random() < 0.5:
                call.told.tell(SetMode(3, chance.choice(["listen", "whisper", "barge"]), "agent"))
            call.house.run(0.03)
        call.bury().run(0.3)
        call.assert_no_keystream_twice()
    before = len(call.agent.got)
    call.house.run(0.5)
    assert len(call.agent.got) - before >= 20
    assert all(len(call.house.lines[phone.row].strange) == 0 for phone in call.phones)


@pytest.mark.parametrize("seed", range(8))
def test_death_amid_new_keys_leaves_a_leg_that_hears_and_is_heard(seed: int) -> None:
    chance = random.Random(seed)
    call = Doomed()
    row = call.customer.row
    old = call.house.lines[row]
    line = Line(old.suite, key_of(old.suite, 60), key_of(old.suite, 61) if chance.random() < 0.5 else old.heard_under)
    with suppress(Died), dying_after(chance.randrange(250)):
        call.told.tell(customer_media(line))
        call.house.run(0.01)
    heir = call.bury()
    call.assert_no_keystream_twice()
    heir.lines[row] = line
    heir.run(0.2)
    before = len(heard(call.agent, call.customer)), len(heard(call.customer, call.agent))
    heir.run(0.5)
    assert len(heard(call.agent, call.customer)) - before[0] >= 22
    assert len(heard(call.customer, call.agent)) - before[1] >= 22


def customer_media(line: Line) -> "SetMedia":
    """The command that gives the customer these keys."""
    return SetMedia(1, "127.0.0.1", 40_002, "PCMU", 0, 0, 20, 101, 101, True, True, **line.media())
