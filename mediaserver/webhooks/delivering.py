"""Telling webhooks what happens: which event is for which, and the tasks that deliver it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from config.webhooks import HookSettings, WebhookSettings
from control_api.ports import HouseEvent
from mediaserver.observing.counters import Counters
from mediaserver.webhooks.envelopes import Envelopes
from mediaserver.webhooks.outbox import Delivery, Outbox
from mediaserver.webhooks.posting import Answer, Post, Undelivered
from mediaserver.webhooks.spool import Spool

AT_ONCE: Final = 8
"""Deliveries to one webhook under way."""
GONE: Final = 410
"""Who answers so wants nothing any more: the event is dropped, not tried again."""

_log = structlog.get_logger(__name__)


def concerns(hook: HookSettings, tenant: str) -> bool:
    """Whether a hook is for this tenant's calls."""
    return hook.tenant in ("*", tenant)


def wants(hook: WebhookSettings, event: HouseEvent) -> bool:
    """Whether a webhook is to be told of an event."""
    room = event.kind.partition(".")[0] + ".*"
    return concerns(hook, event.tenant) and not {event.kind, room, "*"}.isdisjoint(hook.events) and event.kind != "meters"


class Line:
    """One webhook with its outbox. After each change of the outbox the tasks that wait are woken."""

    def __init__(
        self,
        hook: WebhookSettings,
        counters: Counters,
        spool: Spool | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """spool: where events are kept over a restart; None: they are not."""
        self.hook = hook
        self.spool = spool
        self.outbox = Outbox(hook.queue, hook.give_up_after, self._dropped, self._forgotten)
        self._wall = wall
        self.under_way = 0
        self._counters = counters
        self._clock = clock
        self._news = asyncio.Event()
        self._fails = False
        for envelope, at in () if spool is None else spool.open():
            self.outbox.restore(envelope, clock() - max(0.0, wall() - at), clock())

    def put(self, event: HouseEvent, envelopes: Envelopes) -> None:
        """Have an event delivered, without who listens where that is not everybody's to see."""
        body = event.without(event.discretion.hides_from(None))
        if body is None:
            return
        envelope = envelopes.wrap(event.kind, event.tenant, event.call, body)
        if self.spool is not None:
            self.spool.keep(envelope, self._wall())
        self.outbox.put(envelope, self._clock())
        self._news.set()

    def again(self, tenant: str) -> int:
        """Send again what waits of a tenant's events, and what was given up of them; how many that is."""
        count = self.outbox.again(tenant, self._clock())
        self._news.set()
        return count

    @property
    def is_idle(self) -> bool:
        """Whether all that could be delivered at once is."""
        due = self.outbox.next_time()
        return self.under_way == 0 and (due is None or due > self._clock())

    async def run(self, post: Post) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work(post))

    async def _work(self, post: Post) -> None:
        while True:
            delivery = self.outbox.due(self._clock())
            if delivery is None:
                await self._sleep()
                continue
            self.under_way += 1
            try:
                await self._deliver(delivery, post)
            except BaseException:
                self.outbox.failed(delivery, self._clock())  # a fault, or the end: it is not lost
                raise
            finally:
                self.under_way -= 1

    async def _sleep(self) -> None:
        due = self.outbox.next_time()
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0.0, due - self._clock())):
                await self._news.wait()

    async def _deliver(self, delivery: Delivery, post: Post) -> None:
        hook = self.hook
        try:
            answer = await post(hook.url, hook.secret.get_secret_value(), delivery.envelope, hook.timeout)
        except Undelivered as error:
            self._failed(delivery, str(error))
            return
        if answer.is_success:
            self._counters.add("webhooks_delivered", hook.name)
            self._forgotten(delivery.envelope.id)
            self._note(fails=False)
        elif answer.status == GONE:
            self.outbox.give_up(delivery, "gone")
        else:
            self._failed(delivery, f"HTTP {answer.status}", answer)

    def _failed(self, delivery: Delivery, why: str, answer: Answer | None = None) -> None:
        self._counters.add("webhooks_failed", self.hook.name)
        self._note(fails=True, why=why)
        self.outbox.failed(delivery, self._clock(), None if answer is None else answer.retry_after)
        self._news.set()

    def _dropped(self, reason: str) -> None:
        self._counters.add("webhooks_dropped", reason)

    def _forgotten(self, event: str) -> None:
        if self.spool is not None:
            self.spool.forget(event)

    def _note(self, *, fails: bool, why: str = "") -> None:
        """One line when it begins to fail, one when it works again."""
        if fails and not self._fails:
            _log.warning("webhook.failing", webhook=self.hook.name, why=why)
        elif self._fails and not fails:
            _log.info("webhook.works_again", webhook=self.hook.name)
        self._fails = fails
