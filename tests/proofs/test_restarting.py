"""The signalling process is killed amid a call: the audio goes on, and the restart ends the call in SIP, on the same ports."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

from bench.generator.signals import Tones
from bench.house import AGENTS, CUSTOMERS, SUPERVISORS, House
from bench.progress import Progress
from bench.runs.crowds import stand_up
from bench.server import Server
from bench.stage import Cast, Stage

PATIENCE = 60


class Mortal(Server):
    """A server whose death is no surprise."""

    def _died(self) -> None:
        asyncio.get_running_loop().remove_reader(self._death)

    def bury(self) -> None:
        """Nothing is left of it but its workers."""
        os.kill(self.processes()[0], signal.SIGKILL)
        self._process.wait()

    def forget(self) -> None:
        """Close what is ours."""
        os.close(self._death)
        self._folder.cleanup()


def workers(server: Server) -> tuple[list[int], list[int]]:
    """Processes that work, and those that are spare."""
    running = [pid for pid in server.processes() if b"mediaserver.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    working = [pid for pid in running if b"memfd:mediaserver-worker" in Path(f"/proc/{pid}/maps").read_bytes()]
    return working, [pid for pid in running if pid not in working]


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is not just waiting to be reaped."""
    try:
        return bool(Path(f"/proc/{pid}/maps").read_bytes())
    except OSError:
        return False


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():
            await asyncio.sleep(0.05)


async def test_the_audio_goes_on_without_signalling_and_the_restart_says_goodbye(tmp_path: Path) -> None:
    calls = 2
    house = House.build(calls=calls)
    service = {"STATE_DIRECTORY": str(tmp_path)}
    async with Stage(house, Cast(calls, calls, calls), core=None) as stage:
        first = Mortal(house, core=None, environment=service)
        await first.__aenter__()
        await stage.register(range(calls), range(calls), Progress(quiet=True))
        tones = Tones((433,), 2500), Tones((701,), 2500), Tones((1103,), 2500)
        standing = await stand_up(stage, calls, lambda number: tones, Progress(quiet=True))
        journal = tmp_path / "dialogs"
        await until(lambda: journal.exists() and journal.read_text().count('["+"') >= 3 * calls)
        await until(lambda: len(workers(first)[1]) == 1)
        (working, spare) = workers(first)
        first.bury()
        heard = stage.rtp.memory.received.copy()
        await until(lambda: not is_running(spare[0]))
        legs = [leg.number for call in standing for leg in call.legs]
        await until(lambda: all(stage.rtp.memory.received[leg] > heard[leg] + 20 for leg in legs))
        async with Server(house, core=None, environment=service):
            async with asyncio.timeout(PATIENCE):
                for call in standing:
                    for leg in call.legs:
                        assert leg.dialog is not None
                        await leg.dialog.ended.wait()
        first.forget()
        for pid in working:
            os.kill(pid, signal.SIGKILL)
    assert journal.read_text() == ""
    assert {leg.address for call in standing for leg in call.legs} == {CUSTOMERS, AGENTS, SUPERVISORS}
