"""Where there is no room for one more call, it gets 503, and those that stand are left alone."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from config.settings import Settings
from control_api.permissions import Refusal
from mediaserver.call.view import CallState
from mediaserver.link.messages import CloseLeg
from mediaserver.signalling.overload import LEAST_CALLS, LOOK, Overload
from sip.events import Rejected
from tests.mediaserver.signalling.exchange import ROBERT, SETTINGS, TRUNK, Exchange, Phone


def talking() -> tuple[Exchange, Phone]:
    """A server with a call between a customer and robert; the customer's trunk."""
    exchange = Exchange()
    exchange.media.worker.calls = LEAST_CALLS
    robert = exchange.phone(ROBERT).register("robert", "r")
    trunk = exchange.phone(TRUNK)
    trunk.dial("100")
    robert.answers()
    return exchange, trunk


def refusals(phone: Phone) -> list[int]:
    """What a phone was refused with."""
    return [event.status for event in phone.told(Rejected)]


def test_long_turns_refuse_new_calls_and_leave_the_others() -> None:
    exchange, trunk = talking()
    exchange.media.worker.turn_length = 0.02
    trunk.dial("100")
    assert refusals(trunk) == [503]
    assert exchange.media.worker.of(CloseLeg) == []
    assert exchange.counters.value("overload", "media") == 1
    assert exchange.counters.value("invites_refused", "overloaded") == 1


def test_when_turns_are_short_again_calls_are_taken_again() -> None:
    exchange, trunk = talking()
    exchange.media.worker.turn_length = 0.02
    trunk.dial("100")
    exchange.media.worker.turn_length = 0.002
    trunk.dial("100")
    assert len(exchange.switchboard.calls) == 2


def test_calls_that_ring_are_counted_as_if_they_had_audio() -> None:
    worker: Any = SimpleNamespace(turn_length=0.006, calls=2 * LEAST_CALLS)
    states = [CallState.ANSWERED] * LEAST_CALLS + [CallState.RINGING] * LEAST_CALLS
    calls: list[Any] = [SimpleNamespace(worker=worker, view=SimpleNamespace(state=state)) for state in states]
    overload = Overload(lambda: SETTINGS.limits, calls, lambda: 0.0)
    overload.look()
    assert overload.refuses(worker) == "media"
    for call in calls:
        call.view.state = CallState.ANSWERED
    overload.look()
    assert overload.refuses(worker) == ""


def test_a_signalling_process_that_is_late_takes_no_new_calls_until_it_has_caught_up() -> None:
    exchange, trunk = talking()
    overload = exchange.switchboard.overload
    overload.look()
    exchange.network.now += LOOK + 1.0
    overload.look()
    trunk.dial("100")
    assert refusals(trunk) == [503]
    for _ in range(3):
        exchange.network.now += LOOK
        overload.look()
    trunk.dial("100")
    assert len(exchange.switchboard.calls) == 2


def test_a_few_calls_are_never_too_many_however_loaded_the_machine_is() -> None:
    exchange, trunk = talking()
    exchange.media.worker.calls, exchange.media.worker.turn_length = 1, 0.1
    trunk.dial("100")
    assert refusals(trunk) == []


async def test_the_desk_is_told_as_well() -> None:
    to_maria = {"trunk": "users", "number": "22", "targets": ["agent:maria"]}
    exchange = Exchange(Settings.model_validate(SETTINGS.model_dump() | {"routes": [to_maria]}))
    exchange.media.worker.turn_length, exchange.media.worker.calls = 0.02, LEAST_CALLS
    with pytest.raises(Refusal, match="busy"):
        async with asyncio.timeout(30):
            await exchange.desk.originate(exchange.identity("eve"), agent="robert", number="22")
