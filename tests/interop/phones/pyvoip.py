"""A pyVoIP softphone in a process of its own (its threads would outlive a test): registers, answers or dials, speaks a tone, records.

What is known of pyVoIP: it registers before anything else, knows MD5 without qop, wants 100 or 180 before 200, ends its dialogs by Call-ID
alone, invents a To tag for its ACK, and hears and speaks 8 bit linear samples, so its recordings are noisier than the wire.
Run as a module it is the phone itself: it takes orders as lines and tells what happens as lines.
"""

import asyncio
import sys
import threading
import time
import wave
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from tests.audio import Int16, read_wav
from tests.interop.tools import PATIENCE, PHONES_MEDIA, free_port, give_back

_FRAME: Final = 160
_MEDIA_PORTS: Final = 20


class PyVoip:
    """One phone; an asynchronous context manager that begins when it is registered."""

    def __init__(self, folder: Path, user: str, voice: Path, *, registrar: str, secret: str, address: str = "127.0.0.1") -> None:
        """``voice`` is a WAV at 8 kHz, mono, longer than the test; ``registrar`` is ``host:port``. Whoever calls is answered."""
        self.user = user
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        host, _, port = registrar.rpartition(":")
        own_port, rtp_port = free_port(address), free_port(address, PHONES_MEDIA, _MEDIA_PORTS)
        weakref.finalize(self, give_back, address, rtp_port, _MEDIA_PORTS)
        settings = [host, port, user, secret, address, str(own_port), str(rtp_port), str(voice), str(folder / "heard.wav")]
        self._arguments = ["-m", "tests.interop.phones.pyvoip", *settings]

    async def __aenter__(self) -> Self:
        with (self._folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        try:
            await self.wait_for("registered")
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._end()

    async def dial(self, number: str) -> None:
        """Call a number at the registrar."""
        await self._order(f"dial {number}")

    async def hang_up(self) -> None:
        """End the call."""
        await self._order("hangup")

    async def wait_for(self, word: str, within: float = PATIENCE) -> str:
        """The next line that begins with this word: ``registered``, ``answered``, ``ended``, ``digit 5``; the rest of that line."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within):
                async for line in self._process.stdout:
                    first, _, rest = line.decode().strip().partition(" ")
                    if first == word:
                        return rest
        except TimeoutError:
            raise AssertionError(f"{self.user} did not tell {word} within {within} s\n{self._log()}") from None
        raise AssertionError(f"{self.user} is gone before it told {word}\n{self._log()}")

    async def listen(self, seconds: float, settle: float = 0.5) -> Int16:
        """What is heard from ``settle`` seconds on, this long."""
        await asyncio.sleep(settle)
        start, wanted = len(self._heard()), round(seconds * 8000)
        try:
            async with asyncio.timeout(seconds + 10):
                while len(self._heard()) < start + wanted:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{self.user} heard {len(self._heard()) - start} samples, not {wanted}\n{self._log()}") from None
        return self._heard()[start : start + wanted]

    def _heard(self) -> Int16:
        path = self._folder / "heard.wav"
        return read_wav(path) if path.exists() else np.zeros(0, np.int16)

    async def _order(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def _end(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        try:
            async with asyncio.timeout(5):
                await self._order("quit")
                await self._process.wait()
        except (TimeoutError, ConnectionError):
            self._process.kill()
            await self._process.wait()

    def _log(self) -> str:
        path = self._folder / "log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""


class _Phone:
    """The phone itself, in its own process."""

    def __init__(self, arguments: list[str]) -> None:
        # Imported here: only this process may be touched by what the library does to the interpreter.
        from pyVoIP.VoIP import VoIPPhone

        host, port, user, secret, address, own_port, rtp_port, voice, heard = arguments
        samples = read_wav(Path(voice)).astype(np.int32)
        self._voice = ((samples >> 8) + 128).astype(np.uint8).tobytes()
        self._heard = Path(heard)
        self._call: Any = None
        self._phone = VoIPPhone(
            host,
            int(port),
            user,
            secret,
            myIP=address,
            callCallback=self._incoming,
            sipPort=int(own_port),
            rtpPortLow=int(rtp_port),
            rtpPortHigh=int(rtp_port) + _MEDIA_PORTS - 1,
        )

    def run(self) -> None:
        """Obey until told to quit."""
        from pyVoIP.VoIP import PhoneStatus

        self._phone.start()
        while self._phone.get_status() is not PhoneStatus.REGISTERED:
            time.sleep(0.02)
        print("registered", flush=True)
        for line in sys.stdin:
            word, _, rest = line.strip().partition(" ")
            if word == "dial":
                self._call = self._phone.call(rest)
                threading.Thread(target=self._talk, args=(self._call,), daemon=True).start()
            elif word == "hangup":
                self._call.hangup()
            elif word == "quit":
                break
        self._phone.stop()

    def _incoming(self, call: Any) -> None:
        self._call = call
        call.answer()
        self._talk(call)

    def _talk(self, call: Any) -> None:
        """Speak and record while the call is up."""
        from pyVoIP.VoIP import CallState

        while call.state in (CallState.DIALING, CallState.RINGING):
            time.sleep(0.02)
        if call.state is CallState.ANSWERED:
            print("answered", flush=True)
            call.write_audio(self._voice)
            self._record(call)
        print("ended", flush=True)

    def _record(self, call: Any) -> None:
        from pyVoIP.VoIP import CallState

        with self._heard.open("wb") as file, wave.open(file, "wb") as recording:
            recording.setnchannels(1)
            recording.setsampwidth(2)
            recording.setframerate(8000)
            while call.state is CallState.ANSWERED:
                frame = np.frombuffer(call.read_audio(_FRAME, blocking=True), np.uint8).astype(np.int16)
                recording.writeframesraw(((frame - 128) << 8).astype("<i2").tobytes())
                file.flush()
                if digit := call.get_dtmf():
                    print("digit", digit, flush=True)


if __name__ == "__main__":
    _Phone(sys.argv[1:]).run()
