"""The OpenAPI description of the REST API, made from the models: `python -m control_api.rest.openapi` writes the file."""

import sys
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from control_api.messages import DoneResult, ErrorModel
from control_api.rest.looks import LOOKS, Look
from control_api.rest.reading import KEY
from control_api.rest.routes import ROUTES, Route
from control_api.schemas import plain, reference, schemas, summary
from control_api.signing_in.models import DOORS, Door

FILE: Final = Path(__file__).parents[2] / "docs" / "control-api.openapi.yaml"
FIRST_LINE: Final = "# Made from control_api/rest/ and the models by `python -m control_api.rest.openapi`; do not edit.\n"
ERROR: Final = {"$ref": "#/components/responses/Error"}
REFUSALS: Final = (400, 401, 403, 404, 409, 413, 429, 500, 503, 504)
KEY_HEADER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the request safe to send again: the same identity's same key gets the first one's outcome.",
    "schema": {"type": "string", "pattern": KEY},
}

TRACE_HEADER: Final = {
    "name": "traceparent",
    "in": "header",
    "description": "Your place in a trace (W3C Trace Context); means something only where the server keeps traces.",
    "schema": {"type": "string"},
}
SENT_ON: Final = {
    "303": {
        "description": "The browser is to go on from here.",
        "headers": {"Location": {"description": "Where to.", "schema": {"type": "string"}}},
    }
}


def document() -> dict[str, Any]:
    """The whole description."""
    models = {route.command.gives for route in ROUTES} | {row.result for row in (*LOOKS, *DOORS) if row.result is not None}
    asked = [*(route.command for route in ROUTES), *(door.request for door in DOORS if door.request is not None)]
    components = schemas(asked, [*models, ErrorModel])
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, components)
    for look in LOOKS:
        paths.setdefault(look.path, {})["get"] = _look(look)
    for door in DOORS:
        paths.setdefault(door.path, {})[door.method.lower()] = _door(door)
    commands = {route.command.__name__ for route in ROUTES}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mediaserver control API",
            "version": "1",
            "description": "The websocket's commands as requests. Explained in control-api.md; unknown fields are ignored.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8080"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in commands},
            "responses": {"Error": _response("The one shape of every error.", reference(ErrorModel))},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def text() -> str:
    """The file's content."""
    return FIRST_LINE + yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


class _Dumper(yaml.SafeDumper):
    """Writes everything out: a description is read by people too."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _operation(route: Route, components: dict[str, Any]) -> dict[str, Any]:
    shapes = deepcopy(components[route.command.__name__])
    parameters = [_parameter(name, "path", shapes) for name in route.places]
    if not route.has_body:
        parameters += [_parameter(name, "query", shapes) for name in route.fields]
    if route.has_effect:
        parameters.append(KEY_HEADER)
    parameters.append(TRACE_HEADER)
    operation: dict[str, Any] = {
        "operationId": _id(route),
        "summary": summary(route.command),
        "tags": [route.path.split("/")[2]],
        "parameters": parameters,
        "responses": _responses(route.status, route.command.gives),
    }
    if route.has_body:
        operation["requestBody"] = _body(route, shapes)
    return operation


def _id(route: Route) -> str:
    """Unique: the command's name, and where it has several paths what stands in this one."""
    paths = [other.path for other in ROUTES if other.kind == route.kind]
    return route.kind if len(paths) == 1 else "_".join((route.kind, *route.places))


def _parameter(name: str, place: str, shapes: dict[str, Any]) -> dict[str, Any]:
    shape = _without_null(shapes["properties"][name])
    described = {"description": shape.pop("description")} if "description" in shape else {}
    is_needed = place == "path" or name in shapes.get("required", ())
    return {"name": name, "in": place, "required": is_needed, **described, "schema": shape}


def _body(route: Route, shapes: dict[str, Any]) -> dict[str, Any]:
    required = [name for name in shapes.get("required", ()) if name in route.fields]
    is_needed = bool(required) or any("required" in kind for kind in shapes.get("anyOf", ()))
    schema: dict[str, Any] = {"type": "object", "properties": {name: shapes["properties"][name] for name in route.fields}}
    if required:
        schema["required"] = required
    schema |= {name: shapes[name] for name in ("anyOf", "allOf") if name in shapes}
    return {"required": is_needed, "content": {"application/json": {"schema": schema}}}


def _without_null(shape: dict[str, Any]) -> dict[str, Any]:
    """A path or query that has no value is left out."""
    kinds = [kind for kind in shape.get("anyOf", ()) if kind != {"type": "null"}]
    return shape if len(kinds) != 1 else {key: value for key, value in shape.items() if key not in ("anyOf", "default")} | kinds[0]


def _look(look: Look) -> dict[str, Any]:
    return {
        "operationId": look.name,
        "summary": summary(look.result),
        "tags": [look.path.split("/")[2]],
        "responses": _responses(200, look.result),
    }


def _door(door: Door) -> dict[str, Any]:
    """Signing in needs no token; who is signed in already sends his to end that."""
    model = door.request or door.result
    operation: dict[str, Any] = {
        "operationId": door.name,
        "summary": door.summary if model is None else summary(model),
        "tags": ["sign-in"],
        "security": [{}, {"bearer": []}] if door.result is DoneResult else [],
        "responses": SENT_ON if door.result is None else _responses(200, door.result),
    }
    if door.query:
        operation["parameters"] = [
            {"name": name, "in": "query", "required": False, "description": told, "schema": {"type": "string"}} for name, told in door.query
        ]
    if door.request is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference(door.request)}}}
    return operation


def _responses(status: int, result: type[BaseModel]) -> dict[str, Any]:
    told = _response(plain(result.__doc__ or ""), reference(result))
    return {str(status): told} | {str(refused): ERROR for refused in REFUSALS}


def _response(described: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": described, "content": {"application/json": {"schema": schema}}}


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")
