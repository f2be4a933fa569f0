"""The OpenAPI description is in step with the code, and with itself."""

import asyncio
from typing import Any

import httpx
import pytest
import yaml

from control_api.rest import answering, openapi
from control_api.rest.looks import LOOKS
from control_api.rest.routes import ROUTES
from control_api.signing_in.models import DOORS
from tests.control_api.serving import serving
from tests.control_api.test_documents import references

DESCRIBED = openapi.document()


def test_the_file_is_what_the_models_make() -> None:
    assert openapi.FILE.read_text(encoding="utf-8") == openapi.text(), "run python -m control_api.rest.openapi"


async def test_the_server_shows_the_same_without_a_token() -> None:
    async with serving() as served, httpx.AsyncClient(trust_env=False, timeout=30) as client:
        assert (await client.get(f"{served.url}/v1/openapi.json")).json() == yaml.safe_load(openapi.FILE.read_text(encoding="utf-8"))


async def test_many_who_ask_side_by_side_have_it_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[dict[str, Any]]()

    def noted() -> dict[str, Any]:
        made.append(openapi.document())
        return made[-1]

    monkeypatch.setattr(answering, "document", noted)
    answering._described.cache_clear()
    async with serving() as served, httpx.AsyncClient(trust_env=False, verify=False, timeout=30) as client:
        answers = await asyncio.gather(*(client.get(f"{served.url}/v1/openapi.json") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(made) == 1


def test_every_request_is_described_once() -> None:
    operations = [operation for path in DESCRIBED["paths"].values() for operation in path.values()]
    assert len(operations) == len(ROUTES) + len(LOOKS) + len(DOORS)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DESCRIBED):
        here = DESCRIBED
        for part in reference.removeprefix("#/").split("/"):
            here = here[part]


def test_what_is_left_to_another_path_is_in_neither_path_nor_body() -> None:
    operation = DESCRIBED["paths"]["/v1/agents/{agent}/supervisors"]["post"]
    assert set(operation["requestBody"]["content"]["application/json"]["schema"]["properties"]) == {"mode", "target", "phone", "offer"}
    assert [parameter["name"] for parameter in operation["parameters"]] == ["agent", "Idempotency-Key", "traceparent"]
    assert operation["parameters"][0]["schema"]["type"] == "string"


def test_fields_are_explained() -> None:
    schema = DESCRIBED["paths"]["/v1/calls/{call}/supervisors"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["phone"]["description"].startswith("One of the identity's own")
    assert DESCRIBED["components"]["schemas"]["AgentModel"]["properties"]["calls"]["description"] == "Ids of his calls."
