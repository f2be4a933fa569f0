"""The metrics of what is kept: whether supervision can be written down, and how far the database is."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from mediaserver.audit.keeper import Keeper
from mediaserver.audit.ledger import Ledger
from mediaserver.storage.journal import Journal, Trouble
from mediaserver.storage.launching import StorageProcess

_GAUGES: Final = {
    "storage_journal_bytes": "What the journal has on disk.",
    "storage_behind_bytes": "Of the journal, what is not in the database yet.",
    "storage_database_up": "Whether the database answered when it was last asked, 1 or 0.",
    "audit_entries": "Entries of this server's audit log.",
    "audit_supervisors": "Supervisors who are in calls, by the audit log.",
    "audit_head_signed_seconds": "When the audit log's head was last signed, as Unix time.",
}


def storage_metrics(journal: Journal, ledger: Ledger, keeper: Keeper, process: StorageProcess) -> Iterator[Metric]:
    """Every family, fresh."""
    status = process.status
    values = {
        "storage_journal_bytes": journal.octets,
        "storage_behind_bytes": process.behind,
        "storage_database_up": status.is_up,
        "audit_entries": ledger.head.count,
        "audit_supervisors": len(ledger.sessions.open),
        "audit_head_signed_seconds": 0.0 if keeper.head is None else keeper.head.at / 1e6,
    }
    for name, value in values.items():
        yield GaugeMetricFamily(f"mediaserver_{name}", _GAUGES[name], value=float(value))
    yield CounterMetricFamily("mediaserver_storage_lines", "Lines of the journal that came into the database.", value=status.lines)
    yield CounterMetricFamily("mediaserver_storage_set_aside", "Lines that the database would not take.", value=status.set_aside)
    text = "Why the journal takes nothing new, and so nobody new may supervise: 1 or 0."
    trouble = GaugeMetricFamily("mediaserver_storage_journal_trouble", text, labels=["trouble"])
    for kind in Trouble:
        trouble.add_metric([str(kind)], float(journal.trouble is kind))
    yield trouble
