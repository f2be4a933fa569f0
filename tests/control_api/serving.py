"""The control API on a free loopback port, with a fake desk behind it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgpack
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol as Offered

from config.settings import CeilingSettings, ControlSettings, TokenSettings
from control_api.application import create_app
from control_api.encoding import Subprotocol
from control_api.ports import Witness
from control_api.server import bind, serve
from control_api.tokens import TokenStore, hash_of
from tests.control_api.desk import FakeDesk

ANNA_TOKEN = "anna-token"
ANNAS_LOWER_TOKEN = "anna-lower-token"
"""Another access of the same person, with a ceiling of its own."""
BERT_TOKEN = "bert-token"
DAVE_TOKEN = "dave-token"
STRANGER_TOKEN = "stranger-token"

TOKENS = (
    TokenSettings(
        identity="anna",
        sha256=hash_of(ANNA_TOKEN),
        user="anna",
        ceiling=CeilingSettings(agents=("*",), mode="barge", rights=("end", "hang_up", "originate", "trace", "admin")),
    ),
    TokenSettings(identity="anna", sha256=hash_of(ANNAS_LOWER_TOKEN), ceiling=CeilingSettings(agents=("robert",), mode="listen")),
    TokenSettings(identity="bert", sha256=hash_of(BERT_TOKEN), ceiling=CeilingSettings(agents=("robert",), mode="listen")),
    TokenSettings(
        identity="dave",
        sha256=hash_of(DAVE_TOKEN),
        ceiling=CeilingSettings(agents=("*",), mode="barge", rights=("take_over", "originate", "end")),
    ),
    TokenSettings(
        identity="stranger", tenant="second", sha256=hash_of(STRANGER_TOKEN), ceiling=CeilingSettings(agents=("*",), mode="barge")
    ),
)


@dataclass
class Served:
    """A running control API."""

    desk: FakeDesk
    app: FastAPI
    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def connect(
        self,
        token: str | None = ANNA_TOKEN,
        subprotocols: tuple[str, ...] = (Subprotocol.JSON,),
        query: str = "",
    ) -> connect:
        """A plain websocket to it."""
        return connect(
            f"ws://127.0.0.1:{self.port}/v1/control{query}",
            additional_headers={"Authorization": f"Bearer {token}"} if token else None,
            subprotocols=[Offered(name) for name in subprotocols] or None,
            compression=None,
            proxy=None,
        )


async def receive(websocket: ClientConnection) -> dict[str, Any]:
    """The next message, in whichever subprotocol."""
    async with asyncio.timeout(30):
        data = await websocket.recv()
    message: dict[str, Any] = json.loads(data) if isinstance(data, str) else msgpack.unpackb(data)
    return message


async def ask(websocket: ClientConnection, **message: Any) -> dict[str, Any]:
    """Send a command and wait for its reply."""
    await websocket.send(json.dumps({"id": "ask"} | message))
    while True:
        reply = await receive(websocket)
        if reply["type"] == "reply":
            return reply


@asynccontextmanager
async def serving(
    settings: ControlSettings | None = None, desk: FakeDesk | None = None, port: int = 0, witness: Witness | None = None
) -> AsyncIterator[Served]:
    """Serve until left, then wait until everything has stopped."""
    settings = (settings or ControlSettings()).model_copy(update={"port": port})
    desk = desk or FakeDesk()
    app = create_app(desk, TokenStore(TOKENS), settings, lambda: b"calls 1\n", witness, desk.office)
    listener: socket.socket = bind(settings)
    bound = listener.getsockname()[1]
    async with asyncio.TaskGroup() as group:
        server = group.create_task(serve(app, settings, [listener]))
        try:
            yield Served(desk, app, bound)
        finally:
            server.cancel()
