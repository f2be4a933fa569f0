"""Prometheus metrics, gathered when they are asked for: nothing is kept here that somebody else counts already."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from mediaserver.link.layout import LATENESS_STEP_MS
from mediaserver.link.memory import COUNTERS
from mediaserver.observing.counters import Counters
from mediaserver.signalling.calls.live import Calls
from mediaserver.signalling.media.ports import PortPool
from mediaserver.signalling.media.worker import Worker
from mediaserver.signalling.media.workers import RTP_PACKETS, Media
from sip.transport.certificates import Shown

_DROPPED = "dropped_"

HELP = {
    "sip_events": "What the SIP user agent counted: messages received and sent, drops, refusals, retransmissions, time-outs, by kind.",
    "control_events": "What the control API counted: clients, commands, slow readers, by kind.",
    "calls_ended": "Calls that ended, by cause.",
    "certificates": "Certificates read anew, or refused, by label.",
    "overload": "Calls that were not taken for want of room, by what was busy: media or signalling.",
    "settings": "Settings read anew under way, or refused, by label.",
    "legs_refused": "Legs that a media worker had no room for.",
    "legs_secured": "Legs on SRTP, by crypto suite, their keys from descriptions or a handshake; again where one changes its suite.",
    "browsers_lost": "Legs whose browser counted as gone, by why: no checks, never reached, no handshake, it said goodbye.",
    "browser_datagrams_dropped": "STUN and DTLS of browser legs that was not taken, by reason.",
    "browser_datagrams_unsent": "STUN and DTLS to browser legs that the system did not send.",
    "invites_refused": "INVITEs answered with a failure before a call began, by reason.",
    "watchers_refused": "Subscriptions to agents' calls that were refused, by reason.",
    "trunk_calls_in": "Calls that began from a trunk, by trunk.",
    "trunk_calls_out": "Calls that began to a trunk, by trunk.",
    "trunk_refused": "Calls over a trunk's caps, by trunk, direction and cap.",
    "trunk_keepalives": "OPTIONS sent to trunks, by the status of their answer.",
    "trunk_registrations": "REGISTERs sent to trunks, by the status of their answer.",
    "refusals": "Requests of supervisors that were refused, by code.",
    "digits": "Digits received in RTP, by the role of the leg.",
    "bans": "Sources and users kept out for wrong passwords.",
    "contacts_left_out": "Phones that were not rung with a user's best one, since one offer could not serve both.",
    "locations": "Searches for where a request goes, by result.",
    "dns_answers": "Answers of DNS: some, none, failed.",
    "sip_dropped": "Messages that got no answer, by reason.",
    "transfers": "Transfers that succeeded, by their way.",
    "transfers_refused": "REFERs that were refused, by reason.",
    "transfers_failed": "Transfers whose target did not answer, by cause.",
    "replacements": "Legs that were replaced by INVITE with Replaces, by the part that the old one had.",
    "replacements_refused": "INVITEs with Replaces that a call refused, by reason.",
    "workers_died": "Media workers that died.",
    "workers_hung": "Media workers that were killed because their turns stood still.",
    "spares_died": "Spare media workers that died while they waited.",
    "heirs": "Spare media workers that took over a dead one's calls.",
    "legs_moved": "Legs that went to another media worker: whole, with their numbers, or opened anew there.",
    "legs_doubted": "Legs that an heir could not adopt, and that were opened anew.",
    "calls_that_killed": "Calls that were ended because their packets killed two media workers.",
    "quality_events": "Ways of legs that began to sound bad (dropped) or were well again (recovered), by which and way.",
    "dialogs_left_behind": "Dialogs that a crash left behind: ended with BYE after the restart, or out of our reach.",
    "journal_looks_left_out": "Looks at the dialogs that were not noted, since the disk was too slow.",
    "storage_died": "Processes that bring the journal into the database and died.",
    "storage_dropped": "Lines for the journal that were dropped because it could not be written for too long, by why.",
    "storage_journal_failures": "Writes that the journal refused or that failed, by why.",
    "audit_heads_sent": "Signed heads of the audit log sent to audit.send_to: taken, failed, or left out.",
    "webhooks_delivered": "Events that a webhook has taken, by webhook.",
    "webhooks_failed": "Attempts to deliver an event that failed, by webhook.",
    "webhooks_dropped": "Events that a webhook never got, by reason: its queue was full, they were too old, or it wants nothing any more.",
    "lookups": "Lookups of callers: found, nothing, timeout, failed, unreadable, or too many at once.",
    "faults": "Faults in what is done again and again, by what it was; each has a traceback in the log.",
}


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
        yield GaugeMetricFamily(
            "mediaserver_worker_spares", "Spare media workers, ready to take a dead one's place.", value=self._media.spares
        )
        yield GaugeMetricFamily("mediaserver_media_ports_lent", "Media ports lent to legs.", value=self._ports.lent)
        yield from self._counted()
        for name, read in self.counted.items():
            family = CounterMetricFamily(f"mediaserver_{name}", HELP[name], labels=["kind"])
            for kind, value in read().items():
                family.add_metric([kind], value)
            yield family
        yield self._certificates()
        for gather in self.gathered:
            yield from gather()
        yield from self._workers()

    def _live_calls(self) -> Metric:
        family = GaugeMetricFamily("mediaserver_calls", "Live calls, by tenant and state.", labels=["tenant", "state"])
        found: dict[tuple[str, str], int] = {}
        for entry in self._calls:
            key = (entry.view.tenant, str(entry.view.state))
            found[key] = found.get(key, 0) + 1
        for (tenant, state), value in found.items():
            family.add_metric([tenant, state], value)
        return family

    def _legs(self) -> Metric:
        family = GaugeMetricFamily("mediaserver_legs", "Live legs, by role.", labels=["role"])
        found: dict[str, int] = {}
        for entry in self._calls:
            for leg in entry.legs.values():
                found[str(leg.role)] = found.get(str(leg.role), 0) + 1
        for role, value in found.items():
            family.add_metric([role], value)
        return family

    def _certificates(self) -> Metric:
        family = GaugeMetricFamily(
            "mediaserver_certificate_expires_seconds", "When a certificate that we show runs out, as Unix time.", labels=["file"]
        )
        for shown in self.certificates():
            family.add_metric([shown.file], shown.expires_at.timestamp())
        return family

    def _counted(self) -> Iterator[Metric]:
        families: dict[str, CounterMetricFamily] = {}
        for name, label, value in self._counters.items():
            if name == RTP_PACKETS:
                continue  # told with those of the live legs
            if name not in families:
                text = HELP.get(name, name.replace("_", " ").capitalize() + ", by label.")
                families[name] = CounterMetricFamily(f"mediaserver_{name}", text, labels=["label"])
            families[name].add_metric([label], value)
        yield from families.values()

    def _workers(self) -> Iterator[Metric]:
        packets = CounterMetricFamily("mediaserver_rtp_packets", "RTP packets, by what became of them.", labels=["kind"])
        totals = {kind: self._counters.value(RTP_PACKETS, kind) for kind in COUNTERS}
        events = CounterMetricFamily(
            "mediaserver_worker_events", "What a media worker counted of itself, by kind: frames, turns.", labels=["worker", "kind"]
        )
        cpu = CounterMetricFamily("mediaserver_worker_cpu_seconds", "CPU time of a media worker.", labels=["worker"])
        turns = CounterMetricFamily("mediaserver_worker_turns", "Turns that a media worker has made.", labels=["worker"])
        length = GaugeMetricFamily("mediaserver_turn_length_seconds", "How long a media worker's turns are now.", labels=["worker"])
        late = HistogramMetricFamily("mediaserver_turn_late_seconds", "How late a media worker's turns started.", labels=["worker"])
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
