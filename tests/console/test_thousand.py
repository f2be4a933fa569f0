"""A thousand calls on the board: only the rows on the screen are in the page, and all of them can be found."""

import asyncio
import json

import pytest
from playwright.async_api import expect

from tests.console.browsing import browser, keep_picture, opened, sign_in
from tests.console.built import built
from tests.console.crowd import Crowd
from tests.control_api.desk import FakeDesk
from tests.control_api.serving import ANNA_TOKEN, serving


def views_in(frame: str | bytes) -> list[set[str]]:
    """The calls whose meters a frame of the page asks for."""
    said = json.loads(frame)
    return [set(said["calls"])] if said["type"] == "view" else []


@pytest.mark.timeout(300)
async def test_few_of_a_thousand_rows_are_in_the_page_and_each_is_found() -> None:
    built()
    desk = FakeDesk()
    crowd = Crowd(desk, 1000)
    async with serving(desk=desk) as served, browser() as chromium, opened(chromium, served.url) as seen, asyncio.TaskGroup() as group:
        viewed: list[set[str]] = []
        seen.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: viewed.extend(views_in(frame))))
        talking = group.create_task(crowd.talk(2, 0))
        await sign_in(seen, ANNA_TOKEN)
        rows = seen.page.locator("[data-call]")
        await seen.page.get_by_text("1000 calls").wait_for()
        assert 0 < await rows.count() < 60
        await seen.page.get_by_role("searchbox").fill(desk.live["c777"]["agent"])
        await expect(rows).to_have_count(1)
        await expect(rows).to_have_attribute("data-call", "c777")
        await seen.page.get_by_role("searchbox").fill("")
        await seen.page.locator(".rows").evaluate("rows => rows.scrollTo(0, rows.scrollHeight)")
        await expect(seen.page.locator("[aria-rowindex='1001']")).to_be_visible()
        shown = set(await rows.evaluate_all("rows => rows.map(row => row.dataset.call)"))
        async with asyncio.timeout(20):
            while not viewed or not shown & viewed[-1]:
                await seen.page.wait_for_timeout(100)
        assert all(len(calls) < 60 for calls in viewed)
        await seen.page.locator(".rows").evaluate("rows => rows.scrollTo(0, 0)")
        await keep_picture(seen.page, "board-of-a-thousand-calls")
        talking.cancel()
