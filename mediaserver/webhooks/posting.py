"""One signed HTTP request and its answer: the only place where webhooks and lookups touch the network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from control_api.webhooks import sign
from mediaserver.webhooks.envelopes import MEDIA_TYPE, Envelope

if TYPE_CHECKING:
    import httpx

LONGEST_ANSWER: Final = 65_536
"""Bytes of an answer that are read."""
CONNECTIONS: Final = 64
"""At once, over all webhooks."""


class Undelivered(Exception):
    """No answer came; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    body: bytes = b""
    retry_after: float | None = None
    """Seconds in which it wants to be left alone."""

    @property
    def is_success(self) -> bool:
        """Whether it has taken the message."""
        return 200 <= self.status < 300


class Post(Protocol):
    """How a message goes to another program."""

    async def __call__(self, url: str, secret: str, envelope: Envelope, timeout: float) -> Answer:
        """Send it and wait so many seconds for the answer. Raises `Undelivered`."""


@asynccontextmanager
async def posting(wall: Callable[[], float] = time.time) -> AsyncIterator[Post]:
    """Connections for as long as this is open. Redirections are not followed, and proxies of the environment not used."""
    import httpx  # takes a tenth of a second; who has no webhook does without

    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(limits=limits, trust_env=False, follow_redirects=False) as client:

        async def post(url: str, secret: str, envelope: Envelope, timeout: float) -> Answer:
            headers = sign(secret, envelope.id, int(wall()), envelope.body) | {"content-type": MEDIA_TYPE, "user-agent": "mediaserver"}
            if envelope.traceparent:
                headers["traceparent"] = envelope.traceparent
            try:
                async with (
                    asyncio.timeout(timeout),  # for all of it: httpx counts from one octet to the next
                    client.stream("POST", url, content=envelope.body, headers=headers, timeout=timeout) as response,
                ):
                    return Answer(response.status_code, await _bounded(response), _seconds(response.headers.get("retry-after", "")))
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                raise Undelivered(f"{type(error).__name__}: {error}"[:200]) from error

        yield post


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes(LONGEST_ANSWER):
        body += part
        if len(body) > LONGEST_ANSWER:
            break
    return bytes(body[:LONGEST_ANSWER])


def _seconds(text: str) -> float | None:
    """A Retry-After in seconds; one with a date is not understood."""
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None
