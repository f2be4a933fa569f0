"""Pages of headless Chromium, by Playwright. What a page says in its console is an error of the test that looked at it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.console.built import axe
from tests.interop.tools import path_of

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
)
DESK: Final = {"width": 1440, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
PICTURES: Final = "MEDIASERVER_PICTURES"
"""Names the folder for pictures of pages, where somebody wants them."""
expect.set_options(timeout=30_000)  # as long as Playwright waits for everything else: a browser amid other tests may lack time


@dataclass
class Seen:
    """A page, and what went wrong in it."""

    page: Page
    problems: list[str] = field(default_factory=list)

    async def violations(self) -> list[str]:
        """What axe finds, as rule and place; where a dialog is open, in it: nothing else can be reached."""
        await self.page.evaluate(axe())
        found: dict[str, Any] = await self.page.evaluate(
            "axe.run(document.querySelector('dialog[open]') ?? document, {resultTypes: ['violations']})"
        )
        return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found["violations"] for node in rule["nodes"]]

    async def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        width: int = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return max(width, 0)


@asynccontextmanager
async def browser(microphone: Path | None = None) -> AsyncIterator[Browser]:
    """Chromium, whose microphone is a file."""
    file = () if microphone is None else (f"--use-file-for-fake-audio-capture={microphone}",)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path_of("chromium"), args=[*FLAGS, *file])
        try:
            yield chromium
        finally:
            await chromium.close()


@asynccontextmanager
async def opened(chromium: Browser, url: str, **context: Any) -> AsyncIterator[Seen]:
    """A page at an address."""
    surroundings: BrowserContext = await chromium.new_context(**({"viewport": DESK} | context))
    seen = Seen(await surroundings.new_page())
    seen.page.on("pageerror", lambda error: seen.problems.append(str(error)))
    seen.page.on("console", lambda said: seen.problems.append(said.text) if said.type == "error" else None)
    try:
        await seen.page.goto(url)
        yield seen
    finally:
        await surroundings.close()


async def keep_picture(page: Page, name: str) -> None:
    """Keep what a page shows, at a desk and on a phone, where somebody wants pictures."""
    folder = os.environ.get(PICTURES)
    if not folder:
        return
    for suffix, (width, height) in (("-phone", PHONE.values()), ("", DESK.values())):
        await page.set_viewport_size({"width": width, "height": height})
        await page.screenshot(path=Path(folder) / f"{name}{suffix}.png")


async def give_token(seen: Seen, token: str) -> None:
    """Write it where the door takes tokens."""
    field, other = seen.page.get_by_label("Token"), seen.page.get_by_role("button", name="Use a token")
    await field.or_(other).wait_for()
    if await other.count():
        await other.click()
    await field.fill(token)


async def sign_in(seen: Seen, token: str) -> None:
    """Through the door, until there are calls."""
    await give_token(seen, token)
    await seen.page.get_by_role("button", name="Sign in").click()
    await seen.page.get_by_role("table", name="Live calls").wait_for()
