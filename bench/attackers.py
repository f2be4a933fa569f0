"""Attackers: SIPp as a flood, and sipvicious's tools, in bounded time.

sipvicious is no dependency of the server: its commands are started as processes where they lie beside the interpreter.
"""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Final

from bench.sipp import Sipp

_SOCKETS: Final = Path("/proc/net/udp")
TOOLS: Final = ("svmap", "svwar", "svcrack")
FOUND_NOTHING: Final = "found nothing"
_STARTS_WITHIN: Final = 10.0
_FAREWELL: Final = 10.0
"""Seconds in which a tool that was interrupted must have told what it found."""
_AGAIN: Final = 2.5
"""Seconds after which a tool that goes on is interrupted again: one that was about to start or to answer may have missed the first."""
_HEAD: Final = """\
{method} sip:{user}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
From: <sip:{user}@[remote_ip]>;tag=[pid]f[call_number]
To: <sip:{user}@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 {method}
Contact: <sip:{user}@[local_ip]:[local_port]>
Max-Forwards: 70
"""
_OFFER: Final = """\
Content-Type: application/sdp
Content-Length: [len]

v=0
o=flood 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 9000 RTP/AVP 0
"""
_NO_BODY: Final = "Content-Length: 0\n\n"
_SCENARIO: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="flood">
  <send>
    <![CDATA[

{message}
    ]]>
  </send>
</scenario>
"""


def are_installed() -> bool:
    """Whether sipvicious is there."""
    return all(_path(tool).exists() for tool in TOOLS)


def flood(
    folder: Path, method: str, user: str, target: tuple[str, int], address: str, *, rate: float, seconds: float, core: int | None
) -> Sipp:
    """So many requests a second for so long, each of a call of its own; answers are not waited for, nor acknowledged."""
    folder.mkdir(parents=True, exist_ok=True)
    scenario = folder / "flood.xml"
    message = _HEAD.format(method=method, user=user) + (_OFFER if method == "INVITE" else _NO_BODY)
    scenario.write_text(_SCENARIO.format(message=message))
    return Sipp(
        folder,
        str(scenario.resolve()),
        address,
        *(f"{target[0]}:{target[1]}", "-r", f"{rate:g}", "-m", f"{rate * seconds:.0f}", "-l", f"{rate * seconds:.0f}"),
        core=core,
        within=seconds + 10,
    )


async def attack(folder: Path, tool: str, *arguments: str, port: int, seconds: float, core: int | None) -> str:
    """What one of sipvicious's tools says in the end; ``seconds`` after it has its port it is interrupted, as by Ctrl+C.

    It speaks from a port of its own, and hears what comes to this port at any address.
    """
    folder.mkdir(parents=True, exist_ok=True)
    launcher = [sys.executable, "-m", "bench.launch", "-" if core is None else str(core), "0"]
    environment = os.environ | {"HOME": str(folder), "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    process = await asyncio.create_subprocess_exec(
        *launcher,
        *(str(_path(tool)), "-P", str(port), *arguments),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        await _has_port(process, port)
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, _interrupt, process)
        # One that does not even listen to Ctrl+C is ended; what it has said until then is what it found.
        loop.call_later(seconds + _FAREWELL, _end, process)
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode(errors="replace")


def listed(folder: Path, name: str, words: list[str]) -> str:
    """A file of words, for a tool to try."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join(words) + "\n")
    return str(path)


async def _has_port(process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until it can speak, has ended or is too slow: interrupted before, it would have nothing to tell."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_STARTS_WITHIN):
            while process.returncode is None and f":{port:04X} 00000000:0000" not in _SOCKETS.read_text():
                await asyncio.sleep(0.02)


def _interrupt(process: asyncio.subprocess.Process) -> None:
    """Press Ctrl+C until it ends."""
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
        asyncio.get_running_loop().call_later(_AGAIN, _interrupt, process)


def _path(tool: str) -> Path:
    return Path(sys.executable).with_name(f"sipvicious_{tool}")


def _end(process: asyncio.subprocess.Process) -> None:
    """Kill it, where it has not ended."""
    if process.returncode is None:
        process.kill()
