"""Calls over a network that loses, with seeds: they are set up and ended all the same, and nothing is left behind."""

import random

import pytest

from sip.events import Accepted, Acknowledged, OfferAnswered, Progressed, SessionEnded
from tests.sip.network import ANSWER, OFFER, Call, Carried, Network


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


@pytest.mark.parametrize("seed", range(12))
def test_early_media_and_its_change_survive_the_loss_of_a_third(seed: int) -> None:
    call = Call(lossy(seed, 0.33))
    call.run(8)
    call.bob.agent.progress(call.bobs_session, 183, call.network.now, description=ANSWER)
    call.run(20)
    call.alice.agent.reoffer(call.session, OFFER, call.network.now)
    call.run(12)
    call.bob.agent.accept(call.bobs_session, ANSWER, call.network.now)
    call.run(12)
    assert [event.answer for event in call.alice.told_of(OfferAnswered)] == [ANSWER]
    call.bob.agent.accept(call.bobs_session, None, call.network.now)
    call.run(16)
    assert [event.description for event in call.alice.told_of(Accepted)] == [None]
    assert len(call.bob.told_of(Acknowledged)) == 1
    call.bob.agent.end(call.bobs_session, call.network.now)
    call.run(100)
    assert [event.cause for event in call.alice.told_of(SessionEnded)] == ["bye"]
    assert call.alice.agent.leftovers() == call.bob.agent.leftovers() == 0


@pytest.mark.parametrize("what", ["183 INVITE", "PRACK", "200 PRACK", "UPDATE", "200 UPDATE"])
def test_the_first_early_message_of_each_kind_may_be_lost(what: str) -> None:
    network = Network()
    lost: set[str] = set()

    def loses(carried: Carried) -> bool:
        is_first = carried.what == what and what not in lost
        lost.add(carried.what)
        return is_first

    network.loses = loses
    call = Call(network)
    call.run()
    call.bob.agent.progress(call.bobs_session, 183, network.now, description=ANSWER)
    call.run(2)
    call.bob.agent.reoffer(call.bobs_session, OFFER, network.now)
    call.run(2)
    call.alice.agent.accept(call.session, ANSWER, network.now)
    call.run(2)
    call.bob.agent.accept(call.bobs_session, None, network.now)
    call.run(2)
    assert what in lost
    assert len(call.alice.told_of(Progressed)) == 1
    assert len(call.bob.told_of(OfferAnswered)) == 1
    assert (len(call.alice.told_of(Accepted)), len(call.bob.told_of(Acknowledged))) == (1, 1)


@pytest.mark.parametrize("seed", range(6))
def test_a_long_call_is_kept_alive_through_the_loss_of_a_fifth(seed: int) -> None:
    network = lossy(seed, 0.2)
    call = Call(network, bobs={"session_timers": "refuse"} if seed % 2 else {})
    call.run(8)
    call.bob.agent.accept(call.bobs_session, ANSWER, network.now)
    call.run(20_000)
    assert call.alice.told_of(SessionEnded) == call.bob.told_of(SessionEnded) == []
    assert call.network.ladder().count("UPDATE >") >= 20 or call.network.ladder().count("< UPDATE") >= 20
    call.alice.agent.end(call.session, network.now)
    call.run(100)
    assert call.alice.agent.leftovers() == call.bob.agent.leftovers() == 0


def test_a_peer_that_vanished_is_noticed_when_the_interval_is_over() -> None:
    call = Call().confirm()
    call.network.loses = lambda carried: True
    call.run(1800)
    causes = [[event.cause for event in station.told_of(SessionEnded)] for station in (call.alice, call.bob)]
    assert sorted(causes) == [["expired"], ["timeout"]]
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
