"""The command `mediaserver`: what there is to say, and where it is done. Imports nothing heavy by itself."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from mediaserver.cli.access import access_app, access_commands
from mediaserver.cli.books import audit_app, report_app
from mediaserver.cli.deriving import Derived, Others, put_into
from mediaserver.cli.ending import one_line_errors
from mediaserver.cli.options import DEFAULT_URL, AsJson, Config, Phone, Target, Token, Url, Wait, Which
from mediaserver.cli.places import TOP, Panel

app = typer.Typer(
    name="mediaserver",
    cls=Derived,
    help="Live call monitoring: listen, whisper, barge.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

call_app = typer.Typer(cls=Derived, help="One call: show it, start one, bring somebody in.", no_args_is_help=True)
api_app = typer.Typer(cls=Others, help="What else the control API can be told and asked.", no_args_is_help=True)
put_into(call_app, "call")


def main() -> None:
    """The entry point."""
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        try:
            print(f"mediaserver {version('mediaserver')}")
        except PackageNotFoundError:
            print("mediaserver (not installed)")
        raise typer.Exit


@app.callback()
def common(
    show_version: Annotated[
        bool, typer.Option("--version", metavar="", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Live call monitoring: listen, whisper, barge."""


@app.command(rich_help_panel=Panel.SUPERVISING)
def listen(
    which: Which, phone: Phone = None, url: Url = DEFAULT_URL, token: Token = "", wait: Wait = True, as_json: AsJson = False
) -> None:
    """Hear a call, heard by nobody. Your phone rings; if you are in the call already, your mode changes."""
    with one_line_errors():
        from mediaserver.cli import supervising

        supervising.enter(url, token, which, "listen", "agent", phone, wait, as_json)


@app.command(rich_help_panel=Panel.SUPERVISING)
def whisper(
    which: Which,
    target: Target = "agent",
    phone: Phone = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    wait: Wait = True,
    as_json: AsJson = False,
) -> None:
    """Hear a call, heard by the agent alone."""
    with one_line_errors():
        from mediaserver.cli import supervising

        supervising.enter(url, token, which, "whisper", target, phone, wait, as_json)


@app.command(rich_help_panel=Panel.SUPERVISING)
def barge(which: Which, phone: Phone = None, url: Url = DEFAULT_URL, token: Token = "", wait: Wait = True, as_json: AsJson = False) -> None:
    """Hear a call and be heard by everybody in it."""
    with one_line_errors():
        from mediaserver.cli import supervising

        supervising.enter(url, token, which, "barge", "agent", phone, wait, as_json)


@app.command(rich_help_panel=Panel.SUPERVISING)
def leave(
    which: Annotated[str | None, typer.Argument(metavar="CALL-OR-AGENT", help="Left out: the one call that you are in.")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Leave a call that you supervise."""
    with one_line_errors():
        from mediaserver.cli import supervising

        supervising.leave(url, token, which, as_json)


@app.command(rich_help_panel=Panel.CALLS)
def calls(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """List the live calls that you may see."""
    with one_line_errors():
        from mediaserver.cli import watching

        watching.calls(url, token, as_json)


@app.command(rich_help_panel=Panel.CALLS)
def top(
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
    once: Annotated[bool, typer.Option("--once", metavar="", help="Show it once and end.")] = False,
    seconds: Annotated[float | None, typer.Option(help="End after so long.")] = None,
) -> None:
    """Watch the calls live: who talks, who listens in."""
    with one_line_errors():
        from mediaserver.cli import watching

        watching.top(url, token, as_json, 0.0 if once else seconds)


@app.command(rich_help_panel=Panel.CALLS)
def message(
    which: Annotated[str, typer.Argument(metavar="CALL-OR-AGENT", help="An agent, or a call whose agent is meant.")],
    text: Annotated[str, typer.Argument(help="What his phone is to show.")],
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Send a text to an agent's phone."""
    with one_line_errors():
        from mediaserver.cli import supervising

        supervising.message(url, token, which, text, as_json)


@app.command(rich_help_panel=Panel.CALLS)
def hangup(
    which: Which,
    leg: Annotated[int | None, typer.Option(help="Hang up this leg only (calls --json tells the legs); left out: end the call.")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """End a call, or hang up one leg of it (rights of their own)."""
    with one_line_errors():
        from mediaserver.cli import supervising

        supervising.hang_up(url, token, which, leg, as_json)


@app.command(rich_help_panel=Panel.CALLS)
def trace(
    call: Annotated[str, typer.Argument(metavar="CALL", help="Id of a call, live or ended.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", metavar="", help="Go on until the call is over.")] = False,
    full: Annotated[bool, typer.Option("--full", metavar="", help="Print whole messages.")] = False,
    pcap: Annotated[Path | None, typer.Option("--pcap", help="Write a pcap file instead.")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show a call's SIP messages as a ladder (right trace)."""
    with one_line_errors():
        from mediaserver.cli import tracing

        tracing.trace(url, token, call, follow=follow, full=full, pcap=pcap, as_json=as_json)


@app.command(rich_help_panel=Panel.SERVER)
def serve(
    config: Config = None,
    log_json: Annotated[bool, typer.Option("--log-json", metavar="", help="Log as JSON, one object a line.")] = False,
    log_level: Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the server until it is told to stop (SIGTERM or Ctrl+C)."""
    with one_line_errors():
        from mediaserver.cli import serving

        code = serving.serve(config, log_json, log_level)
    raise typer.Exit(code)


@app.command("check-config", rich_help_panel=Panel.SERVER)
def check_config(config: Config = None, as_json: AsJson = False) -> None:
    """Check a configuration without starting anything; exit code 78 where it is wrong."""
    with one_line_errors():
        from mediaserver.cli import serving

        serving.check_config(config, as_json)


@app.command(rich_help_panel=Panel.SERVER)
def doctor(config: Config = None, as_json: AsJson = False) -> None:
    """Say what this machine gives the server and what it lacks; exit code 1 where it is not enough."""
    with one_line_errors():
        from mediaserver.cli import doctor as checks

        checks.doctor(config, as_json)


@app.command(rich_help_panel=Panel.SERVER)
def demo(
    seconds: Annotated[float | None, typer.Option(help="Stop by itself after so long.")] = None,
    bind: Annotated[str, typer.Option(help="Address for SIP and RTP; another one lets phones of your network in.")] = "127.0.0.1",
) -> None:
    """Start a server with three calls that talk, say how to join them, and show the board."""
    with one_line_errors():
        from mediaserver.cli.demo import run

        code = run(seconds, bind)
    raise typer.Exit(code)


put_into(app, TOP)
app.add_typer(call_app, name="call", rich_help_panel=Panel.CALLS)
app.add_typer(access_commands)
app.add_typer(access_app, name="access", rich_help_panel=Panel.ACCESS)
app.add_typer(audit_app, name="audit", rich_help_panel=Panel.PAST)
app.add_typer(report_app, name="report", rich_help_panel=Panel.PAST)
app.add_typer(api_app, name="api", rich_help_panel=Panel.SERVER)
