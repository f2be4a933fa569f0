"""The AsyncAPI description of the control API, made from the models: `python -m control_api.asyncapi` writes the file."""

import sys
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from control_api.command_models import COMMANDS
from control_api.encoding import Subprotocol
from control_api.messages import EventMessage, HelloMessage, MetersMessage, ReplyMessage, SnapshotMessage, type_of
from control_api.schemas import reference, schemas, summary

FILE: Final = Path(__file__).parents[1] / "docs" / "control-api.asyncapi.yaml"
FIRST_LINE: Final = "# Made from control_api/messages.py and the commands by `python -m control_api.asyncapi`; do not edit.\n"
SPOKEN: Final = (HelloMessage, SnapshotMessage, EventMessage, MetersMessage, ReplyMessage)


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
                "messages": {type_of(model): {"$ref": f"#/components/messages/{type_of(model)}"} for model in both},
                "bindings": {"ws": {"query": _query(), "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {
            "command": _operation("receive", "What clients send.", commands) | {"reply": _operation_reply()},
            "tell": _operation("send", "What the server sends.", SPOKEN),
        },
        "components": {
            "messages": {type_of(model): _message(model) for model in both},
            "schemas": schemas(commands, (*SPOKEN, *(command.gives for command in commands))),
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


def _message(model: type[BaseModel]) -> dict[str, Any]:
    return {"name": type_of(model), "summary": summary(model), "payload": reference(model)}


def _operation(action: str, said: str, models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    messages = [{"$ref": f"#/channels/control/messages/{type_of(model)}"} for model in models]
    return {"action": action, "channel": {"$ref": "#/channels/control"}, "summary": said, "messages": messages}


def _operation_reply() -> dict[str, Any]:
    return {"channel": {"$ref": "#/channels/control"}, "messages": [{"$ref": "#/channels/control/messages/reply"}]}


def _query() -> dict[str, Any]:
    resume = {"type": "string", "description": "STREAM:SEQUENCE, the last event that was seen: what came after it follows."}
    meters = {"type": "string", "enum": ["on", "off"], "default": "on"}
    return {"type": "object", "properties": {"resume": resume, "meters": meters}}


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")
