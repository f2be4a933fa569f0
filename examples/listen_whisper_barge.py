"""Enter the first live call with the own phone: listen, then whisper, then barge, five seconds each.

MEDIASERVER_TOKEN=demo-token python examples/listen_whisper_barge.py
"""

import asyncio
import os

from control_api.client import ControlClient

URL = os.environ.get("MEDIASERVER_URL", "http://127.0.0.1:8080")


async def main() -> None:
    async with ControlClient(URL, os.environ["MEDIASERVER_TOKEN"]) as client:
        call = await client.until(lambda calls: next((c for c in calls.values() if c.state == "answered"), None), timeout=60)
        print(f"{call.caller} talks to {call.agent}; your phone rings, answer it")
        leg = (await client.supervise(call=call.call, mode="listen")).leg
        await client.joined(leg)
        for mode in ("listen", "whisper", "barge"):
            applied = await client.set_mode(leg, mode)
            print(f"{mode}, heard so since turn {applied.turn}")
            await asyncio.sleep(5)
        await client.leave(leg)


asyncio.run(main())
