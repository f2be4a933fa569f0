"""What `/metrics` says of a server with a call."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pytest

from config.settings import MediaSettings
from mediaserver.link.memory import Memory
from mediaserver.observing.metrics import ServerCollector, metrics_text
from mediaserver.signalling.media.worker import Worker
from mediaserver.signalling.media.workers import Media
from sip.transport.certificates import Shown
from tests.mediaserver.signalling.exchange import ROBERT, TRUNK, Exchange


class NoWorkers:
    """Media without a worker to weigh."""

    workers: tuple[Worker, ...] = ()
    spares = 1


@dataclass
class Measured:
    """A worker that is nothing but its memory."""

    memory: Memory
    index: int = 0


@dataclass
class OneWorker:
    """Media with that worker."""

    workers: tuple[Measured]
    spares = 1


@pytest.fixture
def memory() -> Iterator[Memory]:
    """Room for the legs of one call."""
    made = Memory.create(16, 4, 4)
    yield made
    made.close()


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


def test_a_counter_without_a_label_is_there_from_the_start_and_one_with_a_label_from_its_first_time() -> None:
    exchange = Exchange()
    collector = ServerCollector(exchange.switchboard.calls, cast(Media, NoWorkers()), exchange.ports, exchange.counters)
    told = metrics_text(collector)().decode().splitlines()
    assert "mediaserver_workers_died_total 0.0" in told
    assert not any(line.startswith("mediaserver_faults_total") for line in told)
    exchange.counters.add("workers_died")
    exchange.counters.add("faults", "beat")
    told = metrics_text(collector)().decode().splitlines()
    assert [line for line in told if line.startswith("mediaserver_workers_died_total")] == ["mediaserver_workers_died_total 1.0"]
    assert 'mediaserver_faults_total{label="beat"} 1.0' in told


def test_the_end_of_each_certificate_is_told() -> None:
    exchange = Exchange()
    collector = ServerCollector(exchange.switchboard.calls, cast(Media, NoWorkers()), exchange.ports, exchange.counters)
    collector.certificates = lambda: (Shown("/etc/sip.pem", ("pbx.example.com",), datetime.fromtimestamp(2_000_000_000, UTC)),)
    told = metrics_text(collector)().decode()
    assert 'mediaserver_certificate_expires_seconds{file="/etc/sip.pem"} 2e+09' in told


def test_packets_of_ended_legs_stay_counted(memory: Memory) -> None:
    exchange = Exchange()
    robert = exchange.phone(ROBERT).register("robert", "r")
    exchange.phone(TRUNK).dial("100")
    robert.answers()
    media = Media(MediaSettings(), {}, exchange.counters)
    worker = Measured(memory)
    (entry,) = exchange.switchboard.calls
    rows = [leg.row for leg in entry.legs.values()]
    entry.worker = cast(Worker, worker)
    for row in rows:
        memory.view("count.received")[row] = 50
    collector = ServerCollector(exchange.switchboard.calls, cast(Media, OneWorker((worker,))), exchange.ports, exchange.counters)
    live = metrics_text(collector)().decode()
    media.keep_counters(cast(Worker, worker), rows[0])
    memory.view("count.received")[rows[0]] = 0
    ended = metrics_text(collector)().decode()
    for told in (live, ended):
        assert f'mediaserver_rtp_packets_total{{kind="received"}} {50.0 * len(rows)}' in told
        assert told.count("# TYPE mediaserver_rtp_packets_total") == 1


def test_what_a_worker_counted_of_itself_is_told(memory: Memory) -> None:
    memory.view("total.turns_failed")[0] = 2
    exchange = Exchange()
    collector = ServerCollector(exchange.switchboard.calls, cast(Media, OneWorker((Measured(memory),))), exchange.ports, exchange.counters)
    told = metrics_text(collector)().decode()
    assert 'mediaserver_worker_events_total{kind="turns_failed",worker="0"} 2.0' in told


def test_the_counters_of_a_worker_that_is_gone_are_left_alone() -> None:
    exchange = Exchange()
    gone = Memory.create(16, 4, 4)
    gone.close()
    Media(MediaSettings(), {}, exchange.counters).keep_counters(cast(Worker, Measured(gone)), 0)
    assert exchange.counters.items() == []


def test_every_leg_that_ends_has_its_packets_kept_before_its_row_is_wiped() -> None:
    exchange = Exchange()
    robert = exchange.phone(ROBERT).register("robert", "r")
    exchange.phone(TRUNK).dial("100")
    session = robert.answers()
    (entry,) = exchange.switchboard.calls
    rows = {leg.row for leg in entry.legs.values()}
    robert.hangs_up(session)
    exchange.run()
    assert set(exchange.media.kept) == rows


def test_supervisors_are_counted_by_mode_from_zero() -> None:
    assert [line for line in text().splitlines() if line.startswith("mediaserver_supervisors{")] == [
        'mediaserver_supervisors{mode="listen"} 0.0',
        'mediaserver_supervisors{mode="whisper"} 0.0',
        'mediaserver_supervisors{mode="barge"} 0.0',
    ]
