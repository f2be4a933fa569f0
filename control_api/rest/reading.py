"""From a request to a command: its path, query and body put together and held against the command's model."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import orjson
from pydantic import ValidationError

from control_api.command import Command
from control_api.messages import first_problem
from control_api.permissions import Refusal
from control_api.rest.routes import Route

KEY: Final = "^[!-~]{1,128}$"
"""What an Idempotency-Key may be."""
TRACE: Final = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
"""What a traceparent is; whatever else stands there is none."""
HINT: Final = "GET /v1/openapi.json tells what each request takes"


def body_of(data: bytes) -> dict[str, Any]:
    """A request's body as an object; none is an empty one. Raises `Refusal`."""
    if not data:
        return {}
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Refusal("bad_request", f"body: not JSON: {error}"[:200], HINT) from None
    if not isinstance(body, dict):
        raise Refusal("bad_request", "body: expected a JSON object", HINT)
    return body


def command_of(
    route: Route, places: Mapping[str, str], query: Mapping[str, str], body: Mapping[str, Any], key: str | None, trace: str = ""
) -> Command:
    """The command that a request asks for. Types are as in the description: no text for a number. Raises `Refusal`."""
    given = body if route.has_body else {name: _read(route, name, text) for name, text in query.items()}
    fields = {name: _whole(given[name]) for name in route.fields if name in given}
    fields |= {name: _read(route, name, text) for name, text in places.items()}
    if route.has_effect and key is not None:
        fields["key"] = _checked(key)
    if re.match(TRACE, trace):
        fields["traceparent"] = trace
    try:
        return route.command.model_validate_json(orjson.dumps(fields | {"id": 0}), strict=True)
    except (ValidationError, orjson.JSONEncodeError) as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else "text: not Unicode, or a number that is too large"
        raise Refusal("bad_request", problem, HINT) from None


def _whole(value: Any) -> Any:
    """To JSON Schema, 3.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read(route: Route, name: str, text: str) -> str | int:
    """A path's or query's text as its field's type."""
    is_number = text.isascii() and text.isdecimal() and len(text) < 20
    return int(text) if is_number and name in _numbers(route.command) else text


@cache
def _numbers(command: type[Command]) -> frozenset[str]:
    properties = command.model_json_schema()["properties"]
    return frozenset(name for name, shape in properties.items() if shape.get("type") == "integer")


def _checked(key: str) -> str:
    if re.fullmatch(KEY, key) is None:
        raise Refusal("bad_request", "Idempotency-Key: expected 1 to 128 visible ASCII characters without a space", HINT)
    return key
