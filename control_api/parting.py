"""What a request is told that still waits when the server has to go: 503 in the one shape, not a bare 500 with a traceback in the log."""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_api.commands import failed
from control_api.permissions import Refusal
from control_api.rest.answering import response

_GONE: Final = Refusal("unavailable", "the server stopped before this was answered", "it may be done all the same: look, then try again")


class Parting:
    """Answers HTTP requests that are cancelled, as only the server's end cancels them; websockets pass by."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_on(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except asyncio.CancelledError:
            if has_begun:
                raise
            await response(failed(_GONE))(scope, receive, send)
