"""Latches in the shared arrays: an heir judges packets as the dead worker would have."""

import pytest

from mediaserver.worker.latches import read_latch
from tests.mediaserver.worker.simulated import House


@pytest.mark.parametrize("peer", ["", "203.0.113.9", "2001:db8::9"])
@pytest.mark.parametrize("sends", [True, False])
def test_what_a_leg_was_told_of_its_source_is_what_its_heir_reads(peer: str, sends: bool) -> None:
    house = House()
    row = house.join(1, 1, "customer", address="192.168.1.2", port=4000, peer=peer, remote_sends=sends).row
    house.set_media(1, address="192.168.1.2", port=4002, peer=peer, remote_sends=sends)
    latch = house.roster.legs[1].latch
    assert read_latch(house.state, row) == latch
    assert (latch.peer, latch.sends) == (peer, sends)


def test_a_peer_that_is_no_address_is_refused() -> None:
    house = House()
    house.join(1, 1, "customer")
    number = house.set_media(1, peer="pbx.example.com")
    house.run(0.1)
    answer = house.answer(number)
    assert getattr(answer, "code", "") == "bad_value"
