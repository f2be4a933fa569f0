"""Client transactions: RFC 3261 §17.1 with RFC 6026, timer by timer."""

import pytest

from sip.transaction.states import State
from tests.sip.transaction.bench import Bench


def test_timer_a_doubles_without_a_bound_and_timer_b_gives_up() -> None:
    bench = Bench()
    bench.ask("INVITE")
    bench.run(100)
    assert bench.times("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert bench.told == [(32.0, "timeout")]
    assert len(bench.layer) == len(bench.timers) == bench.layer.in_hand == 0


def test_timer_e_doubles_up_to_t2_and_timer_f_gives_up() -> None:
    bench = Bench()
    bench.ask("OPTIONS")
    bench.run(100)
    assert bench.times("OPTIONS") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.told == [(32.0, "timeout")]
    assert len(bench.layer) == 0


def test_after_a_provisional_answer_timer_e_is_t2() -> None:
    bench = Bench()
    transaction = bench.ask("OPTIONS")
    bench.arrive(transaction.request, 100)
    bench.run(10)
    assert bench.times("OPTIONS") == [0, 0.5, 4.5, 8.5]


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_reliable_transport_is_not_helped(method: str) -> None:
    bench = Bench("tcp")
    bench.ask(method)
    bench.run(100)
    assert bench.times(method) == [0]
    assert bench.told == [(32.0, "timeout")]


@pytest.mark.parametrize(("transport", "seconds"), [("udp", 32.0), ("tcp", 0.0)])
def test_timer_d_keeps_a_refused_invite_for_repeated_answers(transport: str, seconds: float) -> None:
    bench = Bench(transport)
    transaction = bench.ask("INVITE")
    bench.arrive(transaction.request, 486)
    assert bench.times("ACK") == [0]
    if seconds:
        bench.run(seconds - 0.1)
        bench.arrive(transaction.request, 486)
        assert len(bench.times("ACK")) == 2
        bench.run(seconds)
    assert len(bench.layer) == 0
    assert bench.told == [(0.0, "486")]


@pytest.mark.parametrize(("transport", "seconds"), [("udp", 5.0), ("tcp", 0.0)])
def test_timer_k_keeps_an_answered_request(transport: str, seconds: float) -> None:
    bench = Bench(transport)
    transaction = bench.ask("BYE")
    assert bench.arrive(transaction.request, 200) == ""
    assert len(bench.layer) == (1 if seconds else 0)
    if seconds:
        assert bench.arrive(transaction.request, 200) == "response_too_late"
    bench.run(seconds)
    assert len(bench.layer) == len(bench.timers) == 0
    assert bench.told == [(0.0, "200")]


def test_timer_m_lets_every_success_through_and_nothing_else() -> None:
    bench = Bench()
    transaction = bench.ask("INVITE")
    assert [bench.arrive(transaction.request, status) for status in (200, 200, 180, 486)] == [
        "",
        "",
        "response_too_late",
        "response_too_late",
    ]
    assert transaction.state is State.ACCEPTED
    bench.run(31.9)
    assert bench.arrive(transaction.request, 200) == ""
    bench.run(32)
    assert bench.arrive(transaction.request, 200) == "response_without_transaction"
    assert [status for _, status in bench.told] == ["200", "200", "200"]


def test_a_response_is_matched_by_branch_method_and_call() -> None:
    bench = Bench()
    bench.ask("OPTIONS")
    assert bench.arrive(bench.request("OPTIONS", branch="z9hG4bK2"), 200) == "response_without_transaction"
    assert bench.arrive(bench.request("INFO"), 200) == "response_without_transaction"
    assert bench.arrive(bench.request("OPTIONS", call_id="d"), 200) == "response_without_transaction"
    assert bench.arrive(bench.request("OPTIONS"), 200) == ""


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_lost_transport_is_told_once(method: str) -> None:
    bench = Bench("tcp")
    bench.ask(method)
    bench.layer.lost(bench.flow, 1.0)
    bench.layer.lost(bench.flow, 2.0)
    assert bench.told == [(1.0, "transport")]
    assert bench.layer.in_hand == 0


def test_a_transaction_that_is_over_keeps_its_request_and_nothing_that_can_be_made_anew() -> None:
    bench = Bench()
    transaction = bench.ask("INVITE")
    written = transaction.request.serialize()
    bench.arrive(transaction.request, 200)
    bench.run(100)
    assert not transaction._data
    assert not transaction.request._data
    assert transaction.request._index is None
    assert transaction.request.serialize() == written
    assert transaction.request.cseq.number == 1
    assert bench.parted == [transaction]
