"""The console on a real server with SIP phones on the call: a supervisor listens, whispers, barges, is cut off and leaves; by tones."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Locator, Page, expect

from tests.audio import Int16, tone, write_wav
from tests.console.browsing import Seen, browser, keep_picture, opened, sign_in
from tests.console.built import built
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ, hear_as
from tests.interop.houses import TOKEN
from tests.interop.phones.jssip import PAGE
from tests.interop.test_webrtc import Desk, desk

pytestmark = pytest.mark.timeout(300)
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


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    """A minute of each one's tone; the last is the browser's microphone."""
    folder = tmp_path_factory.mktemp("voices")
    return {hz: write_wav(folder / f"{hz:.0f}.wav", tone(hz, 60)) for hz in (CUSTOMER_HZ, AGENT_HZ, SUPERVISOR_HZ)}


@asynccontextmanager
async def supervised(voices: dict[float, Path], folder: Path) -> AsyncIterator[tuple[Desk, Seen]]:
    """A call, and the console beside it."""
    built()
    async with (
        desk(voices, folder) as here,
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


async def test_listen_whisper_barge_a_cut_and_leave(voices: dict[float, Path], tmp_path: Path) -> None:
    async with supervised(voices, tmp_path) as (here, seen):
        page = seen.page
        await page.get_by_role("row").filter(has_text="robert").get_by_role("button", name="Listen").click()
        await expect(is_in(page, "listen")).to_have_attribute("aria-pressed", "true")
        await assert_everybody_hears(here, page, "listen")
        await keep_picture(page, "board-of-one-call")
        for mode, key in (("whisper", "w"), ("barge", "b")):
            await page.keyboard.press(key)
            await expect(is_in(page, mode)).to_have_attribute("aria-pressed", "true")
            await assert_everybody_hears(here, page, mode)
        await page.get_by_label("The call that you are in").get_by_role("link").click()
        await keep_picture(page, "call")
        await page.evaluate("cut()")
        await expect(page.get_by_role("status").get_by_text("Live")).to_be_visible(timeout=10_000)
        await page.keyboard.press("l")
        await expect(is_in(page, "listen")).to_have_attribute("aria-pressed", "true")
        await assert_everybody_hears(here, page, "listen")
        await page.keyboard.press("x")
        await expect(page.get_by_label("The call that you are in")).to_have_count(0)
        await hear_as("listen", here.customer, here.agent)
        assert seen.problems == []
