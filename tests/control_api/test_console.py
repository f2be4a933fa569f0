"""How the console's files are served: whole, with a policy that admits nothing else, and nothing of the disk beside them."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from control_api.console import HOW_TO_BUILD, add_console, read_assets
from control_api.headers import allow_pages

SCRIPT = "assets/index-abc.js"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A console as it is built."""
    built = tmp_path / "static"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>console</title>")
    (built / SCRIPT).write_text("let a = 1;\n" * 1000)
    (tmp_path / "secret").write_text("not to be served")
    return built


def client(folder: Path) -> httpx.AsyncClient:
    """Somebody who asks an application with nothing but the console."""
    app = FastAPI(openapi_url=None)
    allow_pages(app, ())
    add_console(app, read_assets(folder))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.fixture
async def page(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who asks for the page."""
    async with client(folder) as asking:
        yield asking


async def test_the_page_is_asked_for_again_each_time_and_its_parts_never(page: httpx.AsyncClient) -> None:
    index, script = await page.get("/"), await page.get(f"/{SCRIPT}")
    assert index.text.startswith("<!doctype html>")
    assert index.headers["cache-control"] == "no-cache"
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"].startswith("text/javascript")


async def test_every_answer_forbids_inline_script_and_frames(page: httpx.AsyncClient) -> None:
    for path in ("/", f"/{SCRIPT}"):
        headers = (await page.get(path)).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"


async def test_who_has_it_already_is_told_so(page: httpx.AsyncClient) -> None:
    tag = (await page.get("/")).headers["etag"]
    again = await page.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


async def test_it_is_packed_for_who_unpacks(page: httpx.AsyncClient, folder: Path) -> None:
    async with page.stream("GET", f"/{SCRIPT}", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert gzip.decompress(raw) == (folder / SCRIPT).read_bytes()
    plain = await page.get(f"/{SCRIPT}", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("path", ["/../secret", "/assets/../../secret", "/%2e%2e/secret", "/assets/", "/assets/index-abc.js/"])
async def test_nothing_but_its_files_is_served(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert "not to be served" not in answer.text
    assert answer.status_code in (307, 404)


async def test_a_server_without_it_says_how_to_have_it(tmp_path: Path) -> None:
    async with client(tmp_path / "nothing") as asking:
        answer = await asking.get("/")
    assert answer.status_code == 404
    assert answer.json()["hint"] == HOW_TO_BUILD
