"""The API's models as JSON Schema, with the sentences that stand under their fields; for the AsyncAPI and the OpenAPI description."""

import ast
import inspect
import sys
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from control_api import command, messages

SCHEMAS: Final = "#/components/schemas/{model}"


def schemas(said: Iterable[type[BaseModel]], told: Iterable[type[BaseModel]]) -> dict[str, Any]:
    """What clients say and what the server tells, by model name."""
    wanted: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        *((model, "validation") for model in said),
        *((model, "serialization") for model in told),
    ]
    found: dict[str, Any] = models_json_schema(wanted, ref_template=SCHEMAS)[1]["$defs"]
    sentences = _sentences({messages.__name__, command.__name__, *(model.__module__ for model, _ in wanted)})
    for name, schema in found.items():
        schema.pop("title", None)
        if "description" in schema:
            schema["description"] = plain(schema["description"])
        for field, shape in schema.get("properties", {}).items():
            shape.pop("title", None)
            if sentence := sentences.get((name, field)) or sentences.get(("Command", field), ""):
                shape["description"] = sentence
        if "type" in schema.get("properties", {}):
            schema["required"] = list(dict.fromkeys(["type", *schema.get("required", [])]))
    return dict(sorted(found.items()))


def plain(text: str) -> str:
    """A docstring as Markdown, in one line."""
    return " ".join(text.replace("``", "`").split())


def summary(model: type[BaseModel]) -> str:
    """The first line of what a model says of itself."""
    return plain((model.__doc__ or "").strip().splitlines()[0])


def reference(model: type[BaseModel]) -> dict[str, str]:
    """Where a model's schema stands."""
    return {"$ref": SCHEMAS.format(model=model.__name__)}


def _sentences(modules: Iterable[str]) -> dict[tuple[str, str], str]:
    """What stands under each field in the modules' source, by class and field."""
    found: dict[tuple[str, str], str] = {}
    sources = [inspect.getsource(sys.modules[module]) for module in sorted(modules)]
    for node in (node for source in sources for node in ast.parse(source).body):
        if isinstance(node, ast.ClassDef):
            for field, said in pairwise(node.body):
                is_text = isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant) and isinstance(said.value.value, str)
                if is_text and isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    found[node.name, field.target.id] = plain(said.value.value)  # type: ignore[attr-defined]
    return found
