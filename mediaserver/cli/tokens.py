"""Making bearer tokens: the server keeps the hash, the user the token."""

import json
import secrets
import sys
from typing import Any

from pydantic import ValidationError

from config.settings import TokenSettings
from control_api.messages import first_problem
from control_api.tokens import hash_of


def make(fields: dict[str, Any], as_json: bool) -> None:
    """Print a new token, and its stanza. Raises ValueError for fields that the configuration does not allow."""
    token = secrets.token_urlsafe(32)
    try:
        made = TokenSettings.model_validate(fields | {"sha256": hash_of(token)})
    except ValidationError as error:
        raise ValueError(first_problem(error)) from None
    text = stanza(made)
    if as_json:
        print(json.dumps({"token": token, "sha256": made.sha256, "stanza": text}))
        return
    print(text)
    sys.stdout.flush()
    sys.stderr.write(f"# The stanza above belongs in the configuration. The token is shown this once:\n{token}\n")


def stanza(token: TokenSettings) -> str:
    """The token's table of the configuration, as TOML."""
    ceiling = token.ceiling
    lines = [
        "[[tokens]]",
        f"identity = {json.dumps(token.identity)}",
        f"tenant = {json.dumps(token.tenant)}",
        f"sha256 = {json.dumps(token.sha256)}",
        *([f"user = {json.dumps(token.user)}"] if token.user else []),
        *([f"numbers = {json.dumps(token.numbers)}"] if token.numbers else []),
        "[tokens.ceiling]",
        f"agents = {json.dumps(ceiling.agents)}",
        f"teams = {json.dumps(ceiling.teams)}",
        *([f"mode = {json.dumps(ceiling.mode)}"] if ceiling.mode else []),
        f"rights = {json.dumps(ceiling.rights)}",
    ]
    return "\n".join(lines)
