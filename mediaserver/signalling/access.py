"""What the office of the control API needs of the world: clocks, randomness, a thread that compares passwords, issuers' documents."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from control_api.acting import Acting, who_acts
from control_api.permissions import Identity
from control_api.signing_in.fetching import fetch, post
from control_api.signing_in.office import CheckPassword, Means
from mediaserver.observing.counters import Counters
from mediaserver.secrecy.pins import PinChecks, hashed
from mediaserver.signalling.desk.recording import Recorder

_BYTES = 32


class Notes:
    """Writes into the audit log, and counts, who got access, lost it, or was not let in."""

    def __init__(self, recorder: Recorder, counters: Counters) -> None:
        self._recorder = recorder
        self._counters = counters

    def denied(self, way: str, address: str, code: str, why: str) -> None:
        """Somebody was not let in."""
        self._counters.add("sign_ins_refused", way)
        self._recorder.denied(way, address, code, why)

    def changed(self, kind: str, identity: Identity | None, address: str, detail: Mapping[str, Any]) -> None:
        """Access was given or taken."""
        self._recorder.changed(kind, who_acts() or Acting(identity, "api", address), detail)


def means(executor: Executor, recorder: Recorder, counters: Counters) -> Means:
    """As they are in a running server."""
    return Means(
        check_password=_checks(executor),
        fetch=fetch,
        post=post,
        entropy=lambda: secrets.token_urlsafe(_BYTES),
        clock=time.monotonic,
        wall=time.time,
        notary=Notes(recorder, counters),
    )


def hashes(executor: Executor) -> Callable[[str], Awaitable[str]]:
    """What is kept of a password is made off the event loop too."""

    async def hash_of(password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(executor, hashed, password)

    return hash_of


def _checks(executor: Executor) -> CheckPassword:
    """Compared off the event loop, one after the other."""
    checks = PinChecks(executor, asyncio.get_running_loop().call_soon_threadsafe)

    async def check(kept: str, said: str) -> bool | None:
        outcome: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()

        def told(is_right: bool | None) -> None:
            if not outcome.done():
                outcome.set_result(is_right)

        checks.check(kept, said, told)
        return await outcome

    return check
