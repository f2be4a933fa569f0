"""From the command line to the control API and back."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console

from control_api.client import ControlClient
from control_api.permissions import Refusal

Result = TypeVar("Result")


def with_client(
    url: str, token: str, work: Callable[[ControlClient], Awaitable[Result]], *, wants_meters: bool = False, reconnects: bool = False
) -> Result:
    """Connect, do the work, disconnect; what was set stays."""
    if not token:
        raise Refusal("unauthenticated", "no token", "--token or MEDIASERVER_TOKEN; mediaserver token makes one")

    async def run() -> Result:
        async with ControlClient(url, token, wants_meters=wants_meters, reconnects=reconnects, modes_stay=True) as client:
            return await work(client)

    with first_error_alone():
        return asyncio.run(run())


@contextmanager
def first_error_alone() -> Iterator[None]:
    """Of several errors at once raise the first, by itself."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show on the error stream that something is being waited for: moving where somebody looks, else as a line."""
    console = Console(stderr=True)
    if not console.is_terminal:
        sys.stderr.write(f"{text}\n")
        yield
        return
    with console.status(text):
        yield
