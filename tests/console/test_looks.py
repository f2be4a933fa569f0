"""The page without a phone: accessible in both themes, no wider than a phone, by keys alone, and only what the server confirmed."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from control_api.permissions import Refusal
from mixer.modes import Role
from tests.console.browsing import PHONE, Seen, browser, give_token, opened, sign_in
from tests.console.built import built
from tests.console.crowd import Crowd
from tests.control_api.desk import FakeDesk, leg_model
from tests.control_api.serving import ANNA_TOKEN, BERT_TOKEN, Served, serving

SECONDS = 300
HOLD_BACK = """
(() => {
  const send = WebSocket.prototype.send;
  const held = [];
  window.letGo = () => { WebSocket.prototype.send = send; held.forEach((go) => go()); };
  WebSocket.prototype.send = function (frame) {
    if (JSON.parse(frame).type === "ice_servers") held.push(() => send.call(this, frame));
    else send.call(this, frame);
  };
})();
"""
"""What the page asks first, whether browsers are taken, is kept from the server until the test lets go."""
NO_MICROPHONE = """
navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
"""
"""As where its user has refused it."""
DIALOGS = {",": "Settings", "?": "Keys", "e": "End the call?", "i": "Bring in a third one", "f": "Flag this moment"}
"""What a key opens on the page of a call."""
pytestmark = [pytest.mark.timeout(SECONDS), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def served() -> AsyncIterator[Served]:
    """A desk with forty calls; a coach is on the first one."""
    built()
    desk = FakeDesk()
    crowd = Crowd(desk, 40)
    first = desk.live["c1"]
    coach = leg_model(9, Role.SUPERVISOR, "carla", identity="carla", mode="whisper", target="agent", muted=False, hears=1.0, inaudible="")
    desk.put(first | {"legs": [*first["legs"], coach]}, "supervisor.joined")
    async with serving(desk=desk) as running:
        crowd.meter()
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with browser() as running:
        yield running


async def assert_well(seen: Seen) -> None:
    assert await seen.violations() == []
    assert await seen.overflow() == 0
    assert seen.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [None, PHONE], ids=["desk", "phone"])
async def test_every_page_is_accessible_and_fits(served: Served, chromium: Browser, scheme: str, size: dict[str, int] | None) -> None:
    context = {"color_scheme": scheme} | ({"viewport": size} if size else {})
    async with opened(chromium, served.url, **context) as seen:
        await assert_well(seen)
        await sign_in(seen, ANNA_TOKEN)
        await assert_well(seen)
        await seen.page.goto(f"{served.url}/#/call/c1")
        await seen.page.get_by_role("button", name="Barge").wait_for()
        await assert_well(seen)
        for key, name in DIALOGS.items():
            await seen.page.keyboard.press(key)
            await seen.page.get_by_role("dialog", name=name).wait_for()
            await assert_well(seen)
            await seen.page.keyboard.press("Escape")
            await expect(seen.page.get_by_role("dialog")).to_have_count(0)
        await seen.page.goto(f"{served.url}/#/agents")
        await seen.page.get_by_text("40 on a call, 1 idle").wait_for()
        await assert_well(seen)
        await seen.page.keyboard.press("h")
        await seen.page.get_by_role("table", name="Ended calls").wait_for()
        await assert_well(seen)
        await seen.page.get_by_role("link", name="+4930123").click()
        await seen.page.get_by_text("until unknown").wait_for()
        await assert_well(seen)


@pytest.mark.parametrize("first", ["i", "f"])
async def test_a_key_right_after_a_dialog_was_closed_is_none_that_was_typed_into_it(served: Served, chromium: Browser, first: str) -> None:
    async with opened(chromium, served.url) as seen:
        await sign_in(seen, ANNA_TOKEN)
        await seen.page.goto(f"{served.url}/#/call/c1")
        await seen.page.get_by_role("button", name="Barge").wait_for()
        await seen.page.keyboard.press(first)
        await seen.page.get_by_role("dialog", name=DIALOGS[first]).wait_for()
        await seen.page.evaluate(
            """() => {
                const field = document.activeElement;
                document.querySelector("dialog").close();
                field.dispatchEvent(new KeyboardEvent("keydown", {key: "f", bubbles: true, cancelable: true}));
            }"""
        )
        await seen.page.get_by_role("dialog", name=DIALOGS["f"]).wait_for(timeout=10_000)


async def test_a_mode_is_shown_when_the_server_has_confirmed_it_and_not_before(served: Served, chromium: Browser) -> None:
    async with opened(chromium, f"{served.url}/#/call/c2") as seen:
        await give_token(seen, ANNA_TOKEN)
        await seen.page.keyboard.press("Enter")
        await seen.page.goto(f"{served.url}/#/call/c2")
        supervise = seen.page.locator(".seat")
        await supervise.get_by_role("button", name="Listen").click()
        await expect(supervise.get_by_role("button", name="Listen")).to_have_attribute("aria-pressed", "true")
        served.desk.gate.clear()
        barge = supervise.get_by_role("button", name="Barge")
        await barge.click()
        await expect(barge).to_have_attribute("aria-busy", "true")
        await expect(barge).to_have_attribute("aria-pressed", "false")
        served.desk.gate.set()
        await expect(barge).to_have_attribute("aria-pressed", "true")
        served.desk.fault = Refusal("conflict", "another one barges already", "ask bert")
        await supervise.get_by_role("button", name="Whisper").click()
        await expect(seen.page.get_by_text("another one barges already")).to_be_visible()
        await expect(barge).to_have_attribute("aria-pressed", "true")


async def test_whoever_has_no_microphone_is_told_what_helps_and_listens_on(served: Served, chromium: Browser) -> None:
    async with opened(chromium, "about:blank") as seen:
        await seen.page.add_init_script(NO_MICROPHONE)
        await seen.page.goto(served.url)
        await sign_in(seen, ANNA_TOKEN)
        await seen.page.goto(f"{served.url}/#/call/c4")
        supervise, notices = seen.page.locator(".seat"), seen.page.get_by_label("Notices")
        await supervise.get_by_role("button", name="Listen").click()
        await expect(supervise.get_by_role("button", name="Listen")).to_have_attribute("aria-pressed", "true")
        await supervise.get_by_role("button", name="Whisper").click()
        await expect(notices).to_contain_text("The browser gave no microphone")
        await expect(notices).to_contain_text("Allow it for this page")
        await expect(notices).to_contain_text("You still hear the call; nobody hears you.")
        await expect(supervise.get_by_role("button", name="Listen")).to_have_attribute("aria-pressed", "true")
        assert "set_mode" not in [name for name, _ in served.desk.asked]
        assert seen.problems == []


async def test_the_demos_link_needs_no_more_than_enter(served: Served, chromium: Browser) -> None:
    async with opened(chromium, f"{served.url}/#/?token={ANNA_TOKEN}") as seen:
        await expect(seen.page.get_by_label("Token")).to_be_focused()
        await seen.page.keyboard.press("Enter")
        await seen.page.get_by_role("table", name="Live calls").wait_for()
        await expect(seen.page.get_by_role("columnheader", name="Talk, last minute Crosstalk")).to_be_visible()


async def test_it_is_used_by_keys_alone(served: Served, chromium: Browser) -> None:
    async with opened(chromium, served.url) as seen:
        press = seen.page.keyboard.press
        await give_token(seen, ANNA_TOKEN)
        await press("Enter")
        await seen.page.get_by_role("table", name="Live calls").wait_for()
        await press("/")
        await seen.page.keyboard.type(served.desk.live["c7"]["agent"])
        await seen.page.get_by_text("1 of 40 calls").wait_for()
        await seen.page.get_by_role("searchbox").blur()
        await press("j")
        await press("l")
        dock = seen.page.get_by_label("The call that you are in")
        await expect(dock.get_by_role("button", name="Listen")).to_have_attribute("aria-pressed", "true")
        await press("w")
        await expect(dock.get_by_role("button", name="Whisper")).to_have_attribute("aria-pressed", "true")
        await press("x")
        await expect(dock).to_have_count(0)
        await press("a")
        await seen.page.get_by_text("40 on a call").wait_for()


async def test_what_a_ceiling_forbids_is_not_offered(served: Served, chromium: Browser) -> None:
    served.desk.put(served.desk.live["c3"] | {"agent": "robert"}, "call.agent")
    async with opened(chromium, served.url) as seen:
        await sign_in(seen, BERT_TOKEN)
        await seen.page.get_by_text("1 call", exact=True).wait_for()
        await seen.page.goto(f"{served.url}/#/call/c3")
        supervise = seen.page.locator(".seat")
        await expect(supervise.get_by_role("button")).to_have_count(1)
        await expect(seen.page.get_by_role("button", name="End the call")).to_have_count(0)


async def test_a_link_of_a_notice_joins_at_once(served: Served, chromium: Browser) -> None:
    async with opened(chromium, served.url) as seen:
        await sign_in(seen, ANNA_TOKEN)
        served.desk.put(served.desk.live["c5"], "quality.dropped", leg=1, detail={"way": "up", "mos": 2.9})
        await seen.page.get_by_role("link", name="Listen").click()
        await expect(seen.page.locator(".seat").get_by_role("button", name="Listen")).to_have_attribute("aria-pressed", "true")


async def test_a_listen_before_the_server_said_whether_it_takes_browsers_rings_no_phone(served: Served, chromium: Browser) -> None:
    async with opened(chromium, "about:blank") as seen:
        await seen.page.add_init_script(HOLD_BACK)
        await seen.page.goto(served.url)
        await sign_in(seen, ANNA_TOKEN)
        longest = max(served.desk.live.values(), key=lambda call: call["duration"] if call["call"] != "c1" else 0.0)
        listen = seen.page.locator(f"[data-call={longest['call']}]").get_by_role("button", name="Listen")
        await listen.click()
        await expect(listen).to_have_attribute("aria-busy", "true")
        await seen.page.evaluate("letGo()")
        await seen.page.get_by_label("The call that you are in").wait_for()
        assert "join" in [name for name, _ in served.desk.asked]


async def test_a_wrong_token_is_told_and_kept_nowhere(served: Served, chromium: Browser) -> None:
    async with opened(chromium, served.url) as seen:
        await give_token(seen, "wrong")
        await seen.page.keyboard.press("Enter")
        await seen.page.get_by_text("does not know this token").wait_for()


async def test_a_board_that_was_empty_when_the_server_went_says_so_and_speaks_of_no_calls_now(chromium: Browser) -> None:
    async with opened(chromium, "about:blank") as seen:
        async with serving() as served:
            await seen.page.goto(served.url)
            await sign_in(seen, ANNA_TOKEN)
            await seen.page.get_by_text("No calls now.").wait_for()
        await expect(seen.page.locator(".interrupted")).to_contain_text("What you see is as it was. Next try in")
        await seen.page.get_by_text("There were no calls when the connection was interrupted.").wait_for()
