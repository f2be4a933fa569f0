"""What `/metrics` says of a server with a call."""

from typing import cast

from mediaserver.observing.metrics import ServerCollector, metrics_text
from mediaserver.signalling.media import Media, Worker
from tests.mediaserver.signalling.exchange import ROBERT, TRUNK, Exchange


class NoWorkers:
    """Media without a worker to weigh."""

    workers: tuple[Worker, ...] = ()


def text() -> str:
    """The metrics of an exchange with one answered call."""
    exchange = Exchange()
    robert = exchange.phone(ROBERT).register("robert", "r")
    exchange.phone(TRUNK).dial("100")
    robert.answers()
    exchange.phone(("127.0.1.1", 5070)).dial("555")
    collector = ServerCollector(exchange.switchboard.calls, cast(Media, NoWorkers()), exchange.ports, exchange.counters)
    collector.counted["sip_events"] = lambda: {"retransmitted": 2}
    return metrics_text(collector)().decode()


def test_calls_and_legs_are_counted_by_state_and_role() -> None:
    told = text()
    assert 'mediaserver_calls{state="answered",tenant="default"} 1.0' in told
    assert 'mediaserver_legs{role="agent"} 1.0' in told
    assert "mediaserver_media_ports_lent 2.0" in told


def test_refusals_and_what_other_rooms_count_are_told_with_help() -> None:
    told = text()
    assert 'mediaserver_invites_refused_total{label="no_route"} 1.0' in told
    assert 'mediaserver_sip_events_total{kind="retransmitted"} 2.0' in told
    families = [line.split()[2] for line in told.splitlines() if line.startswith("# HELP mediaserver_")]
    assert len(families) == len(set(families)) >= 8
