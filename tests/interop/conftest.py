"""Servers that several files share, for a start costs more than most of what is tried on it; and voices."""

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from tests.audio import tone, write_wav
from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, OTHER_HZ, SUPERVISOR_HZ
from tests.interop.server import Server
from tests.interop.tools import own_address
from tests.side_by_side import chain_of

Servers = Callable[..., Server]


class Running:
    """Servers by what was asked for, until the end of the chain of tests that asked."""

    def __init__(self) -> None:
        self.by_settings: dict[str, Server] = {}
        self.stack = ExitStack()

    def end(self) -> None:
        """End all: nobody is to turn for the rest of the run without being called."""
        self.by_settings.clear()
        self.stack.close()


_RUNNING: Final = pytest.StashKey[Running]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    """After the last test of a chain its servers end."""
    yield
    if nextitem is None or chain_of(nextitem.nodeid) != chain_of(item.nodeid):
        item.config.stash.setdefault(_RUNNING, Running()).end()


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A running server with the settings of `Server`; one for all of a chain who ask for the same.

    For tests that leave nothing behind: no call, no ban, nobody registered who would be rung in place of another.
    """
    running = pytestconfig.stash.setdefault(_RUNNING, Running())

    def server(**settings: Any) -> Server:
        name = json.dumps(settings, sort_keys=True)
        if name not in running.by_settings:
            at = {"address": own_address()} | settings  # nobody else on this machine has ports there
            running.by_settings[name] = running.stack.enter_context(Server(tmp_path_factory.mktemp("server"), **at))
        return running.by_settings[name]

    yield server
    running.end()


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    """Three minutes of each one's tone."""
    folder = tmp_path_factory.mktemp("voices")
    return {hz: write_wav(folder / f"{hz:.0f}.wav", tone(hz, 180)) for hz in (CUSTOMER_HZ, AGENT_HZ, SUPERVISOR_HZ, OTHER_HZ)}


@pytest.fixture(scope="module")
def server(servers: Servers) -> Server:
    """The usual one."""
    return servers(ring_timeout=3)
