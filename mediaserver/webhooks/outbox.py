"""What is still to be delivered to one webhook: a bounded queue with growing waits. No clock and no I/O.

- A delivery is waiting, under way, or gone. It keeps its id however often it is tried.
- After each failure it waits longer, as `WAITS` says, or as long as the other side asked for.
- It is given up when it is too old, or when the other side wants it no more; the last `MOST_GIVEN_UP` of these can be sent again.
- Where the queue is full, the oldest that waits makes room for the new one.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mediaserver.webhooks.envelopes import Envelope

WAITS: Final = (1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0)
"""Seconds after the first failure, the second …; the last one from then on."""

MOST_GIVEN_UP: Final = 1000


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook."""

    envelope: Envelope
    since: float
    """When it happened, on the monotonic clock."""
    attempts: int = 0


class Outbox:
    """The deliveries of one webhook, at most ``capacity`` that wait."""

    def __init__(self, capacity: int, give_up_after: float, dropped: Callable[[str], None], forgotten: Callable[[str], None]) -> None:
        """dropped: told the reason of each delivery that is lost, ``full``, ``too_old`` or ``gone``; forgotten: told the id of each that
        will not come again."""
        self._capacity = capacity
        self._give_up_after = give_up_after
        self._dropped = dropped
        self._forgotten = forgotten
        self._given_up: deque[Delivery] = deque()
        self._waiting: dict[int, Delivery] = {}
        """By number, the oldest event first."""
        self._times: list[tuple[float, int]] = []
        """A heap; holds numbers that do not wait any more, too."""
        self._number = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, envelope: Envelope, now: float) -> None:
        """Take a new event."""
        self._wait(Delivery(envelope, now), now)

    def restore(self, envelope: Envelope, since: float, now: float) -> None:
        """Take an event of an earlier life; one that is too old is among those that were given up."""
        if now - since > self._give_up_after:
            self._give_up(Delivery(envelope, since))
        else:
            self._wait(Delivery(envelope, since), now)

    def again(self, tenant: str, now: float) -> int:
        """Have everything of a tenant that waits or was given up delivered now, with all its time before it; how much that is. What was
        given up and finds no room stays so."""
        room, found, rest = self._capacity - len(self._waiting), list[Delivery](), deque[Delivery]()
        for delivery in self._given_up:
            (found if delivery.envelope.tenant == tenant and len(found) < room else rest).append(delivery)
        self._given_up = rest
        found += [delivery for delivery in self._waiting.values() if delivery.envelope.tenant == tenant]
        self._waiting = {number: delivery for number, delivery in self._waiting.items() if delivery.envelope.tenant != tenant}
        self._tidy()
        for delivery in found:
            delivery.attempts, delivery.since = 0, now
            self._wait(delivery, now)
        return len(found)

    def due(self, now: float) -> Delivery | None:
        """A delivery whose time has come; it is under way from now on."""
        while self._times and self._times[0][0] <= now:
            delivery = self._waiting.pop(heapq.heappop(self._times)[1], None)
            if delivery is not None:
                return delivery
        return None

    def next_time(self) -> float | None:
        """When `due` is to be asked again; None: when something was put."""
        while self._times and self._times[0][1] not in self._waiting:
            heapq.heappop(self._times)
        return self._times[0][0] if self._times else None

    def failed(self, delivery: Delivery, now: float, wait: float | None = None) -> None:
        """An attempt was in vain: later again. wait: seconds that the other side asked for."""
        again = WAITS[min(delivery.attempts, len(WAITS) - 1)]
        delivery.attempts += 1
        due = now + (again if wait is None else min(max(wait, again), WAITS[-1]))
        if due - delivery.since > self._give_up_after:
            self.give_up(delivery, "too_old")
        else:
            self._wait(delivery, due)

    def give_up(self, delivery: Delivery, reason: str) -> None:
        """It is not tried again, unless `again` wants it."""
        self._dropped(reason)
        self._give_up(delivery)

    def _give_up(self, delivery: Delivery) -> None:
        self._given_up.append(delivery)
        if len(self._given_up) > MOST_GIVEN_UP:
            self._forgotten(self._given_up.popleft().envelope.id)

    def _wait(self, delivery: Delivery, due: float) -> None:
        if len(self._waiting) >= self._capacity:
            self._forgotten(self._waiting.pop(next(iter(self._waiting))).envelope.id)
            self._dropped("full")
            if len(self._times) > 2 * self._capacity:
                self._tidy()
        self._number += 1
        self._waiting[self._number] = delivery
        heapq.heappush(self._times, (due, self._number))

    def _tidy(self) -> None:
        """Forget the times of what does not wait any more."""
        self._times = [(time, number) for time, number in self._times if number in self._waiting]
        heapq.heapify(self._times)
