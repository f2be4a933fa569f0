"""Server transactions: RFC 3261 §17.2 with RFC 6026, timer by timer."""

import pytest

from sip.transaction.states import State
from tests.sip.transaction.bench import Bench


def test_timer_g_repeats_a_failure_up_to_t2_and_timer_h_gives_up() -> None:
    bench = Bench()
    bench.respond(bench.serve("INVITE"), 486)
    bench.run(100)
    assert bench.times("486") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.counters["failure_not_acknowledged"] == 1
    assert len(bench.layer) == len(bench.timers) == bench.layer.in_hand == 0


@pytest.mark.parametrize(("transport", "seconds"), [("udp", 5.0), ("tcp", 0.0)])
def test_an_ack_confirms_and_timer_i_absorbs_more_of_them(transport: str, seconds: float) -> None:
    bench = Bench(transport)
    transaction = bench.serve("INVITE")
    bench.respond(transaction, 486)
    assert bench.layer.absorb(bench.request("ACK"), 0.0)
    if seconds:
        assert transaction.state is State.CONFIRMED
        assert bench.layer.absorb(bench.request("ACK"), 0.0)
        assert bench.layer.absorb(bench.request("INVITE"), 0.0)
    bench.run(seconds)
    assert len(bench.layer) == len(bench.timers) == 0
    assert bench.times("486") == [0]


def test_a_repeated_invite_gets_the_newest_answer() -> None:
    bench = Bench()
    transaction = bench.serve("INVITE")
    assert bench.layer.absorb(bench.request("INVITE"), 0.0)
    assert bench.sent == []
    for status in (100, 180, 486):
        bench.respond(transaction, status)
        bench.layer.absorb(bench.request("INVITE"), 0.0)
    assert [what for _, what in bench.sent] == ["100", "100", "180", "180", "486", "486"]


def test_timer_l_absorbs_repeated_invites_after_a_success() -> None:
    bench = Bench()
    transaction = bench.serve("INVITE")
    bench.respond(transaction, 200)
    bench.run(31.9)
    assert bench.layer.absorb(bench.request("INVITE"), bench.now)
    assert not bench.layer.absorb(bench.request("ACK"), bench.now)
    assert bench.times("200") == [0]
    bench.run(32)
    assert len(bench.layer) == len(bench.timers) == 0


@pytest.mark.parametrize(("transport", "seconds"), [("udp", 32.0), ("tcp", 0.0)])
def test_timer_j_answers_repeated_requests(transport: str, seconds: float) -> None:
    bench = Bench(transport)
    bench.respond(bench.serve("BYE"), 200)
    if seconds:
        bench.run(seconds - 0.1)
        assert bench.layer.absorb(bench.request("BYE"), bench.now)
        assert len(bench.times("200")) == 2
    bench.run(seconds)
    assert not bench.layer.absorb(bench.request("BYE"), bench.now)
    assert len(bench.layer) == len(bench.timers) == 0


def test_only_the_first_final_answer_is_sent() -> None:
    bench = Bench()
    transaction = bench.serve("OPTIONS")
    bench.respond(transaction, 200)
    bench.respond(transaction, 500)
    assert [what for _, what in bench.sent] == ["200"]


@pytest.mark.parametrize("change", [{"branch": "z9hG4bK2"}, {"call_id": "d"}, {"cseq": 2}, {"via": "192.0.2.3"}, {"via": "192.0.2.2:5061"}])
def test_another_branch_call_number_or_sender_is_another_request(change: dict[str, str]) -> None:
    bench = Bench()
    bench.serve("OPTIONS")
    assert not bench.layer.absorb(bench.request("OPTIONS", **change), 0.0)  # type: ignore[arg-type]


def test_a_bare_cookie_is_no_branch() -> None:
    bench = Bench()
    bench.layer.accept(bench.request("OPTIONS", branch="z9hG4bK"), bench.flow)
    assert not bench.layer.absorb(bench.request("OPTIONS", branch="z9hG4bK", call_id="d"), 0.0)
    assert bench.layer.absorb(bench.request("OPTIONS", branch="z9hG4bK"), 0.0)


def test_a_cancel_finds_its_invite() -> None:
    bench = Bench()
    invite = bench.serve("INVITE")
    assert bench.layer.invite_of(bench.request("CANCEL")) is invite
    assert bench.layer.invite_of(bench.request("CANCEL", branch="z9hG4bK2")) is None


def test_one_request_by_two_ways_is_noticed() -> None:
    bench = Bench()
    bench.serve("INVITE")
    assert bench.layer.is_merged(bench.request("INVITE", branch="z9hG4bK2"))
    assert not bench.layer.is_merged(bench.request("INVITE", branch="z9hG4bK2", cseq=2))


def test_what_is_in_hand_is_bounded_and_what_is_answered_counts_for_less() -> None:
    bench = Bench(limit=2)
    for number in range(2):
        request = bench.request("OPTIONS", call_id=str(number))
        transaction = bench.layer.accept(request, bench.flow)
    assert bench.layer.is_full
    bench.respond(transaction, 200)
    assert not bench.layer.is_full
    for number in range(2, 20):
        bench.respond(bench.layer.accept(bench.request("OPTIONS", call_id=str(number)), bench.flow), 200)
    assert bench.layer.is_full
    assert not bench.layer.is_overfull


def test_a_transaction_that_is_over_keeps_none_of_its_bytes() -> None:
    bench = Bench()
    transaction = bench.serve("INVITE")
    bench.respond(transaction, 200)
    assert transaction._data
    bench.run(100)
    assert not transaction._data
