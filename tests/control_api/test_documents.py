"""The documents of the control API are in step with the code."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from control_api import asyncapi, messages
from control_api.command_models import COMMANDS
from control_api.messages import SERVER_MESSAGE
from control_api.permissions import Ceiling, Identity, Right
from control_api.repertoire import commands_of
from control_api.rest.answering import STATUS
from mixer.modes import Mode

PAGE = (asyncapi.FILE.parent / "control-api.md").read_text(encoding="utf-8")
EXAMPLES: list[dict[str, Any]] = [
    json.loads(line) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]


def test_the_asyncapi_file_is_what_the_models_make() -> None:
    assert asyncapi.FILE.read_text(encoding="utf-8") == asyncapi.text(), "run python -m control_api.asyncapi"


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return here.union(*(references(inner) for inner in value.values()))
    return set().union(*(references(inner) for inner in value)) if isinstance(value, list) else set()


def test_every_reference_in_the_asyncapi_file_leads_somewhere() -> None:
    document = yaml.safe_load(asyncapi.FILE.read_text(encoding="utf-8"))
    found = references(document)
    assert len(found) > 30
    for reference in found:
        here = document
        for part in reference.removeprefix("#/").split("/"):
            here = here[part]


def test_fields_are_explained_in_the_asyncapi_file() -> None:
    schemas = asyncapi.document()["components"]["schemas"]
    assert schemas["HelloMessage"]["properties"]["resumed"]["description"].startswith("True: the events after")
    assert schemas["SuperviseCommand"]["properties"]["phone"]["description"].startswith("One of the identity's own")
    assert schemas["MuteCommand"]["properties"]["key"]["description"].startswith("Makes the command safe")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example["type"]))
def test_every_example_on_the_page_is_a_message(example: dict[str, Any]) -> None:
    model = COMMANDS.get(example["type"])
    read = model.model_validate(example) if model else SERVER_MESSAGE.validate_python(example)
    assert set(example) <= set(type(read).model_fields)


def test_every_message_has_an_example_on_the_page() -> None:
    assert {example["type"] for example in EXAMPLES} == {*COMMANDS, "hello", "snapshot", "event", "meters", "reply"}


def test_every_field_of_a_command_is_on_the_page() -> None:
    for model in COMMANDS.values():
        for field in model.model_fields:
            assert f"`{field}`" in PAGE or field == "type", field


def test_every_code_is_on_the_page_and_has_a_status() -> None:
    codes = re.findall(r"``(\w+)``", Path(messages.__file__).read_text().split("class ErrorModel")[1].split("text: str")[0])
    assert STATUS.keys() == set(codes)
    for code in codes:
        assert f"| `{code}` |" in PAGE


def test_hello_on_the_page_names_the_commands_of_its_ceiling() -> None:
    hello = next(example for example in EXAMPLES if example["type"] == "hello")
    said = hello["ceiling"]
    ceiling = Ceiling(frozenset(said["agents"]), frozenset(said["teams"]), Mode(said["mode"]), frozenset(map(Right, said["rights"])))
    assert hello["commands"] == commands_of(Identity(hello["identity"], hello["tenant"], ceiling))


def test_every_kind_of_event_on_the_page_is_in_the_models() -> None:
    told = str(asyncapi.document()["components"]["schemas"]["EventMessage"]["properties"]["kind"]["description"])
    [table] = re.findall(r"\| kind \| \|\n\|---\|---\|\n(.*?)\n\n", PAGE, re.DOTALL)
    for line in table.splitlines():
        for family, name in re.findall(r"`(\w+)\.(\w+)`", line.split("|")[1]):
            assert f"`{name}`" in told or f"`{family}.{name}`" in told, line


def test_the_example_program_stays_short() -> None:
    program = asyncapi.FILE.parents[1] / "examples" / "listen_whisper_barge.py"
    assert len(program.read_text().splitlines()) <= 30
