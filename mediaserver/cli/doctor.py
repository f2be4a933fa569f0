"""`doctor`: what was found, a line each, with what to do."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Final

import typer
from rich.table import Table
from rich.text import Text

from config.loading import load
from mediaserver.cli.board import clean
from mediaserver.cli.ending import OTHER
from mediaserver.cli.watching import console_of
from mediaserver.doctor.finding import Finding, Grade
from mediaserver.doctor.running import examine, is_well

STYLE: Final = {Grade.GOOD: "green", Grade.POOR: "yellow", Grade.BAD: "bold red"}


def doctor(config: Path | None, as_json: bool) -> None:
    """Print every finding; exit code 1 where one is bad."""
    findings = examine(load(config, os.environ))
    if as_json:
        print(json.dumps({"ok": is_well(findings), "findings": [asdict(finding) for finding in findings]}))
    else:
        console_of().print(_table(findings))
    if not is_well(findings):
        raise typer.Exit(OTHER)


def _table(findings: list[Finding]) -> Table:
    table = Table.grid(padding=(0, 1))
    for finding in findings:
        said = Text(clean(finding.text))
        if finding.todo:
            said.append(f" → {clean(finding.todo)}", "bold")
        table.add_row(Text(finding.grade, STYLE[finding.grade]), finding.name, said)
    return table
