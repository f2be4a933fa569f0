"""The order in which the servers of a service are tried (RFC 2782): by priority, and among equals by chance after their weights."""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Protocol, TypeVar


class Weighed(Protocol):
    """What can be ranked: a server of a service, or whatever else is told by priority and weight."""

    @property
    def priority(self) -> int:
        """The lowest comes first."""

    @property
    def weight(self) -> int:
        """Its share among equals."""


T = TypeVar("T")
W = TypeVar("W", bound=Weighed)


def ranked(servers: Iterable[W], below: Callable[[int], int]) -> list[W]:
    """All servers, the one to try first at the front. ``below(n)`` is a random number from 0 to n - 1."""
    by_priority = sorted(servers, key=lambda server: (server.priority, server.weight))
    return [server for _, equals in groupby(by_priority, lambda server: server.priority) for server in _drawn(list(equals), below)]


def _drawn(left: list[W], below: Callable[[int], int]) -> Iterator[W]:
    """Draw one after the other. Those without weight stand in front, so that they have their very small chance."""
    while left:
        mark = below(sum(server.weight for server in left) + 1)
        reached = 0
        for place, server in enumerate(left):
            reached += server.weight
            if reached >= mark:
                yield left.pop(place)
                break


def shuffled(items: Iterable[T], below: Callable[[int], int]) -> list[T]:
    """The same in any order: the addresses of one name share the load."""
    left = list(items)
    return [left.pop(below(len(left))) for _ in range(len(left))]
