"""Kamailio: as the recipe in ``deploy/kamailio`` has it (its files copied, their addresses and passwords replaced), and as a front."""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.interop.tools import ENDING_WITH_US, free_port, path_of

RECIPE: Final = Path(__file__).parents[3] / "deploy" / "kamailio"
FRONT: Final = Path(__file__).parent / "front.cfg"


class _Proxy:
    """One Kamailio process. It is there when its port is."""

    def __init__(self, folder: Path, configuration: Path, address: str, *defined: str) -> None:
        self._command = path_of("kamailio")
        self._configuration = configuration
        self._defined = defined
        self.address = address
        self.port = free_port(address)
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    @property
    def sip(self) -> str:
        """``host:port``."""
        return f"{self.address}:{self.port}"

    async def __aenter__(self) -> Self:
        defined = (f"LISTEN=udp:{self.sip}", *self._defined)
        log = (self._folder / "kamailio.log").open("wb")
        with log:
            self._process = await asyncio.create_subprocess_exec(
                *(*ENDING_WITH_US, self._command, "-DD", "-E", "-f", str(self._configuration), "-m", "32", "-M", "4"),
                *(part for text in defined for part in ("-A", text)),
                *("-Y", str(self._folder), "-w", str(self._folder)),
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await self._process.wait()
                return
        self._process.kill()
        await self._process.wait()

    def log(self) -> str:
        """The end of what it said."""
        return (self._folder / "kamailio.log").read_text(errors="replace")[-4000:]


class Kamailio(_Proxy):
    """One Kamailio, registrar and dispatcher."""

    def __init__(self, folder: Path, *, carriers: Sequence[str], users: Mapping[str, str], address: str) -> None:
        """``carriers`` are ``host:port``; ``users`` names and passwords."""
        super().__init__(folder, folder / "kamailio.cfg", address)
        shutil.copytree(RECIPE, folder)
        self._carriers = tuple(carriers)
        passwords = "".join(f'    $sht(users=>{name}) = "{password}";\n' for name, password in users.items())
        (folder / "users.cfg").write_text("event_route[htable:mod-init] {\n" + passwords + "}\n")

    def send_calls_to(self, servers: Sequence[str]) -> None:
        """Say before the start which mediaservers there are, ``host:port``."""
        targets = [f"1 sip:{server}" for server in servers] + [f"2 sip:{carrier}" for carrier in self._carriers]
        (self._folder / "dispatcher.list").write_text("\n".join(targets) + "\n")


class Front(_Proxy):
    """Before a mediaserver, for callers that register and have no password."""

    def __init__(self, folder: Path, server: str, address: str) -> None:
        folder.mkdir()
        super().__init__(folder, FRONT, address, f'MEDIASERVER="sip:{server}"')
