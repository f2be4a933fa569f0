"""Servers that several files share: a start costs more than most of what is tried on it."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.interop.server import Server
from tests.interop.tools import own_address

Servers = Callable[..., Server]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A running server with the settings of `Server`; one for all who ask for the same, until the end of the run.

    For tests that leave nothing behind: no call, no ban, nobody registered who would be rung in place of another.
    """
    running: dict[str, Server] = {}
    with ExitStack() as stack:

        def server(**settings: Any) -> Server:
            name = json.dumps(settings, sort_keys=True)
            if name not in running:
                at = {"address": own_address()} | settings  # nobody else on this machine has ports there
                running[name] = stack.enter_context(Server(tmp_path_factory.mktemp("server"), **at))
            return running[name]

        yield server


@pytest.fixture(scope="session")
def server(servers: Servers) -> Server:
    """The usual one."""
    return servers(ring_timeout=2)
