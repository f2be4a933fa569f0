"""Running the control API inside a loop that is there already, without taking its signals."""

import asyncio
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import uvicorn
from fastapi import FastAPI

from config.settings import ControlSettings
from control_api.encoding import MAX_MESSAGE
from control_api.manners import SPARE_CONNECTIONS, Crowd, bounded_protocol
from control_api.outlet import ControlProtocol

GRACE: Final = 2
"""Seconds that connections get to end when the server stops."""
BACKLOG: Final = 1024


class AddressTaken(OSError):
    """The address of the control API cannot be had; the text says which and what to do."""


def bind(settings: ControlSettings) -> socket.socket:
    """The listening socket, so that a taken port is found out before anything else starts. Raises `AddressTaken`."""
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.bind, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = (error.strerror or str(error)).lower()
        raise AddressTaken(
            f"control API: cannot listen on {settings.bind}:{settings.port} ({reason}); "
            "set control.bind and control.port, or MEDIASERVER_CONTROL__PORT"
        ) from error
    listener.setblocking(False)
    return listener


async def serve(app: FastAPI, settings: ControlSettings, sockets: Sequence[socket.socket] | None = None) -> None:
    """Serve until cancelled; then clients are closed with 1012 and given a moment. Raises `AddressTaken`."""
    listeners = list(sockets) if sockets is not None else [bind(settings)]
    config = uvicorn.Config(
        app,
        http=bounded_protocol(Crowd(settings.max_clients + SPARE_CONNECTIONS, app.state.reception.counters)),
        ws=ControlProtocol,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
    await _Server(config).serve(listeners)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """uvicorn calls every answer other than 101 to a handshake an error; who was refused stands in our own log."""
    return "without completing handshake" not in record.getMessage()


logging.getLogger("uvicorn.error").addFilter(_is_worth_a_line)


class _Server(uvicorn.Server):
    """uvicorn as a guest: signals stay with the host, and cancellation is how it is stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        # What follows the main loop is uvicorn's own orderly shutdown, so the cancellation waits until that is done.
        with suppress(asyncio.CancelledError):
            await super().main_loop()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await super().serve(sockets)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
