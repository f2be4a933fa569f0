"""`report listening`: how long who listened to whom, as a table, JSON or CSV."""

import asyncio
import csv
import json
import sys
import time
from pathlib import Path

from rich.table import Table

from mediaserver.audit.report import LONGEST_CALL, By, ListenTime, microseconds, told
from mediaserver.cli.board import clean
from mediaserver.cli.kept import Kept, open_kept
from mediaserver.cli.watching import console_of
from mixer.modes import Mode


def listening(
    config: Path | None, folder: Path | None, *, since: str, until: str, by: tuple[By, ...], tenant: str, as_json: bool, as_csv: bool
) -> None:
    """Report the listen time of a period."""
    now = round(time.time() * 1e6)
    report = ListenTime(microseconds(since) if since else 0, microseconds(until) if until else now, by, tenant)
    asyncio.run(_fill(open_kept(config, folder), report, now, max(0, report.since - LONGEST_CALL)))
    if as_json:
        print(json.dumps(report.told()))
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, [*map(str, by), "sessions", "seconds", *Mode])
        writer.writeheader()
        writer.writerows(dict(zip(map(str, by), key, strict=True)) | told(heard) for key, heard in sorted(report.rows.items()))
    else:
        _show(report)


async def _fill(kept: Kept, report: ListenTime, now: int, since: int) -> None:
    async with kept.log() as log:
        async for found in log.entries(since):
            report.take(found.entry)
    report.finish(now)


def _show(report: ListenTime) -> None:
    table = Table(*(str(name) for name in report.by), "sessions", "time", *Mode, box=None)
    for key, heard in [*sorted(report.rows.items()), (("total", *[""] * (len(report.by) - 1)), report.total)]:
        modes = (_clock(heard.microseconds.get(mode, 0)) for mode in Mode)
        table.add_row(*map(clean, key), str(len(heard.sessions)), _clock(heard.total), *modes)
    console_of().print(table)


def _clock(microseconds: int) -> str:
    """Hours, minutes and seconds."""
    seconds = round(microseconds / 1e6)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
