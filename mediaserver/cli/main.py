"""The command `mediaserver`: what there is to say, and where it is done. Imports nothing heavy by itself."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from mediaserver.cli.books import audit_app, report_app
from mediaserver.cli.ending import one_line_errors
from mediaserver.cli.options import DEFAULT_URL, AsJson, Config, Phone, Target, Token, Url, Wait, Which

app = typer.Typer(
    name="mediaserver",
    help="Live call monitoring: listen, whisper, barge.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(audit_app, name="audit")
app.add_typer(report_app, name="report")


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
    show_version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")] = False,
) -> None:
    """Live call monitoring: listen, whisper, barge."""


@app.command()
def serve(
    config: Config = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log as JSON, one object a line.")] = False,
    log_level: Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the server until it is told to stop (SIGTERM or Ctrl+C)."""
    with one_line_errors():
        from mediaserver.cli import serving

        code = serving.serve(config, log_json, log_level)
    raise typer.Exit(code)


@app.command("check-config")
def check_config(config: Config = None, as_json: AsJson = False) -> None:
    """Check a configuration without starting anything; exit code 78 where it is wrong."""
    with one_line_errors():
        from mediaserver.cli import serving

        serving.check_config(config, as_json)


@app.command()
def doctor(config: Config = None, as_json: AsJson = False) -> None:
    """Say what this machine gives the server and what it lacks; exit code 1 where it is not enough."""
    with one_line_errors():
        from mediaserver.cli import doctor as checks

        checks.doctor(config, as_json)


@app.command()
def demo(
    seconds: Annotated[float | None, typer.Option(help="Stop by itself after so long.")] = None,
    bind: Annotated[str, typer.Option(help="Address for SIP and RTP; another one lets phones of your network in.")] = "127.0.0.1",
) -> None:
    """Start a server with three calls that talk, say how to join them, and show the board."""
    with one_line_errors():
        from mediaserver.cli.demo import run

        code = run(seconds, bind)
    raise typer.Exit(code)


@app.command()
def calls(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """List the live calls that you may see."""
    with one_line_errors():
        from mediaserver.cli import watching

        watching.calls(url, token, as_json)


@app.command()
def top(
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
    seconds: Annotated[float | None, typer.Option(help="End after so long.")] = None,
) -> None:
    """Watch the calls live: who talks, who listens in."""
    with one_line_errors():
        from mediaserver.cli import watching

        watching.top(url, token, as_json, 0.0 if once else seconds)


@app.command()
def listen(
    which: Which, phone: Phone = None, url: Url = DEFAULT_URL, token: Token = "", wait: Wait = True, as_json: AsJson = False
) -> None:
    """Hear a call, heard by nobody. Your phone rings; if you are in the call already, your mode changes."""
    with one_line_errors():
        from mediaserver.cli import supervising

        supervising.enter(url, token, which, "listen", "agent", phone, wait, as_json)


@app.command()
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


@app.command()
def barge(which: Which, phone: Phone = None, url: Url = DEFAULT_URL, token: Token = "", wait: Wait = True, as_json: AsJson = False) -> None:
    """Hear a call and be heard by everybody in it."""
    with one_line_errors():
        from mediaserver.cli import supervising

        supervising.enter(url, token, which, "barge", "agent", phone, wait, as_json)


@app.command()
def trace(
    call: Annotated[str, typer.Argument(metavar="CALL", help="Id of a call, live or ended.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the call is over.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Print whole messages.")] = False,
    pcap: Annotated[Path | None, typer.Option("--pcap", help="Write a pcap file instead.")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show a call's SIP messages as a ladder (right trace)."""
    with one_line_errors():
        from mediaserver.cli import tracing

        tracing.trace(url, token, call, follow=follow, full=full, pcap=pcap, as_json=as_json)


@app.command()
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


@app.command()
def leave(
    which: Annotated[str | None, typer.Argument(metavar="[CALL-OR-AGENT]", help="Left out: the one call that you are in.")] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Leave a call that you supervise."""
    with one_line_errors():
        from mediaserver.cli import supervising

        supervising.leave(url, token, which, as_json)


@app.command()
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


@app.command("token")
def make_token(
    identity: Annotated[str, typer.Argument(help="Whose it is.")],
    tenant: Annotated[str, typer.Option(help="The tenant.")] = "default",
    agents: Annotated[list[str] | None, typer.Option("--agent", help="An agent that may be seen; * for all. May be repeated.")] = None,
    teams: Annotated[list[str] | None, typer.Option("--team", help="A team that may be seen. May be repeated.")] = None,
    mode: Annotated[str | None, typer.Option(help="The highest mode: listen, whisper or barge; left out: none.")] = None,
    rights: Annotated[list[str] | None, typer.Option("--right", help="A right, such as end. May be repeated.")] = None,
    user: Annotated[str, typer.Option(help="The SIP user whose phones are this identity's.")] = "",
    numbers: Annotated[list[str] | None, typer.Option("--number", help="Another phone, as SIP URI. May be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a bearer token and the stanza that belongs in the configuration."""
    with one_line_errors():
        from mediaserver.cli import tokens

        ceiling = {"agents": agents or [], "teams": teams or [], "mode": mode, "rights": rights or []}
        tokens.make({"identity": identity, "tenant": tenant, "user": user, "numbers": numbers or [], "ceiling": ceiling}, as_json)


@app.command("identity")
def make_identity(
    name: Annotated[str, typer.Argument(help="The name that is signed in with.")],
    role: Annotated[str, typer.Option(help="One of the roles of the configuration.")],
    tenant: Annotated[str, typer.Option(help="The tenant.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Ask for the password of somebody who signs in, and print the lines for the configuration: hashed, never as it is."""
    with one_line_errors():
        from mediaserver.cli import users

        users.make_identity(name, tenant, role, as_json)


@app.command("user")
def make_user(
    name: Annotated[str, typer.Argument(help="The digest user's name.")],
    config: Config = None,
    realm: Annotated[str, typer.Option(help="The digest realm; left out: the configuration's.")] = "",
    pin: Annotated[bool, typer.Option("--pin", help="Ask for a PIN too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for a user's password (and PIN), and print the lines for the configuration: sealed, hashed, never as they are."""
    with one_line_errors():
        from mediaserver.cli import users

        users.make_user(name, config, realm, pin, as_json)


@app.command("key")
def make_key(
    file: Annotated[Path | None, typer.Option(help="Write it to a new file, mode 600, instead of printing it.")] = None,
) -> None:
    """Make the key that passwords in the configuration are sealed under."""
    with one_line_errors():
        from mediaserver.cli import users

        users.make_key(file)


@app.command()
def bans(
    lift: Annotated[str, typer.Option("--lift", metavar="SOURCE", help="Let this source in again.")] = "",
    user: Annotated[str, typer.Option("--user", help="With --lift: the user there, where it is he who is kept out.")] = "",
    url: Url = DEFAULT_URL,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """Show who is kept out for wrong passwords, or let somebody in again (right admin)."""
    with one_line_errors():
        from mediaserver.cli import banning

        banning.bans(url, token, lift, user, as_json)
