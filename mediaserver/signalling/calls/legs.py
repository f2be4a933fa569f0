"""A leg as signalling holds it: its SIP session, its offer and answer, its lent port and its place in a worker."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from config.settings import DigitSettings, OpusSettings
from control_api.permissions import Identity
from mediaserver.call.inputs import LegId, Supervisor
from mediaserver.link.messages import SetMedia
from mediaserver.signalling.entering.identities import User
from mediaserver.signalling.media.codecs import encoder_parameters
from mediaserver.signalling.media.ports import LentPort
from mediaserver.signalling.timers import Timer
from mediaserver.signalling.trunks.caps import Lease
from mixer.modes import Role
from sip.negotiated import Direction, Dtls, NegotiatedMedia, Sdes
from sip.offer_answer import Negotiation, NothingOffered, RemoteOffer
from sip.sdp import SessionDescription
from sip.transport.flow import Flow

NOWHERE = "0.0.0.0"
"""The address of a remote that wants no packets, and a leg's own until it is known whom it faces."""
if TYPE_CHECKING:
    from mediaserver.signalling.media.worker import Worker

_MOST_FORKS = 8


@dataclass(slots=True)
class Waiting:
    """A supervisor at the door: his PIN is still to come, or he only gets an announcement."""

    user: User | None
    """Whose PIN it is; None: no PIN will help."""
    supervisor: Supervisor | None
    """What he asked for."""
    timer: Timer
    parties: frozenset[LegId] = frozenset()
    """Who talked, or rang, when he asked."""
    digits: str = field(default="", repr=False)
    is_judged: bool = False
    """His PIN is being compared."""


@dataclass(slots=True)
class Leg:
    """One endpoint's side of a call."""

    leg: LegId
    role: Role
    negotiation: Negotiation
    port: LentPort
    session: int | None = None
    """The user agent's; None while its INVITE could not be sent yet."""
    calls_us: bool = False
    """It called in (we answer its INVITE); else we called it."""
    has_offer: bool = False
    """Its INVITE brought an offer (else our 200 makes one)."""
    remote_offer: RemoteOffer | None = None
    answer: SessionDescription | None = None
    """What we answered its INVITE with; an early answer is said again in the 200."""
    offer: SessionDescription | None = None
    """What we offered to its INVITE that brought no offer."""
    takes_early_offer: Literal["", "may", "must"] = ""
    """Whether such a caller can be made an offer in an 18x, or has to be (RFC 3262 §5)."""
    is_accepted: bool = False
    """The INVITE's 200 was sent or received."""
    is_opened: bool = False
    """The worker has it."""
    reports_lent: bool = False
    """And its port for RTCP."""
    is_over: bool = False
    """SIP is done with; nothing more is sent."""
    awaits_answer: bool = False
    """Our 200 made an offer, and the ACK is to bring its answer."""
    wish: Direction = Direction.SENDRECV
    """What we are willing to do, as we see it (hold relayed)."""
    agent: str | None = None
    team: str | None = None
    """The agent who was rung, where he is known."""
    trunk: str = ""
    """The trunk that it is on; empty for a phone of ours."""
    user: str = ""
    """The SIP user whose phone it is, where he is known."""
    own_host: str = ""
    """How we named ourselves to it."""
    far_host: str = ""
    """The host that we called, where it is no phone that registered here."""
    mixed_by: Worker | None = None
    """The worker that has it."""
    identity: Identity | None = None
    """Who the supervisor is."""
    mode_digits: DigitSettings | None = None
    """The digits of the door he came by."""
    waiting: Waiting | None = None
    """He has still to give his PIN; the call does not know him yet."""
    lease: Lease | None = None
    """Its place on a trunk."""
    is_strict: bool = False
    """RTP only from the signalled address."""
    suite: str = ""
    """The crypto suite that was counted last."""
    is_by_api: bool = False
    """Its offers and answers go over the control API: it has no session in SIP."""
    row: int = -1
    """In the worker's shared memory."""
    opened_at: float = 0.0
    is_missing: bool = False
    """It ought to send and does not."""
    early: dict[str, SessionDescription] = field(default_factory=dict)
    """Answers of the forks of our INVITE, by To tag."""
    fork: str = ""
    """The one whose media is the leg's."""

    def keep_early(self, fork: str, answer: SessionDescription) -> None:
        """Remember a fork's answer, of so many forks as one call may have."""
        if fork in self.early or len(self.early) < _MOST_FORKS:
            self.early[fork] = answer

    early_change: tuple[str, Negotiation] | None = None
    """The fork that changed by UPDATE what it agreed, and our side as it was for the other forks."""
    is_refreshing: bool = False
    """Our offer under way says nothing new: it keeps the session alive (RFC 4028)."""

    def changes_early(self, fork: str) -> bool:
        """Whether this early dialog of our INVITE may agree on something else: only the one that is heard."""
        if fork != self.fork:
            return False
        if self.early_change is None:
            self.early_change = (fork, copy(self.negotiation))
        return True

    def take_answer(self, fork: str, answer: SessionDescription | None) -> NegotiatedMedia:
        """The answer that a 200 brings, or the early one of its fork. Raises `SipError` where there is none of use."""
        if self.early_change is not None:
            changed, before = self.early_change
            if changed == fork and self.negotiation.current is not None:
                return self.negotiation.current
            self.negotiation = before
        answer = answer or self.early.get(fork)
        if answer is None:
            raise NothingOffered("the 200 brings no answer to our offer")
        return self.negotiation.receive_answer(answer)

    @property
    def media(self) -> NegotiatedMedia | None:
        """What was agreed last."""
        return self.negotiation.current

    @property
    def format_offered(self) -> NegotiatedMedia | RemoteOffer | None:
        """What another leg should be offered first, so that nothing needs transcoding."""
        return self.negotiation.current or self.remote_offer


def is_browser(flow: Flow) -> bool:
    """Whether a browser's softphone is at the other end: those alone speak SIP over WebSocket (RFC 7118)."""
    return flow.transport in ("ws", "wss")


def has_way(media: NegotiatedMedia) -> bool:
    """Whether packets can flow: not where their keys have still to come from a handshake."""
    return not isinstance(media.security, Dtls)


def set_media(leg: LegId, media: NegotiatedMedia, opus: OpusSettings, *, stereo: bool, peer: str = "", sorts: bool = False) -> SetMedia:
    """The worker's command for what was agreed; a leg without a way is sent nothing, and nothing is taken from it.

    ``peer``: the host that its signalling comes from; ``sorts``: STUN and DTLS come to its port too.
    """
    reports = reports_address(media, sorts=sorts)
    security = media.security if isinstance(media.security, Sdes) else None
    return SetMedia(
        leg=leg,
        address=media.address,
        port=media.port,
        codec=media.codec.name,
        receive_payload_type=media.receive_payload_type,
        send_payload_type=media.send_payload_type,
        ptime_ms=media.ptime_ms,
        receive_digit_payload_type=_number(media.receive_digit_payload_type),
        send_digit_payload_type=_number(media.send_digit_payload_type),
        remote_sends=media.direction.sends and has_way(media),
        remote_receives=media.direction.receives and has_way(media) and media.port != 0 and media.address != NOWHERE,
        rtcp_mux=media.rtcp_mux and has_way(media),
        rtcp_address=reports[0],
        rtcp_port=reports[1],
        clock_rate=media.codec.clock_rate,
        channels=media.codec.channels,
        parameters=encoder_parameters(media, opus, stereo=stereo),
        receive_comfort_noise_payload_type=_number(media.receive_comfort_noise_payload_type),
        send_comfort_noise_payload_type=_number(media.send_comfort_noise_payload_type),
        digit_clock_rate=media.digit_clock_rate,
        srtp_suite=security.suite if security is not None else "",
        srtp_send_key=security.send_key if security is not None else b"",
        srtp_receive_key=security.receive_key if security is not None else b"",
        sorts=sorts,
        peer=peer,
    )


def reports_address(media: NegotiatedMedia, *, sorts: bool = False) -> tuple[str, int]:
    """Where a remote wants RTCP that does not go with its RTP: where it said so (RFC 3605), else on the port above (RFC 3550 §11)."""
    if media.rtcp_mux or sorts or not has_way(media):
        return "", 0
    address, port = media.rtcp or (media.address, media.port + 1)
    is_somewhere = media.port > 0 and 0 < port < 65_536 and address != NOWHERE
    return (address, port) if is_somewhere else ("", 0)


def _number(payload_type: int | None) -> int:
    return -1 if payload_type is None else payload_type
