"""The commands about who may do what: signing in, and making what stands in the configuration."""

from pathlib import Path
from typing import Annotated

import typer

from mediaserver.cli.deriving import Derived, put_into
from mediaserver.cli.ending import one_line_errors
from mediaserver.cli.options import DEFAULT_URL, AsJson, Config, Token, Url
from mediaserver.cli.places import Panel

access_commands = typer.Typer()
access_app = typer.Typer(cls=Derived, help="Sessions, and who is kept out.", no_args_is_help=True)
put_into(access_app, "access")


@access_commands.command("sign-in", rich_help_panel=Panel.ACCESS)
def sign_in(
    name: Annotated[str, typer.Argument(help="Your name; left out with --link, --issuer-token and --ways.")] = "",
    tenant: Annotated[str, typer.Option(help="The tenant.")] = "default",
    link: Annotated[str, typer.Option(help="A listen-in link, or its token, instead of name and password; - asks for it.")] = "",
    issuer_token: Annotated[Path | None, typer.Option(help="A file with an OpenID issuer's token, - for the standard input.")] = None,
    ways: Annotated[bool, typer.Option("--ways", metavar="", help="Only say how one can sign in.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Print a token for MEDIASERVER_TOKEN, for your password: asked for, or the next line of a pipe."""
    with one_line_errors():
        from mediaserver.cli import signing

        signing.sign_in(url, name, tenant, link, issuer_token, ways, as_json)


@access_commands.command("renew", rich_help_panel=Panel.ACCESS)
def renew(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Print a new token, for the renewal that sign-in --json gave: asked for, or the next line of a pipe."""
    with one_line_errors():
        from mediaserver.cli import signing

        signing.renew(url, as_json)


@access_commands.command("sign-out", rich_help_panel=Panel.ACCESS)
def sign_out(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
    """End the session of your token, with the supervision that goes on by it."""
    with one_line_errors():
        from mediaserver.cli import signing

        signing.sign_out(url, token, as_json)


@access_commands.command("token", rich_help_panel=Panel.ACCESS)
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


@access_commands.command("identity", rich_help_panel=Panel.ACCESS)
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


@access_commands.command("user", rich_help_panel=Panel.ACCESS)
def make_user(
    name: Annotated[str, typer.Argument(help="The digest user's name.")],
    config: Config = None,
    realm: Annotated[str, typer.Option(help="The digest realm; left out: the configuration's.")] = "",
    pin: Annotated[bool, typer.Option("--pin", metavar="", help="Ask for a PIN too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for a user's password (and PIN), and print the lines for the configuration: sealed, hashed, never as they are."""
    with one_line_errors():
        from mediaserver.cli import users

        users.make_user(name, config, realm, pin, as_json)


@access_commands.command("key", rich_help_panel=Panel.ACCESS)
def make_key(
    file: Annotated[Path | None, typer.Option(help="Write it to a new file, mode 600, instead of printing it.")] = None,
) -> None:
    """Make the key that passwords in the configuration are sealed under."""
    with one_line_errors():
        from mediaserver.cli import users

        users.make_key(file)


@access_commands.command("bans", rich_help_panel=Panel.ACCESS)
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
