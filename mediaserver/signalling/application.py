"""The signalling process from start to end: every part made once, in the order of their needs, and closed in reverse."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
import time
from array import array
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import uvloop

from config.settings import Settings
from control_api.application import create_app
from control_api.server import AddressTaken, bind
from control_api.server import serve as serve_control
from control_api.signing_in.office import Office
from control_api.tokens import TokenStore
from mediaserver.call import inputs
from mediaserver.observing.counters import Counters
from mediaserver.observing.happenings import Happenings
from mediaserver.observing.metrics import ServerCollector, dropped, metrics_text
from mediaserver.observing.storage_metrics import storage_metrics
from mediaserver.observing.trunk_metrics import trunk_metrics
from mediaserver.secrecy.key import VARIABLE, Key, SecrecyError, key_of
from mediaserver.secrecy.pins import PinChecks
from mediaserver.signalling.access import hashes, means
from mediaserver.signalling.addresses import Addresses
from mediaserver.signalling.beats import beat, lasting
from mediaserver.signalling.bookkeeping import Bookkeeping
from mediaserver.signalling.calls.switchboard import MISSING_AFTER, SLICES, Switchboard
from mediaserver.signalling.calls.transferring import Transfers
from mediaserver.signalling.desk.banning import Bans
from mediaserver.signalling.desk.meters import PARTS, MeterRounds
from mediaserver.signalling.desk.publishing import Publisher
from mediaserver.signalling.desk.quality import LOOK_SECONDS, QualityWatch
from mediaserver.signalling.desk.supervising import SwitchboardDesk
from mediaserver.signalling.desk.watching import Watching, subscription_settings
from mediaserver.signalling.dispatching import Dispatcher
from mediaserver.signalling.draining import Drain
from mediaserver.signalling.entering.entrance import Entrance
from mediaserver.signalling.entering.identities import ConfiguredUsers, plain_secrets
from mediaserver.signalling.entering.invitations import Invitations
from mediaserver.signalling.house import House
from mediaserver.signalling.journal import LOOK as JOURNAL_LOOK
from mediaserver.signalling.journal import Journal, journal_folder
from mediaserver.signalling.listening import (
    RENEWAL_BEAT,
    OwnNames,
    Renewal,
    certificates,
    listeners,
    transport_settings,
    why_not,
)
from mediaserver.signalling.media import sounds
from mediaserver.signalling.media.ports import NoFreePort, PortPool
from mediaserver.signalling.media.worker import CHECK_EVERY
from mediaserver.signalling.media.workers import Media, WorkerFailed
from mediaserver.signalling.outside import OutsideRequests
from mediaserver.signalling.overload import LOOK
from mediaserver.signalling.reloading import Reloading
from mediaserver.signalling.restarting import part_with
from mediaserver.signalling.routing.resolving import Resolver
from mediaserver.signalling.routing.routes import Router
from mediaserver.signalling.tracer import Tracer
from mediaserver.signalling.traces import TracesMissing, keep_traces
from mediaserver.signalling.trunks.places import addresses_of
from mediaserver.webhooks.webhooks import Webhooks
from sip.events import Event
from sip.guard import GuardSettings
from sip.session.settings import UserAgentSettings
from sip.transport.certificates import CertificateError, Certificates
from sip.transport.listeners import ListenFailed
from sip.transport.shell import SipShell
from sip.useragent import UserAgent

_log = structlog.get_logger(__name__)

EX_OK, EX_OSERR, EX_CONFIG = 0, 71, 78
LEAST_SESSIONS = 10_000
SESSIONS_A_CALL = 5
"""Two parties, and supervisors on average."""
COLLECT_EVERY = (20_000, 10, 10)
"""Thresholds of the garbage collector. Transactions are kept for half a minute, and looking through all of them stops signalling for
some 0.1 s: with Python's own thresholds that happened every few seconds at 100 calls a second."""
FAREWELL_SECONDS = 1.0
"""How long the BYEs of a stopping server may take to be answered."""


class StartFailed(Exception):
    """The server could not start; the text says what to change."""


def run(settings: Settings, read: Callable[[], Settings]) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code. ``read`` gives the settings anew, for SIGHUP, or raises `ConfigError`."""
    code = EX_OK
    allow_open_files()
    try:
        key = key_of(os.environ)
        users = ConfiguredUsers(settings, key)
        server = Server(settings, users, read, key)
    except SecrecyError as error:
        sys.stderr.write(f"mediaserver: {error}\n")
        return EX_CONFIG
    finally:
        os.environ.pop(VARIABLE, None)  # workers and others that are started have no business with it
    try:
        uvloop.run(server.run())
    except* StartFailed as failures:
        for failure in failures.exceptions:
            sys.stderr.write(f"mediaserver: {failure}\n")
        code = EX_OSERR
    return code


def allow_open_files() -> None:
    """Raise the soft limit of open files, often 1024, to the hard one: each leg has two sockets here and three in its worker."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """Everything of one signalling process."""

    def __init__(self, settings: Settings, users: ConfiguredUsers, read: Callable[[], Settings], key: Key | None) -> None:
        self._settings = settings
        self._users = users
        self._tokens = TokenStore(settings.tokens)
        self._read = read
        self._drain = Drain()
        self._counters = Counters()
        self._pin_thread = ThreadPoolExecutor(1, "pins")
        self._tracer = Tracer(settings.trace, self._counters)
        self._books = Bookkeeping(settings, key, os.environ, self._counters)
        self._journal = Journal(journal_folder(settings.journal, os.environ), self._counters)
        self._names = OwnNames(settings.sip, lambda: self._shell.listeners)
        self._agent = UserAgent(self._agent_settings(), ha1_of=self._users.ha1_of, entropy=os.urandom)
        certificates = self._certificates()
        self._renewal = Renewal(certificates, self._counters)
        self._shell = SipShell(
            self._agent,
            on_event=self._heard,
            settings=transport_settings(settings.sip),
            certificates=certificates,
            tap=self._tracer.heard,
        )

    async def run(self) -> None:
        """Start, serve, stop."""
        loop = asyncio.get_running_loop()
        for number, patience in ((signal.SIGTERM, self._settings.limits.drain), (signal.SIGINT, 0.0)):
            loop.add_signal_handler(number, self._drain.ask, patience)
        async with asyncio.TaskGroup() as tasks:
            self._build(tasks)
            loop.add_signal_handler(signal.SIGHUP, self._reload)
            await self._open()
            gc.freeze()  # what was made at start lives for ever: nothing to look at again
            gc.set_threshold(*COLLECT_EVERY)
            control = tasks.create_task(self._control())
            self._house.trunks.start()
            self._house.settle()
            beats = [tasks.create_task(each) for each in (self._keep_journal(), *self._beats())]
            if self._books.has_database:
                keep = partial(self._desk.administering.keep, is_shared=self._books.is_shared)
                beats.append(tasks.create_task(lasting("governing", keep, self._counters)))
            _log.info("server.started", sip=[str(listener) for listener in self._shell.listeners], pid=os.getpid())
            if plain := plain_secrets(self._settings):
                _log.warning("users.plain_secrets", users=plain[:10], count=len(plain), hint="`mediaserver user` seals them")
            await self._drain.asked()
            await self._let_calls_finish()
            await self._say_goodbye()
            await self._webhooks.farewell()
            for task in (control, *beats):
                task.cancel()
        await self._media.close()
        await self._shell.close()
        self._journal.close(())
        self._webhooks.close()
        self._books.close()
        self._tracer.close()
        if self._telemetry is not None:
            await asyncio.to_thread(self._telemetry.close)  # it waits for whoever takes the spans
        self._pin_thread.shutdown(wait=False, cancel_futures=True)
        _log.info("server.stopped")

    def _certificates(self) -> Certificates:
        try:
            return certificates(self._settings.sip)
        except CertificateError as error:
            raise StartFailed(f"sip.tls: {error}") from error

    def _agent_settings(self) -> UserAgentSettings:
        sip = self._settings.sip
        return UserAgentSettings(
            realm=sip.realm,
            user_agent=sip.user_agent,
            t1=sip.t1,
            failover_after=sip.failover_after,
            hop_penalty=sip.hop_penalty,
            ring_next_after=sip.ring_next_after,
            udp_limit=sip.udp_limit if sip.tcp else 0,
            reliable_provisional=sip.reliable_provisional,
            session_timers=sip.session_timers,
            session_expires=sip.session_expires,
            min_se=sip.min_se,
            session_id=sip.session_id,
            max_transactions=sip.max_transactions,
            max_dialogs=max(LEAST_SESSIONS, SESSIONS_A_CALL * self._settings.limits.calls),
            nonce_lifetime=sip.nonce_lifetime,
            digest_algorithms=sip.digest_algorithms,
            digest_qop=sip.digest_qop,
            guard=self._guard_settings(),
            registration_min=sip.registration_min,
            registration_max=sip.registration_max,
            advertised=self._names.toward,
            subscriptions=subscription_settings(self._settings.watching),
        )

    def _guard_settings(self) -> GuardSettings:
        trunks = [address for trunk in self._settings.trunks for address in addresses_of(trunk)]
        guard = self._settings.sip.guard
        return GuardSettings(**guard.model_dump() | {"trusted": (*guard.trusted, *trunks)})

    def _new_house(self, tasks: asyncio.TaskGroup) -> House:
        settings, media = self._settings, self._settings.media
        self._media = Media(media, self._sounds(), self._counters)
        self._ports = PortPool(media.bind, media.first_port, media.last_port, dscp=media.dscp)
        return House(
            settings=settings,
            agent=self._agent,
            media=self._media,
            ports=self._ports,
            media_addresses=Addresses(media.bind, media.advertised, media.local_networks),
            router=Router(settings),
            resolver=Resolver(
                tasks,
                settings.sip.dns,
                transports=("udp", "tcp", "tls") if settings.sip.tcp else ("udp", "tls"),
                bind=settings.sip.addresses,
                flow_toward=lambda hop: self._shell.flow_to(hop.transport, (hop.address, hop.port), hop.name),
                counters=self._counters,
            ),
            outside=OutsideRequests(self._agent),
            publisher=Publisher(),
            tracer=self._tracer,
            recorder=self._books.recorder,
            notebook=self._books.notebook,
            counters=self._counters,
            server_id=os.urandom(8).hex(),
            entropy=os.urandom,
            settle=self._shell.settle,
            peer_names=self._shell.peer_names,
            advertised=self._names.toward,
            check_pin=PinChecks(self._pin_thread, asyncio.get_running_loop().call_soon_threadsafe).check,
        )

    def _build(self, tasks: asyncio.TaskGroup) -> None:
        settings = self._settings
        house = self._house = self._new_house(tasks)
        self._office = Office(settings, means(self._pin_thread, self._books.recorder, self._counters))
        self._office.others.append(self._users.standings)
        self._switchboard = Switchboard(house)
        self._quality = QualityWatch(settings.quality, self._switchboard.calls, self._media, house.publisher, self._counters)
        entrance = Entrance(house, self._switchboard)
        self._desk = SwitchboardDesk(
            house, self._switchboard, entrance, Bans(house, self._users), self._office, self._books.asking.ask, hashes(self._pin_thread)
        )
        self._reloading = Reloading(house, self._users, self._tokens, self._office, self._read, self._desk.administering.beside)
        invitations = Invitations(house, self._switchboard, self._users, entrance)
        self._watching = Watching(house, self._users)
        self._switchboard.on_changed = self._watching.call_changed
        self._webhooks = Webhooks(settings, house.server_id, self._counters, self._learned, folder=self._books.outbox)
        self._desk.webhook_again = self._webhooks.again
        self._webhooks.listen(house.publisher.subscribe)
        try:
            self._telemetry = keep_traces(house, self._webhooks.envelopes)
        except TracesMissing as error:
            raise StartFailed(str(error)) from None
        self._happenings = Happenings(self._counters, house.clock)
        house.observers.append(self._happenings.happened)
        house.publisher.subscribe(self._happenings.told, lambda: False)
        transfers = Transfers(house, self._switchboard, self._users)
        self._dispatcher = Dispatcher(house, self._switchboard, invitations, entrance, transfers, self._watching)
        self._media.on_notice = self._switchboard.notice
        self._media.on_death = self._switchboard.worker_died
        self._media.on_guilty = self._switchboard.worker_killed

    def _sounds(self) -> dict[str, array[int]]:
        made = sounds.built_in()
        if self._settings.media.music:
            try:
                made[sounds.MUSIC] = sounds.read_wave(Path(self._settings.media.music))
            except (OSError, ValueError) as error:
                raise StartFailed(f"media.music: {error}") from error
        return made

    async def _open(self) -> None:
        try:
            self._listener = bind(self._settings.control)
            self._tracer.start()
            self._ports.check()
            await self._shell.open(list(listeners(self._settings.sip)))
            await self._media.start()
            self._left_behind = self._journal.open()
            self._books.open()
        except (AddressTaken, WorkerFailed) as error:
            raise StartFailed(str(error)) from error
        except TimeoutError:
            raise StartFailed("the media workers did not start in time; see their errors above") from None
        except NoFreePort:
            media = self._settings.media
            ports = f"{media.first_port} to {media.last_port}"
            raise StartFailed(
                f"no port of {ports} can be had on {media.bind}; change media.bind, media.first_port or media.last_port"
            ) from None
        except ListenFailed as error:
            raise StartFailed(why_not(error)) from error

    async def _control(self) -> None:
        collector = ServerCollector(self._switchboard.calls, self._media, self._ports, self._counters)
        app = create_app(self._desk, self._tokens, self._settings.control, metrics_text(collector), self._books.recorder, self._office)
        collector.certificates = lambda: self._renewal.shown
        collector.counted["sip_events"] = lambda: self._agent.counters
        collector.gathered.append(lambda: trunk_metrics(self._house.trunks))
        collector.gathered.append(self._house.ended_legs.metrics)
        collector.gathered.append(self._happenings.metrics)
        collector.gathered.append(self._quality.metrics)
        books = self._books
        collector.gathered.append(lambda: storage_metrics(books.journal, books.ledger, books.keeper, books.process))
        collector.gathered.append(self._webhooks.metrics)
        collector.counted["sip_dropped"] = lambda: dropped(self._agent.counters)
        collector.counted["control_events"] = lambda: app.state.reception.counters
        app.state.reception.spans = self._telemetry
        await serve_control(app, self._settings.control, [self._listener])

    def _reload(self) -> None:
        """SIGHUP: certificates, and the settings that can change under way."""
        self._renewal.reload()
        self._reloading.reload()

    def _heard(self, event: Event, now: float) -> None:
        self._dispatcher.handle(event, now)

    def _learned(self, call: str, metadata: dict[str, str]) -> None:
        """Somebody knows who calls."""
        entry = self._switchboard.calls.get(call)
        if entry is not None:
            self._switchboard.feed(entry, inputs.MetadataLearned(metadata))

    # beats

    def _beats(self) -> Iterator[Coroutine[Any, Any, None]]:
        yield lasting("webhooks", self._webhooks.run, self._counters)
        yield beat("certificates", RENEWAL_BEAT, self._renewal.look, self._counters)
        yield beat("media", MISSING_AFTER / SLICES, self._switchboard.watch_some_media, self._counters)
        yield beat("workers", CHECK_EVERY, self._media.check, self._counters)
        yield beat("overload", LOOK, self._switchboard.overload.look, self._counters)
        yield beat("quality", LOOK_SECONDS, self._quality.look, self._counters)
        for name, seconds, look in self._books.beats():
            yield beat(name, seconds, look, self._counters)
        if self._settings.control.meters_hz > 0:
            rounds = MeterRounds(self._switchboard.calls, self._house.publisher)
            yield beat("meters", 1 / self._settings.control.meters_hz / PARTS, rounds.step, self._counters)

    async def _keep_journal(self) -> None:
        """First say BYE to those whom a crash left behind; then note who is in a call."""
        left, self._left_behind = self._left_behind, []
        await part_with(left, self._agent, self._house.settle, self._counters, self._house.clock)
        await beat("journal", JOURNAL_LOOK, lambda: self._journal.look(self._agent.lasting()), self._counters)

    async def _let_calls_finish(self) -> None:
        """No new calls from now on; those that stand have `limits.drain` seconds."""
        calls = self._switchboard.calls
        self._switchboard.is_draining = True
        _log.info("server.draining", calls=len(calls))
        await self._drain.finished(lambda: not len(calls))

    async def _say_goodbye(self) -> None:
        """BYE to everybody who is left, and a moment for the answers."""
        for entry in list(self._switchboard.calls):
            self._switchboard.feed(entry, inputs.HangUpRequested(None, "shutdown"))
        self._watching.close()
        self._switchboard.farewells.say_all()
        self._house.trunks.stop()
        self._house.settle()
        deadline = time.monotonic() + FAREWELL_SECONDS
        while self._agent.in_hand and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
