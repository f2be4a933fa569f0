"""What the API answers to a command that is made from its models: as tables, or as JSON."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from control_api.client import COMMAND_TIMEOUT, ControlClient, Unreachable, websocket_url
from control_api.command_models import COMMANDS
from control_api.permissions import Refusal
from control_api.rest.looks import LOOKS
from mediaserver.cli.board import clean
from mediaserver.cli.connecting import with_client
from mediaserver.cli.deriving import WHICH
from mediaserver.cli.places import OF_THE_PAST
from mediaserver.cli.supervising import find, only, own_legs
from mediaserver.cli.watching import console_of
from mixer.modes import Role

DONE: Final = "done"


def command(url: str, token: str, kind: str, given: Mapping[str, Any], as_json: bool) -> None:
    """Have a command carried out, and print its result. Raises `Refusal`, `Unreachable`."""

    async def work(client: ControlClient) -> dict[str, Any]:
        return await client.ask(kind, **_named(client, kind, given))

    result = with_client(url, token, work)
    if kind == "link" and not as_json:
        result = _without_link(url, given, result)
    tell(result, as_json)


def look(url: str, token: str, name: str, as_json: bool) -> None:
    """Print what one of REST's looks shows. Raises `Refusal`, `Unreachable`."""
    tell(fetch(url, token, next(each.path for each in LOOKS if each.name == name)), as_json)


def fetch(url: str, token: str, path: str) -> dict[str, Any]:
    """What a path of the REST API shows. Raises `Refusal`, `Unreachable`."""
    return request(url, "GET", path, {"Authorization": f"Bearer {token}"} if token else {}, None)


def request(url: str, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None) -> dict[str, Any]:
    """The answer to a REST request. Raises `Refusal`, `Unreachable`."""
    base = _server(url)
    try:
        answer = httpx.request(method, base + path, headers=dict(headers), json=body, timeout=COMMAND_TIMEOUT, trust_env=False)
        content = answer.json()
    except httpx.HTTPError as error:
        raise Unreachable(f"{base}: {str(error).lower() or type(error).__name__}") from None
    except ValueError:
        raise Unreachable(f"{base}: HTTP {answer.status_code} where the control API was expected") from None
    if answer.is_error:
        raise Refusal(str(content.get("code", answer.status_code)), str(content.get("text", "")), str(content.get("hint", "")))
    return dict(content)


def _server(url: str) -> str:
    return websocket_url(url).replace("ws", "http", 1).removesuffix("/v1/control")


def _without_link(url: str, given: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """The rest, after the link behind the server's address: on a line of its own, where no table breaks it. Says what was cut short."""
    print(_server(url) + result["link"])
    if (given.get("seconds") or 0) > result["expires_in"]:
        sys.stderr.write(f"# for {result['expires_in']:g} s: the server's signing_in.link permits no more\n")
    return {name: value for name, value in result.items() if name != "link"}


def tell(result: Mapping[str, Any], as_json: bool) -> None:
    """Print a result."""
    if as_json:
        print(json.dumps(result))
        return
    console_of().print(drawn(result))


def drawn(result: Mapping[str, Any]) -> RenderableType:
    """A result as tables: what stands alone as names and values, and a table for each list of things."""
    [*alone] = result.values()
    if len(alone) == 1 and isinstance(alone[0], Mapping):
        return drawn(alone[0])
    listed: dict[str, Any] = {name: _by_number(name, value) for name, value in result.items()}
    lists = {name: value for name, value in listed.items() if _holds_rows(value)}
    facts = {name: value for name, value in listed.items() if name not in lists and _cell(value)}
    parts: list[RenderableType] = [_facts(facts)] if facts else []
    parts += [_rows(name, rows) for name, rows in lists.items()]
    parts = parts or [f"no {_said(name)}" for name, value in result.items() if value is False or value in ([], ())]
    return Group(*parts) if parts else DONE


def _named(client: ControlClient, kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a command, with the names that a person gave turned into what they stand for."""
    fields = {name: value for name, value in given.items() if name != WHICH}
    known = COMMANDS[kind].model_fields
    if given.get(WHICH):
        fields["call" if given[WHICH] in client.calls else "agent"] = given[WHICH]
    if fields.get("call") and kind not in OF_THE_PAST:
        fields["call"] = find(client.calls, fields["call"])
    if "leg" in fields:
        call, leg = only(list(own_legs(client, fields["leg"])))
        fields["leg"] = leg.leg
        if "to" in fields:
            fields["to"] = _leg_of(call.legs, str(fields["to"]))
    return {name: value for name, value in fields.items() if value is not None or known[name].default is not None}


def _leg_of(legs: Sequence[Any], who: str) -> int:
    """The number of a supervisor's leg. What is no name here is left to the server to refuse, if it is a number. Raises `Refusal`."""
    found = [leg.leg for leg in legs if leg.role is Role.SUPERVISOR and leg.state != "ended" and who in (leg.identity, leg.party)]
    if not found and who.isdecimal():
        return int(who)
    if len(found) != 1:
        raise Refusal("not_found", f"{who} is not in this call" if not found else f"{who} is in this call twice", "name the leg's number")
    return int(found[0])


def _by_number(name: str, value: object) -> object:
    """What is kept by number, as rows."""
    if isinstance(value, Mapping) and value and all(isinstance(row, Mapping) for row in value.values()):
        return [{name: number} | row for number, row in value.items()]
    return value


def _holds_rows(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _facts(facts: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(_said(name), "dim"), Text(_cell(value)))
    return table


def _rows(name: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """A table; columns in which nothing stands are left out."""
    flat = [_flat(row) for row in rows]
    columns = [column for column in dict.fromkeys(column for row in flat for column in row) if any(_cell(row.get(column)) for row in flat)]
    table = Table(title=_said(name), title_justify="left", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(_said(column), overflow="fold")
    for row in flat:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    return table


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose ``leg`` is a whole leg shows that leg's fields in its own."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        flat |= value if isinstance(value, Mapping) and name in value else {name: value}
    return flat


def _cell(value: object) -> str:
    match value:
        case None | "" | False:
            return ""
        case True:
            return "yes"
        case float():
            return f"{value:g}" if abs(value) < 1e6 else f"{value:.0f}"
        case Mapping():
            return " ".join(f"{clean(str(name))}={_cell(each)}" for name, each in value.items() if _cell(each))
        case list() | tuple():
            return ", ".join(_cell(each) for each in value)
    return clean(str(value))


def _said(name: str) -> str:
    return clean(name.replace("_", " "))
