"""Options and arguments that several commands share."""

from pathlib import Path
from typing import Annotated, Final

import typer

DEFAULT_URL: Final = "http://127.0.0.1:8080"

Url = Annotated[str, typer.Option("--url", envvar="MEDIASERVER_URL", help="Where the control API is.")]
Token = Annotated[str, typer.Option("--token", envvar="MEDIASERVER_TOKEN", help="Your bearer token.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON.")]
Config = Annotated[
    Path | None, typer.Option("--config", "-c", envvar="MEDIASERVER_CONFIG", help="Configuration file (TOML); left out: the defaults.")
]
Which = Annotated[str, typer.Argument(metavar="CALL-OR-AGENT", help="Id of a call, or an agent who has exactly one.")]
Phone = Annotated[
    str | None, typer.Option("--phone", help="SIP URI to ring, one of your own contacts or numbers; left out: your registered phone.")
]
Target = Annotated[str, typer.Option("--target", help="Whom a whisper is for: agent, or customer (a right of its own).")]
Wait = Annotated[bool, typer.Option(metavar="", help="Wait until your phone was answered.")]
