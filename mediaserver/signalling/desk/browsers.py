"""Supervisors' browsers: a leg from an offer, later offers, candidates, the servers that help, and who is not there any more.

A browser's leg belongs to the identity that asked for it. It ends when its ICE gets no check for `ice.lost_after`, when it says goodbye,
and when the identity has had no client for as long: a page that is gone listens to nobody.
"""

import asyncio
import ipaddress
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import structlog

from control_api.permissions import Identity, Refusal
from mediaserver.call import inputs
from mediaserver.link.messages import Ping
from mediaserver.signalling.browser.servers import server_for
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.house import House
from mediaserver.signalling.media.agreeing import tell_media
from mediaserver.signalling.media.ports import NoFreePort
from mediaserver.signalling.timers import Timer
from mixer.modes import Role
from sip.description.profiles import Security
from sip.errors import SipError
from sip.sdp import SessionDescription

_log = structlog.get_logger(__name__)

SETTLED_WITHIN: Final = 0.5
"""Seconds; a worker answers in some 10 ms."""
ABSENT: Final = "absent"
"""Why a leg ended whose identity has no client any more; also the label of the counter ``browsers_lost``."""
_LOOPBACK: Final = "127.0.0.1"


class Browsers:
    """The legs of supervisors' browsers."""

    def __init__(self, house: House, switchboard: Switchboard, wall: Callable[[], float] = time.time) -> None:
        self._house = house
        self._switchboard = switchboard
        self._wall = wall
        self._absent: dict[tuple[str, str], Timer] = {}

    def invite(self, entry: CallEntry, identity: Identity, offer: str, remote: str) -> Leg:
        """A leg of a call that has still to be let in, from a browser's offer. Raises `Refusal`."""
        description = _described(offer)
        address = _address(remote)
        try:
            leg = self._switchboard.new_leg(entry, Role.SUPERVISOR, address)
        except NoFreePort:
            raise Refusal("unavailable", "no media port is free", "try again in a few seconds") from None
        leg.identity, leg.is_by_api, leg.calls_us, leg.has_offer, leg.is_strict = identity, True, True, True, True
        terms, more = self._house.terms(role=Role.SUPERVISOR), self._house.media_addresses.others(address)
        leg.negotiation.terms = replace(terms, security=Security.REQUIRE, more_hosts=more, takes_dtx=self._house.settings.media.opus.dtx)
        try:
            leg.remote_offer = leg.negotiation.receive_offer(description)
        except SipError as error:
            self._switchboard.turn_away(entry, leg)
            raise Refusal("bad_request", f"the offer cannot be answered: {error}", "offer audio with opus, and DTLS") from None
        return leg

    def arrive(self, entry: CallEntry, leg: Leg, supervisor: inputs.Supervisor, request: int) -> None:
        """Ask the call to let a leg in; it is answered where it is. Raises `Refusal` where that cannot be written down."""
        try:
            self._switchboard.feed(entry, inputs.SupervisorArrived(leg.leg, supervisor, request))
        except Refusal:
            self._switchboard.turn_away(entry, leg)
            raise
        finally:
            self._house.settle()

    async def settled(self, entry: CallEntry) -> None:
        """Wait until the worker has done what it was told: what comes to a port before its leg is open is thrown away, and the page's
        first check with it. A worker that does not answer in time has other troubles, and the page checks again."""
        done = asyncio.get_running_loop().create_future()
        self._house.media.tell(entry.worker, Ping(), replied=lambda _: None if done.done() else done.set_result(None))
        self._house.media.flush()
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_WITHIN):
                await done

    def reoffer(self, entry: CallEntry, identity: Identity, leg: Leg, offer: str) -> str:
        """The answer to a later offer. Raises `Refusal`; what was agreed holds then."""
        description = _described(offer)
        _check_browsers(identity, leg)
        assert leg.media is not None
        try:
            leg.negotiation.receive_offer(description)
            answer, media = leg.negotiation.make_answer(prefer=leg.media.codec, direction=leg.wish)
        except SipError as error:
            leg.negotiation.rollback()
            raise Refusal("bad_request", f"the offer cannot be answered: {error}", "offer the same lines as before") from None
        tell_media(self._house, entry, leg, media)
        self._switchboard.feed(entry, inputs.MediaAgreed(leg.leg, media))
        self._house.settle()
        return answer.serialize().decode()

    def candidate(self, identity: Identity, leg: Leg, candidate: str) -> None:
        """A browser's address that its offer did not have. It checks us from there, so nothing is to be done. Raises `Refusal`."""
        _check_browsers(identity, leg)
        if candidate and not self._house.peers.trickle(leg.leg, candidate):
            raise Refusal("too_many", "the browser named too many candidates", "those it named before are enough")

    def servers(self, identity: Identity) -> dict[str, Any]:
        """The servers of the settings; where one shares a secret with us, with a name and a password for a while."""
        ice = self._house.settings.ice
        until = int(self._wall() + ice.credential_lifetime)
        return {
            "servers": [server_for(server, f"{until}:{identity.name}") for server in ice.servers],
            "lifetime": ice.credential_lifetime,
        }

    def attended(self, identity: Identity, *, is_here: bool) -> None:
        """The identity has a client now, or none any more: its browsers have so long to come back."""
        timer = self._absent.pop(_name(identity), None)
        if timer is not None:
            timer.cancel()
        if not is_here and self._legs_of(identity):
            waiting = self._absent[_name(identity)] = self._house.new_timer(lambda: self._dismiss(identity))
            waiting.set(self._house.clock() + self._house.settings.ice.lost_after)

    def _dismiss(self, identity: Identity) -> None:
        self._absent.pop(_name(identity), None)
        for entry, leg in list(self._legs_of(identity)):
            _log.info("browser.lost", call=entry.view.call, leg=leg.leg, why=ABSENT)
            self._house.counters.add("browsers_lost", ABSENT)
            self._switchboard.feed(entry, inputs.LegEnded(leg.leg, ABSENT))
        self._house.settle()

    def _legs_of(self, identity: Identity) -> list[tuple[CallEntry, Leg]]:
        calls = self._switchboard.calls
        return [(entry, leg) for entry in calls for leg in entry.legs.values() if leg.is_by_api and _is_of(leg, identity)]


def _name(identity: Identity) -> tuple[str, str]:
    """What stays of an identity when its ceiling is changed under way."""
    return identity.tenant, identity.name


def _is_of(leg: Leg, identity: Identity) -> bool:
    return leg.identity is not None and _name(leg.identity) == _name(identity)


def _check_browsers(identity: Identity, leg: Leg) -> None:
    """Nobody, an administrator neither, puts his browser in the place of another's."""
    if not leg.is_by_api or leg.media is None:
        raise Refusal("conflict", "the leg is no browser's", "offers and candidates are for legs that supervise made from an offer")
    if not _is_of(leg, identity):
        raise Refusal("not_found", f"no browser's leg {leg.leg} of yours", "supervise returns the leg's number")


def _described(offer: str) -> SessionDescription:
    try:
        return SessionDescription.parse(offer.encode())
    except (SipError, UnicodeEncodeError) as error:
        raise Refusal("bad_request", f"offer: {error}", "it is a session description, as RTCSessionDescription.sdp has it") from None


def _address(remote: str) -> str:
    """The client's address; a browser whose address is hidden (a Unix socket, a test) is on this machine."""
    try:
        return str(ipaddress.ip_address(remote))
    except ValueError:
        return _LOOPBACK
