"""Where a target is: its host as an address, looked up without holding anybody up."""

import asyncio
import ipaddress
from collections.abc import Callable

import structlog

_log = structlog.get_logger(__name__)
_MOST_LOOK_UPS = 256
_SECONDS = 5.0
_LONGEST_NAME = 253


class Resolver:
    """Turns host names into IP addresses; literals at once. (SRV and NAPTR come with the SIP issue.)"""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._running = 0

    def resolve(self, host: str, found: Callable[[str | None], None]) -> None:
        """Call ``found`` with the address, or None where there is none; at once where no look-up is needed."""
        literal = host.strip("[]")
        try:
            found(str(ipaddress.ip_address(literal)))
            return
        except ValueError:
            pass
        if not host or len(host) > _LONGEST_NAME or self._running >= _MOST_LOOK_UPS:
            found(None)
            return
        self._running += 1
        self._tasks.create_task(self._look_up(host, found))

    async def _look_up(self, host: str, found: Callable[[str | None], None]) -> None:
        address = None
        try:
            async with asyncio.timeout(_SECONDS):
                results = await asyncio.get_running_loop().getaddrinfo(host, None)
            address = str(results[0][4][0]) if results else None
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError; names that DNS cannot spell are UnicodeErrors
            _log.warning("resolve.failed", host=host[:_LONGEST_NAME], error=str(error) or "timeout")
        finally:
            self._running -= 1
        try:
            found(address)
        except Exception:
            # The outermost place of a look-up: what goes wrong with one call must not take all others down.
            _log.exception("resolve.follow_up_failed", host=host[:_LONGEST_NAME])
