"""The door of the page: a session by name and password that outlives a reload, links that are good once, and why somebody is not let in."""

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from config.identities import CALLBACK
from control_api.signing_in.cookies import COOKIE
from control_api.signing_in.fetching import fetch
from control_api.tokens import ACCESS
from tests.console.browsing import Seen, browser, opened
from tests.console.built import built
from tests.control_api.desk import FakeDesk, call_model
from tests.control_api.serving import Served, serving
from tests.control_api.signing_in.issuer import serving_issuer
from tests.control_api.signing_in.offices import office_of
from tests.control_api.signing_in.test_issuers import settings_of

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def served() -> AsyncIterator[Served]:
    """A desk with one call that carla may supervise, and one that she may not."""
    built()
    desk = FakeDesk()
    desk.put(call_model("c1"))
    desk.put(call_model("c2", "simon", team="sales"))
    async with serving(desk=desk) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with browser() as running:
        yield running


async def enter(seen: Seen, password: str) -> None:
    await seen.page.get_by_label("Name").fill("carla")
    await seen.page.get_by_label("Password").fill(password)
    await seen.page.get_by_role("button", name="Sign in", exact=True).click()


async def test_a_session_outlives_a_reload_and_ends_at_sign_out(served: Served, chromium: Browser) -> None:
    async with opened(chromium, served.url) as seen:
        assert await seen.violations() == []
        await enter(seen, "open sesame")
        await seen.page.get_by_text("1 call", exact=True).wait_for()
        kept = await seen.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert ACCESS not in kept
        assert "mediaserver.csrf" in kept
        cookies = await seen.page.context.cookies()
        assert [(cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) for cookie in cookies] == [(True, True, "Strict")]
        await seen.page.reload()
        await seen.page.get_by_text("1 call", exact=True).wait_for()
        await seen.page.get_by_role("button", name="Sign out").click()
        await seen.page.get_by_label("Password").wait_for()
        await seen.page.reload()
        await seen.page.get_by_label("Password").wait_for()
        assert len(served.desk.office.sessions) == 0
        assert seen.problems == []


async def test_whoever_fails_too_often_is_told_that_he_has_to_wait(served: Served, chromium: Browser) -> None:
    async with opened(chromium, served.url) as seen:
        for _ in range(served.desk.office.settings.failures):
            await enter(seen, "guess")
            await seen.page.get_by_text("Name or password is wrong").wait_for()
            await expect(seen.page.get_by_label("Password")).to_have_value("")
        await enter(seen, "open sesame")
        await seen.page.get_by_text("Too many failures").wait_for()
        await seen.page.get_by_text("try again in").wait_for()


async def test_the_door_begins_with_its_first_field_and_forgets_an_old_refusal(served: Served, chromium: Browser) -> None:
    async with opened(chromium, served.url) as seen:
        why, password = seen.page.get_by_role("alert"), seen.page.get_by_label("Password")
        await expect(seen.page.get_by_label("Name")).to_be_focused()
        await enter(seen, "guess")
        await expect(why).to_contain_text("Name or password is wrong")
        await expect(password).to_have_value("")
        await password.press("Enter")
        await expect(why).to_have_text("")
        await seen.page.get_by_role("button", name="Use a token").click()
        token = seen.page.get_by_label("Token")
        await expect(token).to_be_focused()
        await seen.page.keyboard.type("wrong")
        await seen.page.keyboard.press("Enter")
        await expect(why).to_contain_text("does not know this token")
        await token.fill("")
        await expect(why).to_have_text("")


async def test_a_session_that_is_withdrawn_leads_to_the_door(served: Served, chromium: Browser) -> None:
    async with opened(chromium, served.url) as seen:
        await enter(seen, "open sesame")
        await seen.page.get_by_text("1 call", exact=True).wait_for()
        [session] = served.desk.office.sessions
        served.desk.office.withdraw(session.identity, session.id)
        await seen.page.get_by_label("Password").wait_for()
        await expect(seen.page.get_by_role("alert")).not_to_have_text("")


async def test_a_link_lets_one_listen_by_one_press_and_once(served: Served, chromium: Browser) -> None:
    async with opened(chromium, served.url) as seen:
        await enter(seen, "open sesame")
        await seen.page.get_by_role("link", name="+4930123").click()
        await seen.page.get_by_role("button", name="Send a listen-in link").click()
        link = await seen.page.get_by_label("Link", exact=True).input_value()
        assert await seen.violations() == []
    assert link.startswith(f"{served.url}/listen#")
    async with opened(chromium, link) as seen:
        assert await seen.violations() == []
        await seen.page.get_by_role("button", name="Listen").click()
        pressed = seen.page.locator(".seat").get_by_role("button", name="Listen")
        await expect(pressed).to_have_attribute("aria-pressed", "true")
        assert "msl_" not in seen.page.url
    async with opened(chromium, link) as seen:
        await seen.page.get_by_role("button", name="Listen").click()
        await expect(seen.page.get_by_role("alert")).to_contain_text("link")


async def test_whoever_has_an_account_at_an_issuer_signs_in_there(chromium: Browser) -> None:
    built()
    desk = FakeDesk()
    desk.put(call_model("c1"))
    desk.office = office_of(fetch=fetch)
    async with serving_issuer() as issuer, serving(desk=desk) as running, opened(chromium, "about:blank") as seen:
        desk.office.take(settings_of(issuer, name="company", redirect_uri=f"{running.url}{CALLBACK}"))
        issuer.claims = {"iat": time.monotonic() + 1e9, "exp": time.monotonic() + 1e9 + 300}
        await seen.page.goto(running.url)
        button = seen.page.get_by_role("button", name="Sign in with company")
        issuer.denies = True
        await button.click()
        await expect(seen.page.get_by_role("alert")).to_have_text(
            "Company says access_denied: you were not let in there, or have called it off."
        )
        assert await seen.violations() == []
        issuer.denies = False
        await button.click()
        await seen.page.get_by_text("1 call", exact=True).wait_for()
        assert seen.page.url == f"{running.url}/"
        await seen.page.reload()
        await seen.page.get_by_text("1 call", exact=True).wait_for()
        cookies = await seen.page.context.cookies()
        assert [(cookie["name"], cookie["httpOnly"], cookie["sameSite"]) for cookie in cookies] == [(COOKIE, True, "Strict")]
        assert seen.problems == []
