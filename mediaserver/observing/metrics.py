"""Prometheus metrics, gathered when they are asked for: nothing is kept here that somebody else counts already."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from mediaserver.call.view import LegState
from mediaserver.link.layout import LATENESS_STEP_MS
from mediaserver.link.memory import COUNTERS
from mediaserver.observing.counters import Counters
from mediaserver.observing.families import SINGLE, metric
from mediaserver.signalling.calls.live import Calls
from mediaserver.signalling.media.ports import PortPool
from mediaserver.signalling.media.worker import Worker
from mediaserver.signalling.media.workers import RTP_PACKETS, Media
from mixer.modes import Mode
from sip.transport.certificates import Shown

_DROPPED = "dropped_"


class ServerCollector(Collector):
    """Reads the signalling process and the shared memory of the workers."""

    def __init__(self, calls: Calls, media: Media, ports: PortPool, counters: Counters) -> None:
        self._calls = calls
        self._media = media
        self._ports = ports
        self._counters = counters
        self.counted: dict[str, Callable[[], Mapping[str, int]]] = {}
        """Counters that other rooms keep, by the name of their family; one label, the kind."""
        self.certificates: Callable[[], tuple[Shown, ...]] = tuple
        self.gathered: list[Callable[[], Iterator[Metric]]] = []
        """Families that other rooms make."""

    def collect(self) -> Iterator[Metric]:
        """Every family, fresh."""
        yield self._live_calls()
        yield self._legs()
        yield self._supervisors()
        yield metric("worker_spares", self._media.spares)
        yield metric("media_ports_lent", self._ports.lent)
        yield from self._counted()
        for name, read in self.counted.items():
            family = metric(name)
            for kind, value in read().items():
                family.add_metric([kind], value)
            yield family
        yield self._certificates()
        for gather in self.gathered:
            yield from gather()
        yield from self._workers()

    def _live_calls(self) -> Metric:
        family = metric("calls")
        found: dict[tuple[str, str], int] = {}
        for entry in self._calls:
            key = (entry.view.tenant, str(entry.view.state))
            found[key] = found.get(key, 0) + 1
        for (tenant, state), value in found.items():
            family.add_metric([tenant, state], value)
        return cast(Metric, family)

    def _legs(self) -> Metric:
        family = metric("legs")
        found: dict[str, int] = {}
        for entry in self._calls:
            for leg in entry.legs.values():
                found[str(leg.role)] = found.get(str(leg.role), 0) + 1
        for role, value in found.items():
            family.add_metric([role], value)
        return cast(Metric, family)

    def _supervisors(self) -> Metric:
        found = dict.fromkeys(map(str, Mode), 0)
        for entry in self._calls:
            for leg in entry.view.legs:
                if leg.mode is not None and leg.state in (LegState.ANSWERED, LegState.HELD):
                    found[str(leg.mode)] += 1
        family = metric("supervisors")
        for mode, value in found.items():
            family.add_metric([mode], value)
        return cast(Metric, family)

    def _certificates(self) -> Metric:
        family = metric("certificate_expires_seconds")
        for shown in self.certificates():
            family.add_metric([shown.file], shown.expires_at.timestamp())
        return cast(Metric, family)

    def _counted(self) -> Iterator[Metric]:
        families: dict[str, Any] = {}
        counted = dict.fromkeys(((name, "") for name in SINGLE), 0) | {
            (name, label): value for name, label, value in self._counters.items()
        }
        for (name, label), value in counted.items():
            if name == RTP_PACKETS:
                continue  # told with those of the live legs
            if name not in families:
                families[name] = metric(name)
            families[name].add_metric([label] if label else [], value)
        yield from families.values()

    def _workers(self) -> Iterator[Metric]:
        packets = metric("rtp_packets")
        totals = {kind: self._counters.value(RTP_PACKETS, kind) for kind in COUNTERS}
        events = metric("worker_events")
        cpu = metric("worker_cpu_seconds")
        turns = metric("worker_turns")
        length = metric("turn_length_seconds")
        late = metric("turn_late_seconds")
        for worker in self._media.workers:
            label = [str(worker.index)]
            cpu.add_metric(label, worker.memory.cpu_seconds)
            turns.add_metric(label, worker.memory.turn)
            length.add_metric(label, worker.memory.turn_length)
            late.add_metric(label, _buckets(worker), sum_value=None)
            for kind, value in worker.memory.worker_counters().items():
                events.add_metric([*label, kind], value)
            self._add_rows(worker, totals)
        for kind, value in totals.items():
            packets.add_metric([kind], value)
        yield from (packets, cpu, turns, length, events, late)

    def _add_rows(self, worker: Worker, totals: dict[str, int]) -> None:
        for entry in self._calls:
            for leg in entry.legs.values():
                if entry.worker is worker and leg.row >= 0:
                    for kind, value in worker.memory.counters(leg.row).items():
                        totals[kind] += value


def dropped(counters: Mapping[str, int]) -> dict[str, int]:
    """Of a user agent's counters, the messages that got no answer."""
    return {name.removeprefix(_DROPPED): count for name, count in counters.items() if name.startswith(_DROPPED)}


def _buckets(worker: Worker) -> list[tuple[str, float]]:
    """The worker's histogram as cumulative Prometheus buckets, steps doubled from half a millisecond on."""
    counts = worker.memory.lateness_counts()
    edges = {2**power for power in range(8)}
    seen, buckets = 0, []
    for step, count in enumerate(counts[:-1], 1):
        seen += count
        if step in edges:
            buckets.append((str(step * LATENESS_STEP_MS / 1000), float(seen)))
    buckets.append(("+Inf", float(seen + counts[-1])))
    return buckets


def metrics_text(collector: ServerCollector) -> Callable[[], bytes]:
    """What ``/metrics`` says: the server's metrics and the process's own."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)
