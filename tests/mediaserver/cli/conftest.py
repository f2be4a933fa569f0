"""Running commands against a control API in the same process."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from mediaserver.cli.main import app
from tests.control_api.serving import ANNA_TOKEN, Served, serving


@dataclass
class Shell:
    """Where commands are typed; its environment names the server and the token."""

    served: Served
    token: str = ANNA_TOKEN

    async def run(self, *arguments: str, text: str | None = None) -> Result:
        """Run a command to its end, with this on its standard input."""
        environment = {"MEDIASERVER_URL": self.served.url, "MEDIASERVER_TOKEN": self.token, "COLUMNS": "160"}
        return await asyncio.to_thread(CliRunner(env=environment).invoke, app, list(arguments), text)

    async def json(self, *arguments: str, text: str | None = None) -> Any:
        """Run a command with --json and read what it printed."""
        result = await self.run(*arguments, "--json", text=text)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
async def shell() -> AsyncIterator[Shell]:
    """A shell beside a running control API, whose log stays out of what commands print."""
    with capture_logs():
        async with serving() as served:
            yield Shell(served)
