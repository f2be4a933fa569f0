"""The command line: one sub-command a bench, with the options that it understands."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from bench.commands import COMMANDS
from bench.console import ConnectionLost
from bench.generator import process
from bench.generator.phones.asking import CallFailed
from bench.options import SOCKET_LOOP, Surroundings
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
    if arguments.socket_loop != "auto":
        os.environ[SOCKET_LOOP] = arguments.socket_loop
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
    common.add_argument("--socket-loop", choices=("auto", "python"), default="auto", help="auto: in C where that is installed")
    common.add_argument("--codec", choices=("PCMU", "PCMA"), default="PCMU")
    parser = argparse.ArgumentParser(prog="python -m bench", description="Load and truth: the project's own measurements.")
    commands = parser.add_subparsers(required=True, metavar="NAME")

    for command in COMMANDS:
        made = commands.add_parser(command.name, parents=[common], help=command.text, description=command.text)
        made.set_defaults(start=command.start, isolated=command.isolated)
        for option in command.options:
            made.add_argument(option.flag, **option.given)
    return parser
