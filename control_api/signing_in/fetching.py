"""Asking an issuer: one short request, no redirects, no more than so many bytes."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx

PATIENCE: Final = 5.0
LONGEST: Final = 262_144


async def fetch(place: str) -> bytes:
    """The body behind the URL. Raises `OSError`."""
    return await _asked("GET", place)


async def post(place: str, form: Mapping[str, str], login: tuple[str, str] | None) -> bytes:
    """The answer to a form, sent with a name and secret where they are given (RFC 7617). Raises `OSError`."""
    return await _asked("POST", place, data=dict(form), auth=login, headers={"accept": "application/json"})


async def _asked(method: str, place: str, **request: Any) -> bytes:
    made = await asyncio.to_thread(_client)
    import httpx  # it is there by now

    try:
        async with (
            asyncio.timeout(PATIENCE),
            made as client,
            client.stream(method, place, **request) as response,
        ):
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


def _client() -> "httpx.AsyncClient":
    """Made in a thread, for no call is to wait: the first import takes a tenth of a second, and TLS's roots are read each time."""
    import httpx  # who has no issuer does without

    return httpx.AsyncClient(timeout=PATIENCE)
