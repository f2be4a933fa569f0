"""What all clients share: the desk, the tokens, the feeds, the keys, and how many of them there may be."""

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, Protocol

import structlog
from starlette.requests import HTTPConnection

from config.settings import ControlSettings
from control_api.acting import Acting, who_acts
from control_api.command_models import LOOKING
from control_api.commands import carry_out, failed, succeeded
from control_api.feeds import Feeds
from control_api.idempotency import KeyTable, Outcome
from control_api.meters import SLOTS
from control_api.origins import address_of
from control_api.permissions import Identity, Refusal
from control_api.ports import Blind, Desk, HouseEvent, Witness
from control_api.session import Order
from control_api.spans import Spans
from control_api.standing import Standing
from control_api.tokens import TokenStore

SEEN_OTHERWISE: Final = (LOOKING - {"trace", "past_call", "listening"}) | {
    *("candidate", "reoffer"),
    *("supervise", "set_mode", "mute", "volumes", "leave", "hand_over", "take_over", "give_back", "drop_agent", "invite", "follow"),
    *("hang_up", "end", "originate", "ask_help", "link", "withdraw", "shut_out", "let_in"),
    *("put_identity", "remove_identity", "set_policy", "reset_policy"),
}
"""Commands that only look, but for three of which is written down who looked; those about a leg's network; and those that the house
itself writes down before it carries them out."""
NOTHING: Final[Mapping[str, Any]] = {}
STANDING_LOOK: Final = 0.5
"""Seconds between two looks at who is there by an access that expires."""
COMMAND_TIMEOUT: Final = 30.0
"""Seconds after which a command is given up."""

log = structlog.get_logger("control_api")


class Asker(Protocol):
    """Who wants an order carried out: a session, or a REST request."""

    remote: str
    """The client's address."""

    def finish(self, order: Order, outcome: Outcome) -> None:
        """The order was carried out, or not."""


class Reception:
    """The state of the control API in one process."""

    def __init__(self, desk: Desk, tokens: TokenStore, settings: ControlSettings, witness: Witness | None = None) -> None:
        self.desk = desk
        self.witness = witness if witness is not None else Blind()
        self.tokens = tokens
        self.settings = settings
        self.feeds = Feeds(settings.resume, lambda: secrets.token_urlsafe(9))
        self.keys = KeyTable()
        self.proxies: Sequence[str] = ()
        """Addresses and networks of reverse proxies, whose X-Forwarded-For is believed about where a client is."""
        self.spans: Spans | None = None
        """Who keeps traces; None: nobody."""
        self.clients = 0
        self.counters: Counter[str] = Counter()
        """``accepted``, ``refused``, ``turned_out``, ``commands``, ``commands_refused``, ``too_slow``, ``meters_skipped``,
        ``events_unreadable``; and ``connections_…`` that asked for nothing or took too long (`Crowd`)."""
        self._present: dict[asyncio.Event, Standing] = {}
        self._group: asyncio.TaskGroup | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._unsubscribe = desk.subscribe(self._publish, lambda: self.feeds.has_readers)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """While this is open, commands are carried out and meters flow. At its end commands that still run are given up."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._running.add(group.create_task(self._pace_meters()))
            self._running.add(group.create_task(self._watch_standings()))
            try:
                yield
            finally:
                self._unsubscribe()
                self._group = None
                for task in self._running:
                    task.cancel()

    def address_of(self, connection: HTTPConnection) -> str:
        """Where a client is; empty where that is not known."""
        return address_of(connection, self.proxies)

    def start(self, session: Asker, identity: Identity, order: Order) -> None:
        """Carry an order out beside everything else; it outlives its connection."""
        if self._group is None:
            session.finish(order, failed(Refusal("unavailable", "the server is stopping", "try again")))
            return
        task = self._group.create_task(self._run(session, identity, order))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def refused(self, identity: Identity, command: str, refusal: Refusal, about: Mapping[str, Any] = NOTHING) -> None:
        """Note a refusal: one line, one count, one entry in the audit log."""
        self.counters["commands_refused"] += 1
        self.witness.refused(who_acts() or Acting(identity, "api", ""), command, refusal, about)
        named = {name: about[name] for name in ("call", "leg") if about.get(name) is not None}
        log.warning(
            "command_refused",
            identity=identity.name,
            tenant=identity.tenant,
            command=command,
            code=refusal.code,
            text=refusal.text,
            **named,
        )

    @contextmanager
    def present(self, standing: Standing) -> Iterator[asyncio.Event]:
        """While a client is there by this standing; the event is set when it does not hold any more."""
        lapsed = asyncio.Event()
        self._present[lapsed] = standing
        try:
            yield lapsed
        finally:
            del self._present[lapsed]

    def turn_out(self) -> None:
        """Whoever's access was withdrawn or has expired is disconnected."""
        for lapsed, standing in self._present.items():
            if not standing.holds and not lapsed.is_set():
                self.counters["turned_out"] += 1
                lapsed.set()

    def _publish(self, event: HouseEvent) -> None:
        """Take an event of the house. One that cannot be encoded is lost and counted, and does not come back at the call that told it."""
        try:
            self.feeds.publish(event, time.time())
        except (TypeError, ValueError, OverflowError):
            self.counters["events_unreadable"] += 1
            log.exception("event_unreadable", kind=event.kind, call=event.call)

    async def _run(self, session: Asker, identity: Identity, order: Order) -> None:
        self.counters["commands"] += 1
        if self.spans is None:
            outcome = await self._outcome(session, identity, order)
        else:
            with self.spans.command(order.command, identity) as told:
                outcome = await self._outcome(session, identity, order)
                told(outcome)
        try:
            session.finish(order, outcome)
        except (TypeError, ValueError, OverflowError):
            log.exception("result_unreadable", identity=identity.name, command=order.command.type)

    async def _outcome(self, session: Asker, identity: Identity, order: Order) -> Outcome:
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                result = await carry_out(self.desk, identity, order.command, session.remote)
            if order.command.type not in SEEN_OTHERWISE:
                self.witness.done(who_acts() or Acting(identity, "api", ""), order.command.type, order.command.model_dump())
            return succeeded(result)
        except Refusal as error:
            refusal = error
        except TimeoutError:
            refusal = Refusal("timeout", f"not done within {COMMAND_TIMEOUT:g} s", "look at the call before you try again")
        except Exception:
            # The outermost place of a command: a fault in one must not take the other clients down with it.
            log.exception("command_failed", identity=identity.name, command=order.command.type)
            refusal = Refusal("internal", "the server failed at this command", "its log says why")
        self.refused(identity, order.command.type, refusal, order.command.model_dump())
        return failed(refusal)

    async def _watch_standings(self) -> None:
        while True:
            await asyncio.sleep(STANDING_LOOK)
            self.turn_out()

    async def _pace_meters(self) -> None:
        while self.settings.meters_hz > 0:
            await asyncio.sleep(1 / self.settings.meters_hz / SLOTS)
            self.feeds.meters.beat()
