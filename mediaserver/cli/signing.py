"""`sign-in`, `renew` and `sign-out`: a session's token for the other commands."""

import json
import sys
from pathlib import Path
from typing import Any

from mediaserver.cli.telling import request, tell
from mediaserver.cli.users import asked


def sign_in(url: str, name: str, tenant: str, link: str, issuer_token: Path | None, ways: bool, as_json: bool) -> None:
    """Print a session's token. Raises `Refusal`, `Unreachable`, ValueError."""
    if ways:
        tell(request(url, "GET", "/v1/sign-in", {}, None), as_json)
    elif link:
        said = asked("Link", 1, is_new=False) if link == "-" else link
        _show(request(url, "POST", "/v1/sign-in/link", {}, {"token": said.rpartition("#")[2]}), as_json)
    elif issuer_token is not None:
        text = sys.stdin.read() if str(issuer_token) == "-" else issuer_token.read_text(encoding="ascii", errors="replace")
        _show(request(url, "POST", "/v1/sign-in", {}, {"token": text.strip()}), as_json)
    elif name:
        body = {"tenant": tenant, "name": name, "password": asked("Password", 1, is_new=False)}
        _show(request(url, "POST", "/v1/sign-in", {}, body), as_json)
    else:
        raise ValueError("say who signs in: a name, --link or --issuer-token")


def renew(url: str, as_json: bool) -> None:
    """Print a new token of a session. Raises `Refusal`, `Unreachable`."""
    _show(request(url, "POST", "/v1/sign-in/renew", {}, {"renewal": asked("Renewal", 1, is_new=False)}), as_json)


def sign_out(url: str, token: str, as_json: bool) -> None:
    """End a session. Raises `Refusal`, `Unreachable`."""
    tell(request(url, "POST", "/v1/sign-out", {"Authorization": f"Bearer {token}"} if token else {}, {}), as_json)


def _show(granted: dict[str, Any], as_json: bool) -> None:
    """The token where a shell can take it, and what to do with it where somebody reads."""
    if as_json:
        print(json.dumps(granted))
        return
    print(granted["access"])
    sys.stdout.flush()
    sys.stderr.write(f"# {granted['identity']}, for {granted['expires_in']:.0f} s: put it into MEDIASERVER_TOKEN\n")
