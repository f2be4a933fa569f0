"""What a supervisor does from the page besides hearing a call; each is shown as the server says it is, by buttons and by keys."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from control_api.past_models import HistoryCommand
from control_api.permissions import Refusal
from mixer.modes import Role
from tests.console.browsing import browser, opened, sign_in
from tests.console.built import built
from tests.control_api.desk import FakeDesk, call_model, leg_model
from tests.control_api.serving import DAVE_TOKEN, Served, serving

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
ON_THE_PHONE = "localStorage.setItem('mediaserver.ear', '\"phone\"')"
"""Nobody's browser is to be a leg here."""


def supervisor(leg: int, name: str, mode: str, **changes: Any) -> dict[str, Any]:
    return leg_model(leg, Role.SUPERVISOR, name, identity=name, mode=mode, target="agent", muted=False, hears=1.0, inaudible="") | changes


@pytest_asyncio.fixture(loop_scope="module")
async def served() -> AsyncIterator[Served]:
    """Dave whispers on a call to which carla listens; simon is idle, and nobody else is on robert's other call."""
    built()
    desk = FakeDesk()
    desk.put(call_model("c1"))
    first = desk.live["c1"]
    desk.put(first | {"legs": [*first["legs"], supervisor(8, "dave", "whisper"), supervisor(9, "carla", "listen")]}, "supervisor.joined")
    async with serving(desk=desk) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(served: Served, chromium: Browser) -> AsyncIterator[Page]:
    """Dave's, at the call."""
    async with opened(chromium, "about:blank") as seen:
        await seen.page.add_init_script(ON_THE_PHONE)
        await seen.page.goto(served.url)
        await sign_in(seen, DAVE_TOKEN)
        await seen.page.goto(f"{served.url}/#/call/c1")
        await seen.page.get_by_role("button", name="Take over").wait_for()
        yield seen.page
        assert await seen.violations() == []
        assert seen.problems == []


PUSH_TO_TALK = "localStorage.setItem('mediaserver.push_to_talk', 'true')"


async def confirmed(page: Page, button: str) -> None:
    """Press it, and say that it is meant."""
    await page.get_by_role("button", name=button).click()
    await page.get_by_role("dialog").get_by_role("button", name=button).click()


def asked(served: Served, name: str) -> list[dict[str, Any]]:
    return [said for what, said in served.desk.asked if what == name]


async def test_a_call_is_taken_over_and_given_back(served: Served, page: Page) -> None:
    over = page.get_by_role("button", name="Take over")
    for closing in ("Cancel", "Close"):
        await over.focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("dialog").get_by_role("button", name=closing).click()
        await expect(over).to_be_focused()
    await confirmed(page, "Take over")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert asked(served, "take_over") == [{"leg": 8, "drops_agent": False}]
    await expect(page.get_by_role("button", name="Give back")).to_have_count(0)
    customer, agent, dave, carla = served.desk.live["c1"]["legs"]
    served.desk.put(
        served.desk.live["c1"] | {"legs": [customer, agent | {"aside": True}, dave | {"mode": "barge", "taken_over": True}, carla]},
        "call.taken_over",
    )
    await page.get_by_role("listitem").filter(has_text="You").get_by_text("speak in the agent's stead").wait_for()
    await page.keyboard.press("g")
    await expect(page.get_by_role("button", name="Give back")).to_have_attribute("aria-busy", "false")
    assert asked(served, "give_back") == [{"leg": 8}]


async def test_an_agent_is_dropped_by_a_key_and_a_yes(served: Served, page: Page) -> None:
    await page.keyboard.press("d")
    await page.get_by_role("dialog").get_by_role("button", name="Drop the agent").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("button", name="Drop the agent")).to_have_attribute("aria-busy", "false")
    assert asked(served, "take_over") == [{"leg": 8, "drops_agent": True}]


async def test_a_talk_is_handed_to_who_listens(served: Served, page: Page) -> None:
    over = page.get_by_role("button", name="Hand over to carla")
    await over.click()
    await expect(over).to_have_attribute("aria-busy", "false")
    assert asked(served, "hand_over") == [{"leg": 8, "to": 9}]


async def test_a_third_one_is_rung_by_his_number(served: Served, page: Page) -> None:
    await page.keyboard.press("i")
    await page.get_by_role("dialog").wait_for()
    await page.keyboard.type("+4989555")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("button", name="Bring in")).to_have_attribute("aria-busy", "false")
    assert asked(served, "invite") == [{"call": "c1", "number": "+4989555"}]


async def test_a_call_for_help_is_a_notice_and_a_flag_until_it_is_over(served: Served, page: Page) -> None:
    served.desk.put(served.desk.live["c1"] | {"help": "he wants to cancel"}, "call.help")
    await page.get_by_label("Notices").get_by_text("he wants to cancel").wait_for()
    await page.get_by_role("status").get_by_text("asks for help").wait_for()
    await page.get_by_role("button", name="Needs no help any more").click()
    await expect(page.get_by_role("status").get_by_text("asks for help")).to_have_count(0)
    assert served.desk.live["c1"]["help"] is None


async def test_an_agent_is_followed_until_one_stops(served: Served, page: Page) -> None:
    await page.get_by_role("link", name="Agents").click()
    await page.get_by_role("button", name="Follow robert").click()
    await expect(page.get_by_role("button", name="Follow robert")).to_have_attribute("aria-busy", "false")
    [said] = asked(served, "follow")
    assert (said["agent"], said["current"]) == ("robert", True)
    await page.reload()
    await page.get_by_role("row").get_by_role("button", name="Unfollow robert").click()
    await page.reload()
    await page.get_by_role("button", name="Follow robert", exact=True).wait_for()
    assert served.desk.following == []


async def test_a_note_and_a_flag_are_shown_when_the_server_has_them_and_a_flag_filters_the_board(served: Served, page: Page) -> None:
    await page.keyboard.press("n")
    await page.keyboard.type("well explained")
    await page.keyboard.press("Enter")
    await page.get_by_role("listitem").filter(has_text="1:01").filter(has_text="well explained dave").wait_for()
    await page.get_by_role("button", name="Flag this moment").click()
    await page.get_by_role("dialog").get_by_label("Label", exact=True).press("Enter")
    await page.get_by_role("listitem").filter(has_text="1:0").filter(has_text="look dave").wait_for()
    assert asked(served, "note") == [{"call": "c1", "text": "well explained", "seconds": None}]
    [flag] = asked(served, "flag")
    assert (flag["call"], flag["label"]) == ("c1", "look")
    assert flag["seconds"] >= 61.5
    served.desk.put(call_model("c2", agent="simon"))
    await page.reload()
    await page.get_by_role("listitem").filter(has_text="well explained").wait_for()
    await page.get_by_role("link", name="Calls").first.click()
    await page.get_by_role("button", name="Flagged 1").click()
    await expect(page.locator("[data-call]")).to_have_count(1)
    await page.goto(f"{served.url}/#/call/c1")
    await page.get_by_role("button", name="Take back the flag look").click()
    await expect(page.get_by_role("listitem").filter(has_text="look dave")).to_have_count(0)
    assert served.desk.live["c1"]["flags"] == []


@pytest.mark.parametrize(("key", "kept"), [("n", "note"), ("s", "message")])
async def test_what_is_typed_for_a_row_of_the_board_is_a_text_and_no_command(served: Served, page: Page, key: str, kept: str) -> None:
    await page.get_by_role("link", name="Calls").first.click()
    await page.get_by_role("link", name="+4930123").wait_for()
    await page.keyboard.press("j")
    await page.keyboard.type(f"{key}well, he is barged by law")
    await page.keyboard.press("Enter")
    await page.get_by_label("Notices").get_by_text("kept" if kept == "note" else "has taken").wait_for()
    await expect(page.get_by_role("link", name="+4930123")).to_be_focused()
    [said] = asked(served, kept)
    assert (said["call"], said["text"]) == ("c1", "well, he is barged by law")
    assert asked(served, "set_mode") == []


async def test_where_nothing_can_be_written_it_is_said_and_letters_do_nothing(served: Served, page: Page) -> None:
    served.desk.put(served.desk.live["c1"] | {"agent": ""}, "call.agent")
    await page.get_by_role("link", name="Calls").first.click()
    await page.get_by_role("link", name="+4930123").wait_for()
    await page.keyboard.press("j")
    await page.keyboard.type("sb b")
    await page.get_by_role("dialog", name="No message").get_by_text("No agent is on this call.").wait_for()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert asked(served, "set_mode") == []


async def test_escape_leaves_a_note_which_stays_as_it_was_written(served: Served, page: Page) -> None:
    await page.keyboard.press("n")
    note = page.get_by_label("Note at this moment")
    await page.keyboard.type("half a")
    await page.keyboard.press("Escape")
    await expect(note).not_to_be_focused()
    await expect(note).to_have_value("half a")


async def test_a_flag_stands_for_what_is_typed_or_for_what_others_say(served: Served, page: Page) -> None:
    carlas = {"id": "f0", "identity": "carla", "at": "", "about": "2030-03-17T17:46:50.000Z", "label": "praise"}
    served.desk.put(served.desk.live["c1"] | {"flags": [carlas]}, "call.flag")
    await page.get_by_role("listitem").filter(has_text="praise carla").wait_for()
    await page.keyboard.press("f")
    await page.get_by_role("group", name="Labels in use").get_by_role("button", name="praise").click()
    await page.get_by_role("listitem").filter(has_text="praise dave").wait_for()
    await page.keyboard.press("f")
    label = page.get_by_label("Label", exact=True)
    await expect(label).to_be_focused()
    await expect(label).to_have_value("praise")
    await page.keyboard.type("refund promised")
    await page.keyboard.press("Enter")
    await page.get_by_role("listitem").filter(has_text="refund promised dave").wait_for()
    assert [said["label"] for said in asked(served, "flag")] == ["praise", "refund promised"]


async def test_what_the_server_has_not_confirmed_leaves_no_microphone_open_and_is_not_shown(served: Served, page: Page) -> None:
    customer, agent, dave, carla = served.desk.live["c1"]["legs"]
    served.desk.put(served.desk.live["c1"] | {"legs": [customer, agent, dave | {"muted": True}, carla]}, "supervisor.muted")
    await page.evaluate(PUSH_TO_TALK)
    await page.reload()
    hold = page.get_by_role("button", name="Hold to talk")
    await hold.focus()
    served.desk.gate.clear()
    await page.keyboard.down("Enter")
    await hold.blur()
    await page.keyboard.up("Enter")
    served.desk.gate.set()
    async with asyncio.timeout(10):
        while len(asked(served, "mute")) < 2:
            await page.wait_for_timeout(20)
    assert [said["muted"] for said in asked(served, "mute")] == [False, True]
    served.desk.fault = Refusal("conflict", "not now", "")
    volume = page.get_by_role("slider", name="Volume")
    await volume.fill("1.5")
    await page.get_by_text("not now").wait_for()
    await expect(volume).to_have_value("1")


async def test_calls_that_have_ended_are_found_and_turned_over_and_say_why_where_they_cannot_be_had(served: Served, page: Page) -> None:
    past = served.desk.past
    past.next = "7.c7"
    await page.keyboard.press("h")
    await page.get_by_role("table", name="Ended calls").get_by_role("row", name="robert").wait_for()
    await page.keyboard.press("/")
    await page.keyboard.type("4930")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Show all")).to_be_visible()
    await page.get_by_role("button", name="Older").click()
    await expect(page.get_by_role("button", name="Older")).to_be_disabled()
    past.fault = Refusal("unavailable", "the database cannot be asked now", "calls are not touched by that")
    await page.get_by_role("button", name="Newer").click()
    await page.get_by_role("alert").get_by_text("the database cannot be asked now").wait_for()
    past.fault = None
    await page.get_by_role("button", name="Try again").click()
    await page.get_by_role("link", name="+4930123").wait_for()
    wanted = [(said.party, said.cursor) for said in past.asked if isinstance(said, HistoryCommand)]
    assert wanted == [(None, None), ("4930", None), ("4930", "7.c7"), ("4930", None)]
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="robert with +4930123").wait_for()
    await page.get_by_role("listitem").filter(has_text="anna").first.wait_for()
