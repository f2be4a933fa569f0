"""Hosts become addresses; what cannot be looked up is nothing, and never the end of the server."""

import asyncio

import pytest

from mediaserver.signalling.resolving import Resolver


async def resolved(host: str) -> list[str | None]:
    """What a look-up calls back with; its task group shows what would have ended the server."""
    found: list[str | None] = []
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        Resolver(tasks).resolve(host, found.append)
    return found


@pytest.mark.parametrize(("host", "address"), [("192.0.2.7", "192.0.2.7"), ("[2001:db8::7]", "2001:db8::7"), ("::1", "::1")])
def test_an_address_is_known_at_once(host: str, address: str) -> None:
    assert asyncio.run(resolved(host)) == [address]


async def test_the_name_of_this_machine_is_looked_up() -> None:
    assert await resolved("localhost") in (["127.0.0.1"], ["::1"])


@pytest.mark.parametrize("host", ["", "a" * 64, f"{'a' * 64}.example", "a..b", ".", "-", "x" * 300, "\udcff", "ü" * 64, "a\0b"])
async def test_a_name_that_is_none_is_nobody(host: str) -> None:
    assert await resolved(host) == [None]


async def test_a_fault_of_who_asked_stays_with_him() -> None:
    def found(address: str | None) -> None:
        raise RuntimeError(f"{address} is of no use")

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        Resolver(tasks).resolve("localhost", found)
