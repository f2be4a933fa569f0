"""The command line: one sub-command a bench, with the options that it understands."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from bench.console import ConnectionLost
from bench.faults.names import FAULTS
from bench.generator import process
from bench.generator.phones.asking import CallFailed
from bench.options import Surroundings
from bench.progress import Progress
from bench.report import Result
from bench.server import ServerFailed
from bench.stage import StageFailed

EX_OK, EX_FAILED, EX_UNAVAILABLE = 0, 1, 69


def main() -> None:
    """Run the bench that is named; the exit status is 0 where what it measured is as it must be."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(_run(arguments))
    except KeyboardInterrupt:
        sys.exit(130)
    except (ServerFailed, StageFailed, CallFailed, ConnectionLost, process.PreparationFailed, OSError) as error:
        sys.stderr.write("\n".join([f"bench: {error}", *getattr(error, "__notes__", [])]) + "\n")
        sys.exit(EX_UNAVAILABLE)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.netns if arguments.netns is not None else (arguments.isolated and process.may_isolate()):
        process.isolate_network()
    around = Surroundings(
        arguments.server_core if arguments.server_core >= 0 else None,
        arguments.nice,
        arguments.generator_core if arguments.generator_core >= 0 else None,
        Progress(quiet=arguments.quiet),
        arguments.codec,
    )
    if around.generator_core is not None and arguments.isolated:
        process.pin(around.generator_core)
    with process.alone() if arguments.isolated and arguments.wait else nullcontext():
        result = asyncio.run(_plain(arguments.start(around, arguments)))
    if result is None:
        return EX_OK
    result.show()
    if arguments.output:
        Path(arguments.output).write_text(result.as_json() + "\n")
    if arguments.json:
        print(result.as_json(), flush=True)
    return EX_OK if result.ok else EX_FAILED


async def _plain(work: Coroutine[Any, Any, Result | None]) -> Result | None:
    """The work's result; of several failures at once the first, by itself."""
    try:
        return await work
    except BaseExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            notes = getattr(first, "__notes__", [])
            first = first.exceptions[0]
            for note in notes:
                first.add_note(note)
        raise first from None


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    common.add_argument("--output", help="write the JSON object to this file too")
    common.add_argument("--quiet", action="store_true", help="no progress bars")
    common.add_argument(
        "--netns", action=argparse.BooleanOptionalAction, default=None, help="in a network namespace of its own (default: if root)"
    )
    common.add_argument("--wait", action=argparse.BooleanOptionalAction, default=True, help="wait for other benches on this machine to end")
    common.add_argument("--server-core", type=int, default=0, help="core for all processes of the server; -1: any")
    common.add_argument("--nice", type=int, default=0, help="niceness of the server; below 0 where others use the machine too (root)")
    common.add_argument("--generator-core", type=int, default=1, help="core for the generator; -1: any")
    common.add_argument("--codec", choices=("PCMU", "PCMA"), default="PCMU")
    parser = argparse.ArgumentParser(prog="python -m bench", description="Load and truth: the project's own measurements.")
    commands = parser.add_subparsers(required=True, metavar="NAME")

    def command(name: str, text: str, start: Any, *, isolated: bool = True) -> argparse.ArgumentParser:
        made = commands.add_parser(name, parents=[common], help=text, description=text)
        made.set_defaults(start=start, isolated=isolated)
        return made

    made = command("audibility", "who hears whom, while calls come and go and supervisors switch", _audibility)
    made.add_argument("--calls", type=int, default=20)
    made.add_argument("--seconds", type=float, default=60)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--break", dest="broken", choices=sorted(FAULTS), help="start a server with this fault; it must be caught")
    made.add_argument("--journal", help="write what was done, and when, to this file")

    made = command("capacity", "how many monitored three-leg calls one core carries", _capacity)
    made.add_argument("--from", dest="first", type=int, default=100)
    made.add_argument("--step", type=int, default=100)
    made.add_argument("--to", dest="last", type=int, default=1000)
    made.add_argument("--seconds", type=float, default=15)
    made.add_argument("--whispering", type=float, default=1 / 3, help="share of supervisors who whisper")

    made = command("latency", "what the server adds between two ears, by path", _latency)
    made.add_argument("--calls", type=int, default=100)
    made.add_argument("--seconds", type=float, default=20)

    made = command("switch", "from the command to the first packet with changed gain, by door", _switch)
    made.add_argument("--calls", type=int, default=100)
    made.add_argument("--switches", type=int, default=400)
    made.add_argument("--rate", type=float, default=20, help="switches a second over all calls")
    made.add_argument("--seed", type=int, default=1)

    made = command("setup", "calls a second through the whole server, SIPp at both ends", _setup)
    made.add_argument("--rate", type=float, default=100)
    made.add_argument("--seconds", type=float, default=20)

    made = command("trouble", "what the conversations lose while signalling stands still or supervisors' phones freeze", _trouble)
    made.add_argument("--calls", type=int, default=100)

    made = command("floor", "the bare cost of receiving and sending the same packets", _floor)
    made.add_argument("--calls", type=int, default=200, help="of three legs each")
    made.add_argument("--seconds", type=float, default=10)

    made = command("demo", "keep calls of a running server talking, until stopped", _demo, isolated=False)
    made.add_argument("--config", type=Path, help="the server's configuration; default: the built-in one")
    made.add_argument("--calls", type=int, default=3)

    made = command("phone", "a softphone for the terminal: answers, records and shows what it hears", _phone, isolated=False)
    made.add_argument("--config", type=Path, help="the server's configuration: where it speaks SIP")
    made.add_argument("--user", default="anna")
    made.add_argument("--secret", default="demo")
    made.add_argument("--address", default="127.0.0.4", help="own address; must not be a trunk's")
    made.add_argument("--dial", default="", help="call this at once, for instance *1robert")
    made.add_argument("--record", type=Path, default=Path("heard.wav"))
    made.add_argument("--seconds", type=float, default=3600)
    made.add_argument("--speaks", action="store_true", help="say the supervisor's sentences instead of nothing")
    return parser


async def _audibility(around: Surroundings, given: argparse.Namespace) -> Result:
    from bench.runs import audibility

    return await audibility.run(
        around, calls=given.calls, seconds=given.seconds, seed=given.seed, broken=given.broken, journal=given.journal
    )


async def _capacity(around: Surroundings, given: argparse.Namespace) -> Result:
    from bench.runs import capacity

    return await capacity.run(around, capacity.Steps(given.first, given.step, given.last, given.seconds, given.whispering))


async def _latency(around: Surroundings, given: argparse.Namespace) -> Result:
    from bench.runs import latency

    return await latency.run(around, calls=given.calls, seconds=given.seconds)


async def _switch(around: Surroundings, given: argparse.Namespace) -> Result:
    from bench.runs import switch

    return await switch.run(around, calls=given.calls, switches=given.switches, rate=given.rate, seed=given.seed)


async def _setup(around: Surroundings, given: argparse.Namespace) -> Result:
    from bench.runs import setup

    return await setup.run(around, rate=given.rate, seconds=given.seconds)


async def _trouble(around: Surroundings, given: argparse.Namespace) -> Result:
    from bench.runs import trouble

    return await trouble.run(around, calls=given.calls)


async def _floor(around: Surroundings, given: argparse.Namespace) -> Result:
    from bench.runs import floor

    return await floor.run(around, calls=given.calls, seconds=given.seconds)


async def _demo(around: Surroundings, given: argparse.Namespace) -> None:
    from bench.runs import demo

    await demo.run(given.config, given.calls)


async def _phone(around: Surroundings, given: argparse.Namespace) -> None:
    from bench.runs import phone

    await phone.run(
        given.config,
        user=given.user,
        secret=given.secret,
        address=given.address,
        dial=given.dial,
        record=given.record,
        seconds=given.seconds,
        speaks=given.speaks,
    )
