"""The picture of the board that the documents show: `python -m tests.console.pictures FOLDER`. Half a minute of a crowd's talk."""

import asyncio
import os
import sys
from typing import Final

from mixer.modes import Role
from tests.console.browsing import PICTURES, browser, keep_picture, opened, sign_in
from tests.console.built import built
from tests.console.crowd import Crowd
from tests.control_api.desk import FakeDesk, leg_model
from tests.control_api.serving import ANNA_TOKEN, serving

CALLS: Final = 180
SECONDS: Final = 30.0
SUPERVISORS: Final = (("c5", "bert", "whisper"), ("c6", "carla", "listen"), ("c7", "anna", "listen"))
ON_THE_PHONE: Final = "localStorage.setItem('mediaserver.ear', '\"phone\"')"
"""The page's own leg is one of the desk's making, and so no browser's."""


async def take() -> None:
    """Fill a desk, let it talk, look."""
    built()
    desk = FakeDesk()
    crowd = Crowd(desk, CALLS)
    for number, (call, name, mode) in enumerate(SUPERVISORS):
        leg = leg_model(11 + number, Role.SUPERVISOR, name, identity=name, mode=mode, target="agent", muted=False, hears=1.0, inaudible="")
        desk.put(desk.live[call] | {"duration": 1500.0 - 200.0 * number, "legs": [*desk.live[call]["legs"], leg]}, "supervisor.joined")
    async with serving(desk=desk) as served, browser() as chromium, opened(chromium, "about:blank") as seen, asyncio.TaskGroup() as group:
        talking = group.create_task(crowd.talk(2, 0))
        await seen.page.add_init_script(ON_THE_PHONE)
        await seen.page.goto(served.url)
        await sign_in(seen, ANNA_TOKEN)
        await seen.page.wait_for_timeout(1000 * SECONDS)
        await keep_picture(seen.page, "board")
        talking.cancel()


if __name__ == "__main__":
    os.environ[PICTURES] = sys.argv[1]
    asyncio.run(take())
