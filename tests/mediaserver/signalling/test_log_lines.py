"""What the log says of a call names the call."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.settings import MediaSettings
from mediaserver.link.messages import LegDoubted, Notice, OpenLeg
from mediaserver.observing.counters import Counters
from mediaserver.signalling.media.worker import Worker
from tests.mediaserver.signalling.desk.test_browsers import Joined
from tests.mediaserver.signalling.desk.test_following import Floor
from tests.mediaserver.signalling.desk.test_messaging import Display, send
from tests.mediaserver.signalling.exchange import TRUNK, Exchange


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    """The lines of the log."""
    with capture_logs() as logs:
        yield logs


def of(event: str, lines: list[Any]) -> dict[str, Any]:
    """The one line of an event."""
    (found,) = (line for line in lines if line["event"] == event)
    return dict(found)


def test_a_browser_that_is_reached(lines: list[Any]) -> None:
    joined = Joined()
    made = joined.joins()
    said = of("browser.reached", lines)
    assert (said["call"], said["leg"]) == (joined.exchange.view.call, made.leg)


def test_a_leg_that_an_heir_doubts(lines: list[Any]) -> None:
    exchange = Joined().exchange
    leg = exchange.leg("agent")
    exchange.switchboard.notice(LegDoubted(leg))
    said = of("leg.doubted", lines)
    assert (said["call"], said["leg"]) == (exchange.view.call, leg)


def test_a_worker_tells_of_legs_that_its_heir_doubts_unless_they_are_to_go_anyway() -> None:
    heard: list[Notice] = []
    worker, process = Worker(0, MediaSettings(rows=8, seats=4), Counters(), heard.append), _Process()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lent:
        worker.tell(OpenLeg(5, 1, "agent", False), lend=lent.fileno())
        worker.go_on(process)  # type: ignore[arg-type]
        for leg in (5, 6):
            process.on_message(LegDoubted(leg), ())
    assert heard == [LegDoubted(5)]
    worker.memory.close()


class _Process:
    """One that takes everything."""

    on_message: Any

    def send(self, frame: bytes, descriptors: list[int]) -> None:
        """Take it."""


async def test_a_text_to_the_agent_of_a_call(lines: list[Any]) -> None:
    exchange = Exchange()
    display = Display(exchange)
    exchange.phone(TRUNK).dial("100")
    await send(exchange, display, call=exchange.view.call)
    assert of("text.sent", lines)["call"] == exchange.view.call


def test_who_leaves_the_call_that_he_came_into_by_following(lines: list[Any]) -> None:
    floor = Floor()
    floor.follows(agent="robert")
    floor.calls()
    desk, eve = floor.exchange.desk, floor.exchange.identity("eve")
    (follow,) = desk.follows(eve)
    floor.asks(desk.unfollow(eve, follow=follow["follow"]))
    assert of("follow.ended", lines)["call"] == floor.newest
