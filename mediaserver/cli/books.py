"""The commands `mediaserver audit` and `mediaserver report`: what there is to say, and where it is done."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mediaserver.cli.ending import one_line_errors
from mediaserver.cli.options import AsJson, Config

audit_app = typer.Typer(help="The log of who supervised whom: is it whole, and what does it say.", no_args_is_help=True)
report_app = typer.Typer(help="Reports from the audit log.", no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="The server's storage folder; left out: as configured, or the service's own.", show_default=False),
]


class Column(StrEnum):
    """What the rows of the report on listening are about."""

    TENANT = "tenant"
    SUPERVISOR = "supervisor"
    AGENT = "agent"
    TEAM = "team"
    DAY = "day"
    MONTH = "month"


@audit_app.command()
def verify(
    config: Config = None,
    folder: Folder = None,
    head: Annotated[
        list[Path] | None,
        typer.Option("--head", help="A file with signed heads, - for the standard input; left out: the server's own. May be repeated."),
    ] = None,
    key_file: Annotated[list[Path] | None, typer.Option("--key-file", help="A key that was used before. May be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check the audit log against its seals and its signed head; exit code 1 where somebody changed it."""
    with one_line_errors():
        from mediaserver.cli import auditing

        auditing.verify(config, folder, head or [], key_file or [], as_json)


@audit_app.command()
def show(
    config: Config = None,
    folder: Folder = None,
    since: Annotated[str, typer.Option(help="From this time on: 2030-01-31 or 2030-01-31T12:00, UTC.")] = "",
    identity: Annotated[str, typer.Option(help="Of this supervisor only.")] = "",
    call: Annotated[str, typer.Option(help="About this call only.")] = "",
    kind: Annotated[str, typer.Option(help="Of this kind only, such as supervisor or command.refused.")] = "",
    most: Annotated[int, typer.Option(min=1, help="So many, the newest.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Print entries of the audit log, the newest last."""
    with one_line_errors():
        from mediaserver.cli import auditing

        auditing.show(config, folder, since=since, identity=identity, call=call, kind=kind, most=most, as_json=as_json)


@report_app.command()
def listening(
    config: Config = None,
    folder: Folder = None,
    since: Annotated[str, typer.Option(help="From this time on: 2030-01-31 or 2030-01-31T12:00, UTC.")] = "",
    until: Annotated[str, typer.Option(help="Until this time; left out: now.")] = "",
    by: Annotated[
        list[Column] | None, typer.Option("--by", help="What a row is about. May be repeated; left out: supervisor and agent.")
    ] = None,
    tenant: Annotated[str, typer.Option(help="Of this tenant only.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", metavar="", help="Print CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """How long who listened to whom, and in which mode."""
    with one_line_errors():
        from mediaserver.audit.report import By
        from mediaserver.cli import reporting

        columns = tuple(By(column) for column in by or (Column.SUPERVISOR, Column.AGENT))
        reporting.listening(config, folder, since=since, until=until, by=columns, tenant=tenant, as_json=as_json, as_csv=as_csv)
