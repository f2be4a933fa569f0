"""Fetching an issuer's documents: one short GET, no redirects, no more than so many bytes."""

import asyncio
from typing import Final

import httpx

PATIENCE: Final = 5.0
LONGEST: Final = 262_144


async def fetch(place: str) -> bytes:
    """The body behind the URL. Raises `OSError`."""
    try:
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(timeout=PATIENCE) as client, client.stream("GET", place) as response:
            if response.status_code != 200:
                raise OSError(f"{place} answered {response.status_code}")
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LONGEST:
                    raise OSError(f"{place} is longer than {LONGEST} bytes")
            return bytes(body)
    except httpx.HTTPError as error:
        raise OSError(f"{place} cannot be fetched: {error}") from error
    except TimeoutError as error:
        raise OSError(f"{place} did not answer within {PATIENCE:g} s") from error
