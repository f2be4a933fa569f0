"""Webhooks and lookups of one server: every event comes here once, and goes to whoever wants it."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import structlog
from prometheus_client.core import Metric

from config.settings import Settings
from control_api.ports import HouseEvent
from mediaserver.observing.counters import Counters
from mediaserver.observing.families import metric
from mediaserver.webhooks.delivering import Line, concerns, wants
from mediaserver.webhooks.envelopes import Envelopes
from mediaserver.webhooks.lookups import Lookups
from mediaserver.webhooks.posting import Post, posting
from mediaserver.webhooks.spool import Spool

FAREWELL: Final = 2.0
"""Seconds in which the last events are delivered when the server stops."""
_LOOK: Final = 0.05
SYNC: Final = 1.0
"""Seconds between two times that what was kept is brought onto the disk."""

_log = structlog.get_logger(__name__)

Subscribe = Callable[[Callable[[HouseEvent], None], Callable[[], bool]], Callable[[], None]]
"""As `control_api.ports.Desk.subscribe`."""


class Webhooks:
    """Listens from the moment it is made; delivers while it runs."""

    def __init__(
        self,
        settings: Settings,
        server: str,
        counters: Counters,
        tell: Callable[[str, dict[str, str]], None],
        post: Callable[[], AbstractAsyncContextManager[Post]] = posting,
        folder: Path | None = None,
    ) -> None:
        """server: names this process. tell: is given a call's id and what was found of its caller. folder: where events are kept over a
        restart; None: nowhere."""
        self.envelopes = Envelopes(server, time.time)
        self._lines = [Line(hook, counters, None if folder is None else Spool(folder / hook.name, counters)) for hook in settings.webhooks]
        self._lookups = Lookups(settings.lookups, self.envelopes, tell, counters)
        self._has_work = bool(settings.webhooks or settings.lookups)
        self._open_post = post
        self._post: Post | None = None
        self._group: asyncio.TaskGroup | None = None

    def listen(self, subscribe: Subscribe) -> None:
        """Hear of every event from now on; a server without webhooks and lookups does not even listen."""
        if self._has_work:
            subscribe(self.heard, lambda: False)

    def heard(self, event: HouseEvent) -> None:
        """Something happened."""
        for line in self._lines:
            if wants(line.hook, event):
                line.put(event, self.envelopes)
        hook = self._lookups.hook_for(event)
        if hook is not None and self._group is not None and self._post is not None:
            self._lookups.begin(event, hook, self._post, self._group)

    def again(self, tenant: str, name: str) -> int | None:
        """Have a webhook that is told of a tenant delivered again what it was told of him in vain; None where there is no such."""
        found = [line for line in self._lines if line.hook.name == name and concerns(line.hook, tenant)]
        return sum(line.again(tenant) for line in found) if found else None

    async def run(self) -> None:
        """Deliver and look up until cancelled."""
        if not self._has_work:
            return
        async with self._open_post() as post, asyncio.TaskGroup() as group:
            self._post, self._group = post, group
            try:
                for line in self._lines:
                    group.create_task(line.run(post))
                await self._keep_synced()
            finally:
                self._post = self._group = None

    async def _keep_synced(self) -> None:
        while True:
            await asyncio.sleep(SYNC)
            for line in self._lines:
                if line.spool is not None and (files := line.spool.unsynced()):
                    await asyncio.to_thread(line.spool.sync, files)

    async def farewell(self) -> None:
        """Let the last events go out; those that could not are told in the log, and wait on disk for the next start."""
        deadline = time.monotonic() + FAREWELL
        while time.monotonic() < deadline and not all(line.is_idle for line in self._lines):
            await asyncio.sleep(_LOOK)
        for line in self._lines:
            if left := len(line.outbox) + line.under_way:
                _log.warning("webhook.undelivered", webhook=line.hook.name, events=left)

    def close(self) -> None:
        """Nothing is delivered any more."""
        for line in self._lines:
            if line.spool is not None:
                line.spool.close()

    def metrics(self) -> Iterator[Metric]:
        """How many events wait."""
        waiting = metric("webhooks_waiting")
        for line in self._lines:
            waiting.add_metric([line.hook.name], len(line.outbox) + line.under_way)
        yield waiting
