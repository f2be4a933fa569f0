"""The AsyncAPI description of the control API, made from the models: `python -m control_api.asyncapi` writes the file."""

import ast
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from control_api import browser_messages, command_models, messages
from control_api.browser_messages import AnswerResult, IceServersResult
from control_api.command_models import COMMANDS
from control_api.encoding import Subprotocol
from control_api.messages import (
    AppliedResult,
    BansResult,
    CallResult,
    CallsResult,
    DoneResult,
    EventMessage,
    HelloMessage,
    LinkResult,
    MessageResult,
    MetersMessage,
    ReplyMessage,
    SessionsResult,
    SnapshotMessage,
    SupervisionResult,
    TraceResult,
)

FILE: Final = Path(__file__).parents[1] / "docs" / "control-api.asyncapi.yaml"
FIRST_LINE: Final = "# Made from control_api/messages.py and command_models.py by `python -m control_api.asyncapi`; do not edit.\n"
SPOKEN: Final = (HelloMessage, SnapshotMessage, EventMessage, MetersMessage, ReplyMessage)
RESULTS: Final = (
    AnswerResult,
    AppliedResult,
    BansResult,
    CallResult,
    CallsResult,
    DoneResult,
    IceServersResult,
    LinkResult,
    MessageResult,
    SessionsResult,
    SupervisionResult,
    TraceResult,
)
SCHEMAS: Final = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """The whole description."""
    commands = tuple(COMMANDS.values())
    both = (*commands, *SPOKEN)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "mediaserver control API",
            "version": "1",
            "description": "Live calls as a snapshot and ordered events, and commands to supervise them. Explained in control-api.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "default": {
                "host": "127.0.0.1:8080",
                "protocol": "ws",
                "description": f"Subprotocols: {', '.join(Subprotocol)}; JSON in text frames, msgpack in binary ones.",
                "security": [{"$ref": "#/components/securitySchemes/bearer"}],
            }
        },
        "channels": {
            "control": {
                "address": "/v1/control",
                "messages": {_name(model): {"$ref": f"#/components/messages/{_name(model)}"} for model in both},
                "bindings": {"ws": {"query": _query(), "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "command": _operation("receive", "What clients send.", commands) | {"reply": _operation_reply()},
            "tell": _operation("send", "What the server sends.", SPOKEN),
        },
        "components": {
            "messages": {_name(model): _message(model) for model in both},
            "schemas": _schemas(both),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "In the header Authorization, or, in browsers, as the subprotocol bearer.TOKEN.",
                }
            },
        },
    }


def text() -> str:
    """The file's content."""
    return FIRST_LINE + yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=120)


def _schemas(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """The models as JSON Schema, with the sentences that stand under their fields."""
    spoken = [(model, "serialization") for model in (*SPOKEN, *RESULTS)]
    said: list[Any] = [*((model, "validation") for model in models if model not in SPOKEN), *spoken]
    schemas: dict[str, Any] = models_json_schema(said, ref_template=SCHEMAS)[1]["$defs"]
    sentences = _sentences()
    for name, schema in schemas.items():
        schema.pop("title", None)
        if "description" in schema:
            schema["description"] = _plain(schema["description"])
        for field, shape in schema.get("properties", {}).items():
            shape.pop("title", None)
            if sentence := sentences.get((name, field)) or sentences.get(("Command", field), ""):
                shape["description"] = sentence
        if "type" in schema.get("properties", {}):
            schema["required"] = list(dict.fromkeys(["type", *schema.get("required", [])]))
    return dict(sorted(schemas.items()))


def _sentences() -> dict[tuple[str, str], str]:
    """What stands under each field in the source, by class and field."""
    found: dict[tuple[str, str], str] = {}
    sources = [Path(file).read_text(encoding="utf-8") for file in (messages.__file__, browser_messages.__file__, command_models.__file__)]
    for node in (node for source in sources for node in ast.parse(source).body):
        if isinstance(node, ast.ClassDef):
            for field, said in pairwise(node.body):
                is_text = isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant) and isinstance(said.value.value, str)
                if is_text and isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    found[node.name, field.target.id] = _plain(said.value.value)  # type: ignore[attr-defined]
    return found


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _name(model: type[BaseModel]) -> str:
    return str(model.model_fields["type"].default)


def _message(model: type[BaseModel]) -> dict[str, Any]:
    summary = (model.__doc__ or "").strip().splitlines()[0]
    return {"name": _name(model), "summary": summary, "payload": {"$ref": SCHEMAS.format(model=model.__name__)}}


def _operation(action: str, summary: str, models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    messages = [{"$ref": f"#/channels/control/messages/{_name(model)}"} for model in models]
    return {"action": action, "channel": {"$ref": "#/channels/control"}, "summary": summary, "messages": messages}


def _operation_reply() -> dict[str, Any]:
    return {"channel": {"$ref": "#/channels/control"}, "messages": [{"$ref": "#/channels/control/messages/reply"}]}


def _query() -> dict[str, Any]:
    resume = {"type": "string", "description": "STREAM:SEQUENCE, the last event that was seen: what came after it follows."}
    meters = {"type": "string", "enum": ["on", "off"], "default": "on"}
    return {"type": "object", "properties": {"resume": resume, "meters": meters}}


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")
