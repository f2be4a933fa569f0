"""A baresip phone without a screen or sound card: speaks a WAV file, records what it hears, obeys over its control port.

`Baresip` is an asynchronous context manager around one process with a folder and a loopback address of its own. What it tells comes as
events (baresip's own names: ``REGISTER_OK``, ``CALL_INCOMING``, ``CALL_ESTABLISHED``, ``CALL_CLOSED`` …) that are waited for in turn.
The recording holds the packets that arrived, one after the other: where none came there is no silence, so take `position` before and
after what is to be judged.

Known of baresip 1.0.0, whoever is at the other end: after any re-INVITE in a call, its own hold and resume too, it plays and records
nothing more (it still sends); it gives up at the sight of a SHA-256 challenge; its RTP leaves from 127.0.0.1 whatever its address is.
"""

import asyncio
import contextlib
import json
import signal
import weakref
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from tests.audio import Int16, read_wav
from tests.interop.tools import PATIENCE, PHONES_MEDIA, free_port, give_back, path_of

MODULES: Final = "/usr/lib/baresip/modules"
_MEDIA_PORTS: Final = 20
"""Of which it takes any two for a call."""

_CONFIG: Final = """\
poll_method epoll
sip_listen {address}:{port}
net_interface {address}
call_local_timeout 120
call_max_calls 4
audio_path {folder}
audio_source aufile,{voice}
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
rtp_ports {first_rtp}-{last_rtp}
jitter_buffer_delay 1-5
ringback_disabled yes
module_path {modules}
module g711.so
module g722.so
module opus.so
module l16.so
module aufile.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
module_app debug_cmd.so
ctrl_tcp_listen {address}:{control}
snd_path {folder}
"""


class PhoneError(AssertionError):
    """The phone did not do what it was told, or not in time; the text holds the end of its log."""


class Baresip:
    """One phone."""

    def __init__(
        self,
        folder: Path,
        user: str,
        voice: Path,
        *,
        registrar: str = "",
        secret: str = "",
        answers_by_itself: bool = False,
        codecs: Sequence[str] = ("PCMU", "PCMA"),
        ptime_ms: int = 20,
        transport: str = "udp",
        expires: int = 60,
        address: str = "127.0.0.1",
        ca_file: Path | None = None,
        encryption: str = "",
    ) -> None:
        """A phone that will speak ``voice``, a WAV at 8 kHz, mono, longer than the test.

        ``codecs`` are names, or as baresip writes them: ``opus/48000/2``.
        ``registrar`` is ``host:port``, empty for a phone that registers nowhere; ``address`` a loopback address of its own;
        ``ca_file`` holds the root that a TLS server's certificate must come from; ``encryption`` is baresip's: ``srtp`` where the
        other side has it too, ``srtp-mand`` always, ``dtls_srtp`` with keys from a handshake.
        """
        self._command = path_of("baresip")
        self.user = user
        self.address = address
        self.port = free_port(self.address)
        self._control_port = free_port(self.address)
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._events: list[dict[str, Any]] = []
        """Told and not yet waited for."""
        self._replies: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)
        first_rtp = free_port(self.address, PHONES_MEDIA, _MEDIA_PORTS)
        weakref.finalize(self, give_back, self.address, first_rtp, _MEDIA_PORTS)
        config = _CONFIG.format(
            address=self.address,
            port=self.port,
            control=self._control_port,
            folder=folder,
            voice=voice,
            modules=MODULES,
            first_rtp=first_rtp,
            last_rtp=first_rtp + _MEDIA_PORTS - 1,
        )
        domain = registrar or f"{self.address}:{self.port}"
        options = [f"regint={expires if registrar else 0}", f"answermode={'auto' if answers_by_itself else 'manual'}", f"ptime={ptime_ms}"]
        options.append("audio_codecs=" + ",".join(codec if "/" in codec else f"{codec}/8000/1" for codec in codecs))
        if secret:
            options.append(f"auth_pass={secret}")
        if encryption:
            config += "module dtls_srtp.so\n" if encryption.startswith("dtls") else "module srtp.so\n"
            options.append(f"mediaenc={encryption}")
        if ca_file is not None:
            config += f"sip_cafile {ca_file}\n"
        (folder / "config").write_text(config)
        (folder / "accounts").write_text(f"<sip:{user}@{domain};transport={transport}>;{';'.join(options)}\n")
        (folder / "contacts").write_text("")

    @property
    def uri(self) -> str:
        """Where the phone can be called without a registrar."""
        return f"sip:{self.user}@{self.address}:{self.port}"

    async def __aenter__(self) -> Self:
        with (self._folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                self._command, "-f", str(self._folder), "-v", stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(PATIENCE):
                self._reader, self._writer = await self._connect()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._end()

    # -- orders

    async def dial(self, uri: str) -> None:
        """Call somebody; ``sip:…`` or what is to be dialled at the registrar."""
        await self.order("dial", uri)

    async def accept(self) -> None:
        """Answer the call that rings."""
        await self.order("accept")

    async def hang_up(self) -> None:
        """End the call, or refuse the one that rings."""
        await self.order("hangup")

    async def hold(self) -> None:
        """Put the other side on hold by a re-INVITE."""
        await self.order("hold")

    async def resume(self) -> None:
        """Take the other side back by a re-INVITE."""
        await self.order("resume")

    async def send_digit(self, digit: str) -> None:
        """Press a key: RFC 4733 where negotiated."""
        await self.order("sndcode", digit)
        await asyncio.sleep(0.25)  # how long the key is held, as a finger would
        await self.order("sndcode", "")

    async def order(self, command: str, parameters: str = "") -> str:
        """Give an order of baresip's menu by its long name; what it says to it."""
        if self._writer is None:
            raise PhoneError(f"{self.user} is not running")
        body = json.dumps({"command": command, "params": parameters, "token": command}).encode()
        self._writer.write(b"%d:%s," % (len(body), body))
        try:
            async with asyncio.timeout(PATIENCE):
                while not self._replies:
                    await self._read_one()
        except TimeoutError:
            raise PhoneError(f"{self.user} did not obey {command}{self._log_tail()}") from None
        reply = self._replies.pop(0)
        if not reply["ok"]:
            raise PhoneError(f"{self.user} refused {command} {parameters}: {reply['data']}{self._log_tail()}")
        return str(reply["data"])

    # -- what it tells

    async def registered(self, within: float = PATIENCE) -> None:
        """Wait until the registrar took it; asked for, since the event may be told before anybody listens."""
        try:
            async with asyncio.timeout(within):
                while "OK" not in await self.order("reginfo"):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise PhoneError(f"{self.user} is not registered after {within} s{self._log_tail()}") from None

    async def wait_for(self, kind: str, within: float = PATIENCE) -> dict[str, Any]:
        """The next event of this kind; earlier ones are passed over."""
        seen = []
        try:
            async with asyncio.timeout(within):
                while True:
                    while not self._events:
                        await self._read_one()
                    event = self._events.pop(0)
                    seen.append(event["type"])
                    if event["type"] == kind:
                        return event
        except TimeoutError:
            raise PhoneError(f"{self.user}: no {kind} within {within} s, but {seen}{self._log_tail()}") from None

    def recording(self) -> Int16:
        """What was heard in the latest call so far, (samples,) int16 at 8 kHz."""
        files = sorted(self._folder.glob("dump-*-dec.wav"))
        return read_wav(files[-1]) if files else np.zeros(0, np.int16)

    @property
    def position(self) -> int:
        """Samples heard so far in the latest call."""
        return len(self.recording())

    async def listen(self, seconds: float, settle: float = 0.3, within: float = 10.0) -> Int16:
        """What is heard from ``settle`` seconds on, this long; fails where that much does not come in time."""
        await asyncio.sleep(settle)
        start, wanted = self.position, round(seconds * 8000)
        try:
            async with asyncio.timeout(seconds + within):
                while self.position < start + wanted:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise PhoneError(f"{self.user} heard {self.position - start} samples, not {wanted}{self._log_tail()}") from None
        return self.recording()[start : start + wanted]

    # -- what can happen to it

    def kill(self) -> None:
        """As ``kill -9``."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it dead without closing anything."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Reach the control port as soon as it listens."""
        while True:
            if self._process is not None and self._process.returncode is not None:
                raise PhoneError(f"{self.user} ended with {self._process.returncode}{self._log_tail()}")
            try:
                return await asyncio.open_connection(self.address, self._control_port)
            except OSError:
                await asyncio.sleep(0.05)

    async def _read_one(self) -> None:
        """Read one netstring and sort it."""
        if self._reader is None:
            raise PhoneError(f"{self.user} is not running")
        try:
            length = await self._reader.readuntil(b":")
            message = json.loads((await self._reader.readexactly(int(length[:-1]) + 1))[:-1])
        except (asyncio.IncompleteReadError, ConnectionError):
            raise PhoneError(f"{self.user} is gone{self._log_tail()}") from None
        if message.get("event"):
            self._events.append(message)
        else:
            self._replies.append(message)

    async def _end(self) -> None:
        """Stop the process, gently first."""
        if self._writer is not None:
            self._writer.close()
        if self._process is None or self._process.returncode is not None:
            return
        self.thaw()
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(3):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def _log_tail(self) -> str:
        """The end of the phone's log, for failures."""
        path = self._folder / "log"
        lines = path.read_text(errors="replace").replace("\r", "\n").splitlines() if path.exists() else []
        return "\n" + "\n".join(line for line in lines if "bit/s" not in line)[-3000:]
