"""Calls over a network that loses, with seeds: they are set up and ended all the same, and nothing is left behind."""

import random

import pytest

from sip.events import Accepted, Acknowledged, SessionEnded
from tests.sip.network import ANSWER, Call, Carried, Network


def lossy(seed: int, share: float) -> Network:
    """A network that loses this share of all messages."""
    network = Network(seed=seed)
    source = random.Random(seed)
    network.loses = lambda carried: source.random() < share
    return network


@pytest.mark.parametrize("seed", range(12))
def test_a_call_survives_the_loss_of_a_third(seed: int) -> None:
    call = Call(lossy(seed, 0.33))
    call.run(8)
    call.bob.agent.progress(call.bobs_session, 180, call.network.now)
    call.run(2)
    call.bob.agent.accept(call.bobs_session, ANSWER, call.network.now)
    call.run(16)
    assert len(call.alice.told_of(Accepted)) == 1
    assert len(call.bob.told_of(Acknowledged)) == 1
    call.alice.agent.end(call.session, call.network.now)
    call.run(16)
    assert [event.cause for event in call.bob.told_of(SessionEnded)] == ["bye"]
    call.run(100)
    assert call.alice.agent.leftovers() == call.bob.agent.leftovers() == 0


@pytest.mark.parametrize("what", ["INVITE", "100 INVITE", "180 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"])
def test_the_first_message_of_each_kind_may_be_lost(what: str) -> None:
    network = Network()
    lost: set[str] = set()

    def loses(carried: Carried) -> bool:
        is_first = carried.what == what and what not in lost
        lost.add(carried.what)
        return is_first

    network.loses = loses
    call = Call(network)
    call.run(2)
    call.bob.agent.progress(call.bobs_session, 180, call.network.now)
    call.run(2)
    call.bob.agent.accept(call.bobs_session, ANSWER, call.network.now)
    call.run(4)
    assert (len(call.alice.told_of(Accepted)), len(call.bob.told_of(Acknowledged))) == (1, 1)
    call.alice.agent.end(call.session, call.network.now)
    call.run(40)
    assert what in lost
    assert call.alice.agent.leftovers() == call.bob.agent.leftovers() == 0


def test_a_bye_from_both_sides_at_once_ends_both() -> None:
    call = Call().confirm()
    call.alice.agent.end(call.session, call.network.now)
    call.bob.agent.end(call.bobs_session, call.network.now)
    call.run(60)
    assert call.alice.agent.leftovers() == call.bob.agent.leftovers() == 0


def test_cancel_and_answer_that_cross_leave_no_call() -> None:
    call = Call()
    call.run()
    call.bob.agent.progress(call.bobs_session, 180, call.network.now)
    call.run()
    call.alice.agent.end(call.session, call.network.now)
    call.bob.agent.accept(call.bobs_session, ANSWER, call.network.now)
    call.run(60)
    assert [event.cause for event in call.bob.told_of(SessionEnded)] == ["bye"]
    assert call.alice.told_of(Accepted) == []
    assert call.alice.agent.leftovers() == call.bob.agent.leftovers() == 0
