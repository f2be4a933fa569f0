"""`calls` and `top`."""

import asyncio
import json
import os
from contextlib import aclosing, suppress
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from control_api.client import ControlClient
from control_api.messages import MetersMessage
from mediaserver.cli.board import Board
from mediaserver.cli.connecting import with_client

REFRESHES: Final = 4
"""A second."""
JSON_INTERVAL: Final = 1.0
PIPE_WIDTH: Final = 200
FIRST_METERS: Final = 1.5
"""Seconds that a single look waits for meters."""


def console_of() -> Console:
    """The terminal; what is read by a program instead gets as much room as it needs."""
    console = Console()
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(width=PIPE_WIDTH)


def calls(url: str, token: str, as_json: bool) -> None:
    """Print the live calls."""

    async def work(client: ControlClient) -> None:
        found = await client.list()
        if as_json:
            print(json.dumps({"calls": [call.model_dump(mode="json") for call in found]}))
            return
        if not found:
            print("no calls")
            return
        board = Board()
        board.show({call.call: call for call in found})
        console = console_of()
        console.print(board.table(console.width, with_bars=False))

    with_client(url, token, work)


def top(url: str, token: str, as_json: bool, seconds: float | None) -> None:
    """Show the board until stopped, or for so many seconds; 0: once."""
    with_client(url, token, lambda client: watch(client, as_json, seconds), wants_meters=True, reconnects=True)


async def watch(client: ControlClient, as_json: bool, seconds: float | None, full_screen: bool = True) -> None:
    """Keep the board or the JSON lines going; 0 seconds: once."""
    if as_json:
        await _print_lines(client, seconds)
        return
    board, console = Board(), console_of()
    if seconds == 0:
        await _follow_for(client, board, FIRST_METERS, until_meters=True)
        console.print(board.table(console.width, with_ids=False))
        return

    def drawn() -> Table:
        return board.table(console.width, with_ids=False)

    screen = full_screen and console.is_terminal
    with Live(get_renderable=drawn, console=console, refresh_per_second=REFRESHES, screen=screen):
        await _follow_for(client, board, seconds)


async def _follow_for(client: ControlClient, board: Board, seconds: float | None, until_meters: bool = False) -> None:
    board.show(client.calls)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), aclosing(client.events()) as events:
            async for update in events:
                if isinstance(update, MetersMessage):
                    board.hear(update)
                    if until_meters:
                        return
                else:
                    board.show(client.calls)


async def _print_lines(client: ControlClient, seconds: float | None) -> None:
    """One JSON object a second: the calls with the latest meters."""
    board = Board()
    if seconds == 0:
        await _follow_for(client, board, FIRST_METERS, until_meters=True)
        _print_line(client, board)
        return
    async with asyncio.TaskGroup() as group:
        follower = group.create_task(_follow_for(client, board, seconds))
        while not follower.done():
            _print_line(client, board)
            await asyncio.wait({follower}, timeout=JSON_INTERVAL)


def _print_line(client: ControlClient, board: Board) -> None:
    calls = [call.model_dump(mode="json") for call in client.calls.values()]
    print(json.dumps({"calls": calls, "meters": board.meters()}), flush=True)
