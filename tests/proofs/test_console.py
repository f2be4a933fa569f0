"""The console on a real server with SIP phones on the call: a supervisor listens, whispers, barges, is cut off and leaves; by tones."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.audio import Int16
from tests.console.browsing import Seen, browser, keep_picture, opened, sign_in
from tests.console.built import built
from tests.interop.hearing import SUPERVISOR_HZ, hear_as
from tests.interop.houses import TOKEN
from tests.interop.phones.jssip import PAGE
from tests.interop.test_webrtc import Desk, desk

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
EAR = """
(() => {
  %s
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(...given) {
      super(...given);
      window.ear = new Ear();
      this.addEventListener("track", ({ track }) => window.ear.listen(track));
    }
  };
  const media = navigator.mediaDevices;
  const open = media.getUserMedia.bind(media);
  media.getUserMedia = () => open({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      window.cut = () => this.close();
    }
  };
})();
"""
"""What the page hears is heard beside it, its websocket can be cut, and its microphone is taken as it is: a tone would pass for noise."""


@asynccontextmanager
async def supervised(voices: dict[float, Path], folder: Path) -> AsyncIterator[tuple[Desk, Seen]]:
    """A call, and the console beside it."""
    built()
    async with (
        desk(voices, folder, storage=folder / "kept") as here,
        browser(voices[SUPERVISOR_HZ]) as chromium,
        opened(chromium, "about:blank") as seen,
    ):
        ear = (PAGE / "hearing.js").read_text().replace("export class", "class")
        await seen.page.add_init_script(EAR % ear)
        await seen.page.goto(here.server.control)
        await sign_in(seen, TOKEN)
        yield here, seen


@dataclass(frozen=True)
class PageEar:
    """What a page hears."""

    page: Page

    async def listen(self, seconds: float) -> Int16:
        """What it hears from now on, this long, at 8 kHz."""
        heard = base64.b64decode(await self.page.evaluate(f"ear.record({seconds})"))
        return np.frombuffer(heard, dtype="<i2").astype(np.int16)


async def assert_everybody_hears(here: Desk, page: Page, mode: str) -> None:
    await hear_as(mode, here.customer, here.agent, PageEar(page))


def is_in(page: Page, mode: str) -> Locator:
    """The dock's button of a mode, which is pressed when the server has confirmed it."""
    return page.get_by_label("The call that you are in").get_by_role("button", name=mode.capitalize())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def beside(voices: dict[float, Path], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Desk, Seen]]:
    """One call for all tests; who comes in goes out again."""
    async with supervised(voices, tmp_path_factory.mktemp("console")) as both:
        yield both


async def comes_to(page: Page, mode: str) -> None:
    await expect(is_in(page, mode)).to_have_attribute("aria-pressed", "true")


async def listen(page: Page) -> None:
    """By the button of the board's row."""
    await page.keyboard.press("c")
    await page.get_by_role("row").filter(has_text="robert").get_by_role("button", name="Listen").click()
    await comes_to(page, "listen")


async def leave(here: Desk, page: Page) -> None:
    await page.keyboard.press("x")
    await expect(page.get_by_label("The call that you are in")).to_have_count(0)
    await hear_as("listen", here.customer, here.agent)


async def test_listen_whisper_barge_a_cut_and_leave(beside: tuple[Desk, Seen]) -> None:
    here, seen = beside
    page = seen.page
    await listen(page)
    await assert_everybody_hears(here, page, "listen")
    await keep_picture(page, "board-of-one-call")
    for mode, key in (("whisper", "w"), ("barge", "b")):
        await page.keyboard.press(key)
        await comes_to(page, mode)
        await assert_everybody_hears(here, page, mode)
    await page.get_by_label("The call that you are in").get_by_role("link").click()
    await keep_picture(page, "call")
    await page.evaluate("cut()")
    await expect(page.get_by_role("status").get_by_text("Live")).to_be_visible(timeout=30_000)
    await page.keyboard.press("l")
    await comes_to(page, "listen")
    await assert_everybody_hears(here, page, "listen")
    await leave(here, page)
    assert seen.problems == []


async def test_an_agent_is_followed_in_the_browser(beside: tuple[Desk, Seen]) -> None:
    here, seen = beside
    page = seen.page
    await page.keyboard.press("a")
    await page.get_by_role("button", name="Follow robert", exact=True).click()
    await comes_to(page, "listen")
    await assert_everybody_hears(here, page, "listen")
    await page.get_by_label("The call that you are in").get_by_role("button", name="Unfollow robert").click()
    await expect(page.get_by_role("button", name="Follow robert", exact=True)).to_be_visible()
    await comes_to(page, "listen")
    await leave(here, page)
    assert seen.problems == []


async def test_a_page_that_is_loaded_anew_listens_again_by_one_press_and_is_heard_by_nobody(beside: tuple[Desk, Seen]) -> None:
    here, seen = beside
    page = seen.page
    await listen(page)
    await page.keyboard.press("w")
    await comes_to(page, "whisper")
    while await page.evaluate("sessionStorage.getItem('mediaserver.was')") is None:
        await page.wait_for_timeout(100)
    await page.reload()
    await page.get_by_role("button", name="Listen again").click()
    await comes_to(page, "listen")
    await assert_everybody_hears(here, page, "listen")
    await leave(here, page)


async def test_a_call_that_is_ended_is_found_with_who_supervised_it(beside: tuple[Desk, Seen]) -> None:
    _, seen = beside
    page = seen.page
    await listen(page)
    await page.keyboard.press("w")
    await comes_to(page, "whisper")
    await page.keyboard.press("o")
    await page.get_by_role("button", name="End the call").click()
    await page.get_by_role("dialog").get_by_role("button", name="End the call").click()
    await page.get_by_role("link", name="What was kept of it").click()
    await settled(page)
    await page.get_by_role("button", name="Flag the call").click()
    await expect(page.get_by_label("Label", exact=True)).to_be_focused()
    await page.keyboard.type("well led")
    await page.keyboard.press("Enter")
    await page.get_by_role("listitem").filter(has_text="well led sue").wait_for()
    await page.keyboard.press("h")
    await page.get_by_label("Agent", exact=True).fill("robert")
    await page.keyboard.press("Enter")
    await page.get_by_role("table", name="Ended calls").get_by_role("row", name="robert").wait_for()


async def settled(page: Page) -> None:
    """Wait for the database, which is some tenths of a second behind, and slow at first."""
    told = page.get_by_role("heading", name="Who supervised").or_(page.get_by_role("alert"))
    whispered = page.get_by_role("listitem").filter(has_text="Whisper to the agent")
    async with asyncio.timeout(60):
        while True:
            await told.first.wait_for()
            if await whispered.count() and not await page.get_by_text("it goes on").count():
                return
            await page.wait_for_timeout(200)
            await page.reload()
