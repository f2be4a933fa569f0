"""A linphone phone without a screen or sound card: `linphone-daemon`, told what to do on its standard input.

It plays a WAV file into its calls where it is told to; what it hears is told in numbers of packets only.
"""

import asyncio
import contextlib
import re
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.interop.tools import PATIENCE, PHONES_MEDIA, free_port, path_of

_PROMPT: Final = b"daemon-linphone>"

_CONFIG: Final = """\
[sip]
use_ipv6=0
media_encryption={encryption}
media_encryption_mandatory={mandatory}
register_only_when_network_is_up=0
store_auth_info_to_db=0
[net]
firewall_policy=0
[rtp]
audio_rtp_port={rtp}
nortp_timeout=120
[sound]
echocancellation=0
[misc]
history_max_size=0
"""


class LinphoneError(AssertionError):
    """The phone did not do what it was told, or not in time."""


class Linphone:
    """One phone."""

    def __init__(
        self,
        folder: Path,
        user: str,
        *,
        registrar: str,
        secret: str,
        transport: str = "tcp",
        answers_by_itself: bool = False,
        encryption: str = "none",
    ) -> None:
        """``registrar`` is ``host:port``; ``encryption`` is linphone's: ``srtp`` demands SDES."""
        self._command = path_of("linphone-daemon")
        self.user = user
        self._folder = folder
        self._registrar = registrar
        self._secret = secret
        self._transport = transport
        self._options = ["--auto-answer"] if answers_by_itself else []
        # Without a place for its database it registers, and then takes no calls.
        (folder / ".local" / "share" / "linphone").mkdir(parents=True, exist_ok=True)
        (folder / "linphonerc").write_text(
            _CONFIG.format(rtp=free_port("127.0.0.1", PHONES_MEDIA), encryption=encryption, mandatory=int(encryption != "none"))
        )

    async def __aenter__(self) -> Self:
        with (self._folder / "log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(
                    self._command,
                    "--disable-stats-events",
                    "--log",
                    str(self._folder / "linphone.log"),
                    "--config",
                    str(self._folder / "linphonerc"),
                    *self._options,
                ),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={"HOME": str(self._folder), "PATH": "/usr/bin:/bin"},
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(PATIENCE):
                await self._answer()
                # Without a port of its own for it, linphone speaks UDP only.
                await self.order(f"port sip {free_port('127.0.0.1')} {self._transport}")
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with contextlib.suppress(ConnectionError, LinphoneError, TimeoutError):
            await self.order("quit")
        await self._end()

    async def register(self, within: float = PATIENCE) -> None:
        """Register, and wait until it is told."""
        host = self._registrar
        await self.order(f"register sip:{self.user}@{host} sip:{host};transport={self._transport} {self._secret} {self.user}")
        await self._until("register-status ALL", r"State: LinphoneRegistrationOk", within)

    async def dial(self, uri: str) -> None:
        """Call somebody."""
        await self.order(f"call {uri}")

    async def accept(self) -> None:
        """Answer the call that rings."""
        await self.order("answer")

    async def hang_up(self) -> None:
        """End the call."""
        await self.order("terminate")

    async def transfer(self, uri: str) -> None:
        """Send the other side elsewhere: REFER."""
        await self.order(f"call-transfer 1 {uri}")

    async def play(self, wave: Path) -> None:
        """Speak a file into the call."""
        await self.order(f"incall-player-start {wave}")

    async def is_in(self, state: str, within: float = PATIENCE) -> str:
        """Wait until its call is in a state: ``IncomingReceived``, ``StreamsRunning`` …; what it says of it."""
        return await self._until("call-status", rf"State: LinphoneCall{state}", within)

    async def came(self, within: float = PATIENCE) -> int:
        """Packets that it took in the call that ended last, as it counted them itself: what it cannot decrypt is not among them."""
        async with asyncio.timeout(within):
            while True:
                log = (self._folder / "linphone.log").read_text(errors="replace")
                found = re.findall(r"ortp-message-received +([0-9]+) packets", log)
                if found:
                    return int(found[-1])
                await asyncio.sleep(0.05)

    async def is_idle(self, within: float = PATIENCE) -> None:
        """Wait until it has no call."""
        await self._until("call-status", r"No current call|no call|Status: Error", within)

    async def order(self, command: str) -> str:
        """Give an order; what it says to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._answer()
        except TimeoutError:
            raise LinphoneError(f"{self.user} did not answer to {command.split(maxsplit=1)[0]}") from None

    async def _until(self, command: str, pattern: str, within: float) -> str:
        said = ""
        try:
            async with asyncio.timeout(within):
                while not re.search(pattern, said):
                    said = await self.order(command)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise LinphoneError(f"{self.user}: {command} never told {pattern} within {within} s, but\n{said}") from None
        return said

    async def _answer(self) -> str:
        """What it says up to its next prompt."""
        assert self._process.stdout is not None
        try:
            return (await self._process.stdout.readuntil(_PROMPT)).decode(errors="replace")
        except asyncio.IncompleteReadError as error:
            raise LinphoneError(f"{self.user} is gone: {error.partial.decode(errors='replace')[-1000:]}") from None

    async def _end(self) -> None:
        try:
            async with asyncio.timeout(3):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
