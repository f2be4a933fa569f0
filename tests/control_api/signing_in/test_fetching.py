"""How an issuer is asked."""

import asyncio
import threading
from typing import Any

import httpx
import pytest

from control_api.signing_in.fetching import fetch


async def test_what_it_takes_to_ask_is_made_in_a_thread_and_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    makers, make = list[threading.Thread](), httpx.AsyncClient.__init__

    def noted(*arguments: Any, **named: Any) -> None:
        makers.append(threading.current_thread())
        make(*arguments, **named)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkeys")
        writer.close()

    monkeypatch.setattr(httpx.AsyncClient, "__init__", noted)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        assert await fetch(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") == b"keys"
    assert threading.current_thread() not in makers
    assert len(makers) == 1
