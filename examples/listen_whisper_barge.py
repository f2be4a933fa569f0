"""Enter the first live call with the own phone (`.venv/bin/python -m bench phone`): listen, whisper, then barge, five seconds each.

MEDIASERVER_TOKEN=demo-token .venv/bin/python examples/listen_whisper_barge.py
"""

import asyncio
import os

from control_api.client import ControlClient
from control_api.permissions import Refusal


async def main(url: str, token: str) -> None:
    async with ControlClient(url, token) as client:
        call = await client.until(lambda calls: next((c for c in calls.values() if c.state == "answered"), None), timeout=60)
        leg = (await client.supervise(call=call.call, mode="listen")).leg
        print(f"{call.caller} talks to {call.agent}; your phone rings, answer it")
        await client.joined(leg)
        for mode in ("listen", "whisper", "barge"):
            print(f"{mode}, heard so since turn {(await client.set_mode(leg, mode)).turn}")
            await asyncio.sleep(5)
        await client.leave(leg)


try:
    asyncio.run(main(os.environ.get("MEDIASERVER_URL", "http://127.0.0.1:8080"), os.environ.get("MEDIASERVER_TOKEN", "")))
except Refusal as refusal:
    raise SystemExit(f"{refusal.code}: {refusal.text} ({refusal.hint})") from None
except (ConnectionError, TimeoutError) as error:
    raise SystemExit(str(error) or "nobody talked, or no phone answered, within a minute") from None
