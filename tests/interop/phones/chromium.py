"""Headless Chromium with one page, told what to do over the browser's debugging port.

The page has an object ``phone`` that keeps what happens to it in ``events``. The microphone is Chromium's own fake one, or a WAV file.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import re
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import websockets

from tests.audio import Int16
from tests.interop.tools import PATIENCE, path_of

_SAYS_WHERE: Final = re.compile(r"DevTools listening on (ws://\S+)")


class BrowserError(AssertionError):
    """The browser did not do what it was told, or not in time."""


class Chromium:
    """One browser with one page."""

    def __init__(self, folder: Path, page: Path, microphone: Path | None = None) -> None:
        self._command = path_of("chromium")
        self._folder = folder
        self._page = page
        self._microphone = [] if microphone is None else [f"--use-file-for-fake-audio-capture={microphone}"]
        self._numbers = itertools.count(1)
        self._seen = 0

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True)
        self._process = await asyncio.create_subprocess_exec(
            *(self._command, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
            *("--remote-debugging-port=0", f"--user-data-dir={self._folder / 'profile'}", "--ignore-certificate-errors"),
            *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required"),
            *("--allow-loopback-in-peer-connection", *self._microphone),
            self._page.as_uri(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                self._browser = await websockets.connect(await self._where(), max_size=2**24)
                self._page_session = await self._attach()
                while not await self.ask("typeof phone === 'object'"):
                    await asyncio.sleep(0.05)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            await self._browser.close()
        await self._end()

    async def ask(self, expression: str) -> Any:
        """The value of an expression in the page."""
        given = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        result = await self._tell("Runtime.evaluate", given, session=self._page_session)
        if "exceptionDetails" in result:
            raise BrowserError(f"{expression}: {json.dumps(result['exceptionDetails'])[:500]}")
        return result["result"].get("value")

    async def wait_for(self, name: str, within: float = PATIENCE) -> str:
        """The next event of this name, and what it says; earlier ones are passed over."""
        seen: list[list[str]] = []
        try:
            async with asyncio.timeout(within):
                while True:
                    seen = await self.ask("phone.events")
                    for number in range(self._seen, len(seen)):
                        if seen[number][0] == name:
                            self._seen = number + 1
                            return seen[number][1]
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise BrowserError(f"no {name} within {within} s, but {seen}") from None

    async def until(self, expression: str, within: float = PATIENCE) -> None:
        """Wait until an expression in the page is true."""
        try:
            async with asyncio.timeout(within):
                while not await self.ask(expression):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise BrowserError(f"never true within {within} s: {expression}") from None

    async def listen(self, seconds: float, settle: float = 0.5) -> Int16:
        """What its page hears from ``settle`` seconds on, this long, at 8 kHz."""
        await asyncio.sleep(settle)
        heard = base64.b64decode(await self.ask(f"phone.ear.record({seconds})"))
        return np.frombuffer(heard, dtype="<i2").astype(np.int16)

    async def _where(self) -> str:
        """The address of the debugging port, which Chromium says once it has one."""
        assert self._process.stderr is not None
        said = b""
        while line := await self._process.stderr.readline():
            said += line
            found = _SAYS_WHERE.search(line.decode(errors="replace"))
            if found is not None:
                return found[1]
        raise BrowserError(f"Chromium ended:\n{said.decode(errors='replace')[-2000:]}")

    async def _attach(self) -> str:
        while True:
            targets = (await self._tell("Target.getTargets", {}))["targetInfos"]
            pages = [target for target in targets if target["type"] == "page"]
            if pages:
                attached = await self._tell("Target.attachToTarget", {"targetId": pages[0]["targetId"], "flatten": True})
                return str(attached["sessionId"])
            await asyncio.sleep(0.05)

    async def _tell(self, method: str, parameters: dict[str, Any], session: str = "") -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        await self._browser.send(json.dumps(message))
        while True:
            reply: dict[str, Any] = json.loads(await self._browser.recv())
            if reply.get("id") == number:
                if "error" in reply:
                    raise BrowserError(f"{method}: {reply['error']}")
                return dict(reply["result"])

    async def _end(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
