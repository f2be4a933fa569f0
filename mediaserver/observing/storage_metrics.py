"""The metrics of what is kept: whether supervision can be written down, and how far the database is."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from mediaserver.audit.keeper import Keeper
from mediaserver.audit.ledger import Ledger
from mediaserver.observing.families import metric
from mediaserver.storage.journal import Journal, Trouble
from mediaserver.storage.launching import StorageProcess


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
        yield metric(name, float(value))
    yield metric("storage_lines", status.lines)
    yield metric("storage_set_aside", status.set_aside)
    trouble = metric("storage_journal_trouble")
    for kind in Trouble:
        trouble.add_metric([str(kind)], float(journal.trouble is kind))
    yield trouble
