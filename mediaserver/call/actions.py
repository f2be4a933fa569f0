"""What a call wants done. The switchboard carries these out in order; none of them can fail back into the machine.

A failure to carry one out comes as an input (`Rejected`, `LegEnded`), as if the far end had done it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mediaserver.call.inputs import LegId, Target
from mixer.modes import Mode, Role
from sip.negotiated import Direction

if TYPE_CHECKING:
    from mediaserver.call.legs import Leg


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """Lend the leg a port and a row; comes before anything else for a leg."""

    leg: LegId
    role: Role


@dataclass(frozen=True, slots=True)
class PlaceLeg:
    """Send an INVITE to a target, offering the codecs and ptime of ``like`` first."""

    leg: LegId
    target: Target
    like: LegId | None
    auto_answer: bool = False
    """With the auto-answer headers (a supervisor's phone rung by the API)."""


@dataclass(frozen=True, slots=True)
class ProgressLeg:
    """Send 18x to a leg that called in; with media where ``like`` is given: answer so that no transcoding to it is needed."""

    leg: LegId
    status: int
    like: LegId | None = None


@dataclass(frozen=True, slots=True)
class AcceptLeg:
    """Send 200 to a leg that called in, its answer chosen to match ``like``."""

    leg: LegId
    like: LegId | None = None


@dataclass(frozen=True, slots=True)
class RejectLeg:
    """Send a final failure to a leg that called in. The leg is over; no `CloseLeg` follows for one that was never opened."""

    leg: LegId
    status: int
    reason: str
    """Value of the Reason header, or empty."""
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class EndLeg:
    """CANCEL or BYE, whichever fits. The leg is over; its `CloseLeg` follows in the same list."""

    leg: LegId
    reason: str
    """Value of the Reason header (RFC 3326), or empty."""
    patience: float = 0.0
    """Seconds in which it may say BYE by itself, as phones do that transferred their call. Its audio ends at once."""


@dataclass(frozen=True, slots=True)
class ChooseFork:
    """Of the early dialogs of an INVITE we sent, this one's media is the leg's from now on.

    Comes before the first `Admit` of every leg that we rang.
    """

    leg: LegId
    fork: str


@dataclass(frozen=True, slots=True)
class ReofferLeg:
    """Send a re-INVITE with this direction, as we see it (hold relayed, resume relayed).

    From now on the leg's own offers are answered with it too. `MediaAgreed` or `ReofferFailed` follows.
    """

    leg: LegId
    direction: Direction


@dataclass(frozen=True, slots=True)
class AcceptTransfer:
    """Answer a REFER with 202, and say that the transfer is under way (RFC 3515 §2.4.4)."""

    leg: LegId
    transfer: int


@dataclass(frozen=True, slots=True)
class RefuseTransfer:
    """Answer a REFER with a failure; nothing changed."""

    leg: LegId
    transfer: int
    status: int


@dataclass(frozen=True, slots=True)
class NotifyTransfer:
    """Tell who asked for a transfer how it goes, also after his leg was closed; a final status is the last word."""

    leg: LegId
    transfer: int
    status: int


@dataclass(frozen=True, slots=True)
class MergeCalls:
    """Have the call of ``consultation`` hand its far leg over to this one; `LegHandedOver` or `MergeRefused` follows."""

    leg: LegId
    transfer: int
    consultation: LegId


@dataclass(frozen=True, slots=True)
class RefuseMerge:
    """Tell the call ``into`` that nobody is handed over to it."""

    leg: LegId
    """The agent's leg here."""
    into: str
    transfer: int
    status: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """Give a leg to another call, with all that is known of it; nothing follows for it here."""

    leg: LegId
    into: str
    moved: Leg


@dataclass(frozen=True, slots=True)
class AdoptLeg:
    """Take a leg that was handed over into this call's mix, silent as a new one; comes first for it, where `OpenLeg` would."""

    leg: LegId
    role: Role


@dataclass(frozen=True, slots=True)
class RelayInfo:
    """Send an INFO inside the leg's dialog."""

    leg: LegId
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class CloseLeg:
    """Take the leg's port and row back; nothing follows for this leg."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Admit:
    """Let a leg into the mix, or take it out."""

    leg: LegId
    admitted: bool


@dataclass(frozen=True, slots=True)
class SetMode:
    """Change a supervisor's mode in the mix."""

    leg: LegId
    mode: Mode
    target: Role
    request: int | None
    """The `ModeRequested` to acknowledge once the audio changed; None where nobody waits."""


@dataclass(frozen=True, slots=True)
class SetMuted:
    """Mute or unmute a leg in the mix."""

    leg: LegId
    muted: bool
    request: int | None


@dataclass(frozen=True, slots=True)
class SetVolumes:
    """A supervisor's volumes in the mix."""

    leg: LegId
    hears: float
    heard: float
    request: int | None


@dataclass(frozen=True, slots=True)
class RefuseRequest:
    """A request with this number cannot be done in the call's present state."""

    request: int
    code: str
    """As in `control_api.permissions.Refusal`: ``not_found``, ``conflict``, ``too_many``, ``bad_request``."""
    text: str


@dataclass(frozen=True, slots=True)
class PlaySound:
    """The server speaks to a leg: ``music``, ``ringback``, ``busy`` … (a sound's name)."""

    leg: LegId
    sound: str
    loop: bool


@dataclass(frozen=True, slots=True)
class StopSound:
    """End what the server plays to a leg."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Count:
    """Add one to a counter, for instance ``calls_ended`` by cause."""

    counter: str
    label: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Something a watcher wants to know; sent with the call's view as it is after all of this input's actions."""

    kind: str
    """``call.started``, ``call.ringing``, ``call.agent`` (another agent: re-check ceilings), ``call.answered``, ``call.held``,
    ``call.resumed``, ``call.transferring``, ``call.transferred``, ``call.transfer_failed``, ``call.merged``, ``call.private``,
    ``call.public``, ``call.ended``,
    ``supervisor.ringing``, ``supervisor.joined``, ``supervisor.mode``, ``supervisor.audibility``, ``supervisor.left``,
    ``supervisor.updated``."""
    leg: LegId | None = None
    detail: dict[str, str] = field(default_factory=dict)
    identity: str = field(default="", compare=False)
    """Of the supervisor whose leg it is about."""


SipLegAction = ProgressLeg | AcceptLeg | RejectLeg | EndLeg | ReofferLeg | RelayInfo
"""Said to a leg in SIP."""
MixLegAction = Admit | SetMode | SetMuted | SetVolumes | PlaySound | StopSound
"""Done to a leg in the mix."""
TransferAction = AcceptTransfer | RefuseTransfer | NotifyTransfer | MergeCalls | RefuseMerge | HandOver | AdoptLeg
"""About a transfer: its REFER, and legs that change their call."""
LegAction = SipLegAction | MixLegAction | ChooseFork | CloseLeg
"""About a leg that is open (or that called in)."""
Action = LegAction | TransferAction | OpenLeg | PlaceLeg | RefuseRequest | Count | Publish
