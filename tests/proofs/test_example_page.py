"""The example page, from a file, in headless Chromium: who presses Listen hears both parties of the call, until he closes the page."""

from collections.abc import Mapping
from pathlib import Path

from playwright.async_api import expect

from control_api.messages import CallModel
from tests.console.browsing import browser, opened
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, hear
from tests.interop.houses import TOKEN
from tests.interop.phones.jssip import PAGE
from tests.interop.test_webrtc import desk
from tests.interop.tools import PATIENCE
from tests.proofs.test_console import EAR, PageEar

EXAMPLE = Path(__file__).parents[2] / "examples" / "listen.html"


def unsupervised(calls: Mapping[str, CallModel]) -> CallModel | None:
    """The call, where nobody supervises it."""
    return next((call for call in calls.values() if all(leg.role != "supervisor" for leg in call.legs)), None)


async def test_a_page_of_thirty_lines_listens_to_a_call(voices: dict[float, Path], tmp_path: Path) -> None:
    async with desk(voices, tmp_path) as here, browser() as chromium, opened(chromium, "about:blank") as seen:
        await seen.page.add_init_script(EAR % (PAGE / "hearing.js").read_text().replace("export class", "class"))
        await seen.page.goto(EXAMPLE.as_uri())
        for label, value in (("Server", here.server.control), ("Token", TOKEN), ("Agent", "robert")):
            await seen.page.get_by_label(label).fill(value)
        await seen.page.get_by_role("button", name="Listen").click()
        await expect(seen.page.get_by_role("status")).to_have_text("connected", timeout=30_000)
        await hear({PageEar(seen.page): {CUSTOMER_HZ, AGENT_HZ}})
        await seen.page.close()
        await here.control.until(unsupervised, timeout=PATIENCE)
