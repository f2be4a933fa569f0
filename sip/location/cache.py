"""What DNS said, for as long as it said (RFC 1035 §3.2.1), within bounds; that there is nothing is kept too (RFC 2308).

- A TTL under ``shortest`` is kept so long all the same, one above ``longest`` is shortened.
- Nothing, and servers in trouble, are kept for ``negative`` at most, so that a fault that was mended is not felt for long.
- What has run out is kept a while longer for the time in which DNS does not answer (RFC 8767).
- A full cache forgets what was not asked for longest.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from sip.location.records import Answer, Question

STALE_SECONDS: Final = 3600.0
"""So long an old answer may stand in for one that does not come."""


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Answer
    until: float
    ran_out: float
    """When it ran out by its own TTL; before ``until`` where it stands in for another."""


class Cache:
    """Answers by question. Times are seconds of one monotonic clock."""

    def __init__(self, *, shortest: float, longest: float, negative: float, limit: int) -> None:
        self._shortest = shortest
        self._longest = longest
        self._negative = negative
        self._limit = limit
        self._kept: OrderedDict[Question, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, question: Question, now: float) -> Answer | None:
        """An answer that is still good."""
        kept = self._kept.get(question)
        if kept is None or kept.until <= now:
            return None
        self._kept.move_to_end(question)
        return kept.answer

    def put(self, question: Question, answer: Answer, now: float) -> Answer:
        """Keep an answer; returns what is to be used: an old one where the new one is none."""
        kept = self._kept.get(question)
        until = now + self._lifetime(answer)
        if answer.has_failed and kept is not None and kept.answer.records and kept.ran_out + STALE_SECONDS > now:
            self._kept[question] = _Kept(kept.answer, until, kept.ran_out)
            return kept.answer
        self._kept[question] = _Kept(answer, until, until)
        self._kept.move_to_end(question)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)
        return answer

    def _lifetime(self, answer: Answer) -> float:
        if answer.has_failed or not (answer.records or answer.alias):
            return min(max(answer.ttl, self._shortest), self._negative)
        return min(max(answer.ttl, self._shortest), self._longest)
