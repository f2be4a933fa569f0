"""Supervisors of a call: joining, modes, mute, volumes, who cannot hear them and why, leaving.

- A supervisor may join from the first 18x on, while a seat is free; two seats are kept for the parties.
- Nothing that a supervisor does, says or suffers makes an action for a party's leg.
- One supervisor whispers and one barges at a time (`mediaserver.call.talking`).
- A mode whose target cannot hear is accepted and reported as inaudible; it works by itself once the target can.
- Who falls silent while he speaks, listens: his talk is free. Who is lost may come back (`mediaserver.call.returning`).
- A supervisor whose phone puts us on hold falls to listen at once and stays there; until he is back nothing but listen is granted.
- Another agent on the call, or any other party in the place of one, means listen again, for every supervisor.
"""

from enum import StrEnum
from math import isfinite
from typing import Final

from mediaserver.call import helping, lounging, returning, talking
from mediaserver.call.actions import AcceptLeg, AdoptLeg, EndLeg, OpenLeg, PlaceLeg, RefuseRequest, RejectLeg, SetMode, SetMuted, SetVolumes
from mediaserver.call.conversation import Conversation
from mediaserver.call.ending import DEPARTURES, ENDINGS, GOODBYE, Cause, end_call, failure_of
from mediaserver.call.inputs import (
    Accepted,
    HangUpRequested,
    LegEnded,
    LegId,
    MediaAgreed,
    MediaMissing,
    MediaStarted,
    ModeRequested,
    MoveRequested,
    MuteRequested,
    Rejected,
    Supervisor,
    SupervisorArrived,
    SupervisorCalled,
    VolumesRequested,
)
from mediaserver.call.legs import Leg, Part, SupervisorLeg
from mediaserver.call.tables import Step
from mediaserver.call.view import CallState
from mixer.modes import WHISPER_TARGETS, Mode, Role

LOUDEST: Final = 4.0
"""Linear gain."""


class Inaudible(StrEnum):
    """Why a supervisor's target cannot hear him now."""

    NOT_SENDING = "supervisor_not_sending"
    TARGET_ABSENT = "target_absent"
    TARGET_ON_HOLD = "target_on_hold"


class Closed(StrEnum):
    """Why a call cannot be joined; the label of the counter ``supervisors_refused``."""

    NOT_RINGING = "not_ringing"
    OVER = "over"
    FULL = "full"
    PRIVATE = "private"


_MAY_NOT_STAY: Final = frozenset({Cause.CEILING, Cause.WITHDRAWN})
_CLOSED_STATUS: Final = {Closed.NOT_RINGING: 480, Closed.OVER: 404, Closed.FULL: 486, Closed.PRIVATE: 403}
_CLOSED_CODE: Final = {Closed.NOT_RINGING: "conflict", Closed.OVER: "not_found", Closed.FULL: "too_many", Closed.PRIVATE: "private"}
_CLOSED_TEXT: Final = {
    Closed.NOT_RINGING: "the call does not ring yet",
    Closed.OVER: "the call is over",
    Closed.FULL: "every seat of the call is taken",
    Closed.PRIVATE: "the agent has marked this call private",
}


_TALK_TAKEN: Final = 486


def _quotable(text: str) -> str:
    """For a quoted string in a header."""
    return text.replace("\\", "").replace('"', "")


def _closed(conversation: Conversation) -> Closed | None:
    if conversation.is_over:
        return Closed.OVER
    if not conversation.is_joinable:
        return Closed.NOT_RINGING
    if conversation.is_private:
        return Closed.PRIVATE
    return Closed.FULL if conversation.seats_left <= 0 else None


def arrived(conversation: Conversation, happened: SupervisorArrived, now: float) -> None:
    """A supervisor dialled in, or a browser asks in: let him in, or say why not."""
    _make_room(conversation, happened.supervisor, now)
    closed = _closed(conversation)
    if closed is not None:
        reason = f'SIP;cause={_CLOSED_STATUS[closed]};text="{_CLOSED_TEXT[closed]}"'
        if happened.request is not None:
            conversation.do(RefuseRequest(happened.request, _CLOSED_CODE[closed], _CLOSED_TEXT[closed]))
        conversation.do(RejectLeg(happened.leg, _CLOSED_STATUS[closed], reason))
        conversation.count("supervisors_refused", closed)
        return
    entry = returning.entry_of(conversation, happened.leg, happened.supervisor, now)
    if talk := talking.why_not(conversation, entry.supervisor.mode, None):
        if happened.request is not None:
            conversation.do(RefuseRequest(happened.request, "conflict", talk))
        conversation.do(RejectLeg(happened.leg, _TALK_TAKEN, f'SIP;cause={_TALK_TAKEN};text="{_quotable(talk)}"'))
        conversation.count("supervisors_refused", "talk_taken")
        return
    leg = _open(conversation, happened.leg, entry, called_in=True)
    conversation.do(AcceptLeg(leg.leg, like=_like(conversation)))
    _join(conversation, leg, now)


def called(conversation: Conversation, happened: SupervisorCalled, now: float) -> None:
    """A supervisor's phone is to be rung into the call."""
    _make_room(conversation, happened.supervisor, now)
    closed = _closed(conversation)
    if closed is not None:
        if happened.request is not None:
            conversation.do(RefuseRequest(happened.request, _CLOSED_CODE[closed], _CLOSED_TEXT[closed]))
        conversation.count("supervisors_refused", closed)
        return
    entry = returning.entry_of(conversation, happened.leg, happened.supervisor, now)
    if talk := talking.why_not(conversation, entry.supervisor.mode, None):
        if happened.request is not None:
            conversation.do(RefuseRequest(happened.request, "conflict", talk))
        conversation.count("supervisors_refused", "talk_taken")
        return
    leg = _open(conversation, happened.leg, entry, called_in=False)
    leg.ring_until = now + (happened.target.ring_timeout or conversation.limits.ring_timeout)
    conversation.do(PlaceLeg(leg.leg, happened.target, _like(conversation), auto_answer=True))
    conversation.publish("supervisor.ringing", leg)


def _make_room(conversation: Conversation, supervisor: Supervisor, now: float) -> None:
    """His own leg that fell silent is in the way of the new one."""
    for leg in tuple(conversation.supervisors.values()):
        if leg.identity == supervisor.identity and leg.is_silent:
            dismiss(conversation, leg, Cause.NO_RTP, now)


def _open(conversation: Conversation, number: LegId, entry: returning.Entry, *, called_in: bool) -> SupervisorLeg:
    supervisor = entry.supervisor
    leg = SupervisorLeg(
        leg=number,
        part=Part.SUPERVISOR,
        role=Role.SUPERVISOR,
        party=supervisor.name,
        identity=supervisor.identity,
        called_in=called_in,
        mode=supervisor.mode,
        target=supervisor.target,
        volume_hears=supervisor.hears,
        volume_heard=supervisor.heard,
        home=conversation.call if conversation.state is CallState.LOUNGE else "",
        supervision=entry.supervision,
        resumes=entry.resumes,
    )
    conversation.supervisors[number] = leg
    conversation.do(OpenLeg(number, Role.SUPERVISOR))
    return leg


def _like(conversation: Conversation) -> LegId | None:
    return None if conversation.first is None else conversation.first.leg


def _join(conversation: Conversation, leg: SupervisorLeg, now: float) -> None:
    """His phone is there: set his gains, then open the gate."""
    leg.move(Step.ANSWER)
    leg.ring_until = None
    leg.quiet_since = now
    _enter(conversation, leg)


def _enter(conversation: Conversation, leg: SupervisorLeg) -> None:
    conversation.do(
        SetMode(leg.leg, leg.mode, leg.target, None),
        SetVolumes(leg.leg, leg.volume_hears, leg.volume_heard, None),
    )
    conversation.admit(leg)
    before = {"resumes": str(leg.resumes)} if leg.resumes else {}
    leg.resumes = 0
    conversation.publish("supervisor.joined", leg, mode=leg.mode, target=leg.target, **before)
    helping.over(conversation, leg.party, leg)


def accepted(conversation: Conversation, leg: SupervisorLeg, happened: Accepted, now: float) -> None:
    """A supervisor's phone that we rang answers."""
    conversation.choose(leg, happened.fork, happened.media)
    _fall_to_listen_on_hold(conversation, leg)
    if talking.why_not(conversation, leg.mode, leg):
        conversation.count("talks_refused", leg.mode)
        _fall_to_listen(conversation, leg, "talk_taken")
    _join(conversation, leg, now)


def rejected(conversation: Conversation, leg: SupervisorLeg, happened: Rejected, now: float) -> None:
    """A supervisor's phone refuses."""
    _leave(conversation, leg, Cause.NO_RESOURCES if happened.is_ours else failure_of(happened.status), now)


def has_no_room(conversation: Conversation, leg: SupervisorLeg, happened: Rejected, now: float) -> None:
    """There was no port, row or seat for a supervisor who dialled in; he was not answered yet."""
    if leg.called_in:
        ending = ENDINGS[Cause.NO_RESOURCES]
        conversation.do(RejectLeg(leg.leg, ending.status, ending.reason))
        _leave(conversation, leg, Cause.NO_RESOURCES, now)
    else:
        dismiss(conversation, leg, Cause.NO_RESOURCES, now)


def ended(conversation: Conversation, leg: SupervisorLeg, happened: LegEnded, now: float) -> None:
    """A supervisor hung up, or his phone died."""
    cause = DEPARTURES.get(happened.cause, Cause.LOST)
    _leave(conversation, leg, cause, now, is_lost=cause is Cause.LOST or happened.cause == GOODBYE)


def hung_up(conversation: Conversation, leg: SupervisorLeg, happened: HangUpRequested, now: float) -> None:
    """A supervisor is to leave; where he may not stay, he is told why."""
    if happened.cause == Cause.CEILING and lounging.is_guest_here(conversation, leg):
        go(conversation, leg, leg.home, Cause.CEILING, now)
    else:
        dismiss(conversation, leg, Cause(happened.cause) if happened.cause in _MAY_NOT_STAY else Cause.REQUESTED, now)


def move_requested(conversation: Conversation, leg: SupervisorLeg, happened: MoveRequested, now: float) -> None:
    """He goes where the next call is that he follows, or home."""
    if happened.into == conversation.call:
        conversation.count("call_inputs_absorbed", type(happened).__name__)
    else:
        go(conversation, leg, happened.into, "followed", now)


def rang_too_long(conversation: Conversation, leg: SupervisorLeg, now: float) -> None:
    """A supervisor's phone was not answered."""
    dismiss(conversation, leg, Cause.NO_ANSWER, now)


def go(conversation: Conversation, leg: SupervisorLeg, into: str, cause: str, now: float) -> None:
    """Have a supervisor leave for another call, or for his lounge."""
    talking.release(conversation, leg, cause)
    lounging.move(conversation, leg, into, cause)


def dismiss(conversation: Conversation, leg: SupervisorLeg, cause: Cause, now: float) -> None:
    """Have a supervisor leave."""
    conversation.do(EndLeg(leg.leg, ENDINGS[cause].reason))
    _leave(conversation, leg, cause, now, is_lost=cause is Cause.NO_RTP)


def _leave(conversation: Conversation, leg: SupervisorLeg, cause: Cause, now: float, *, is_lost: bool = False) -> None:
    talking.release(conversation, leg, cause)
    if is_lost and leg.is_answered and conversation.state is not CallState.LOUNGE:
        returning.expect(conversation, leg, now)
    conversation.close(leg)
    conversation.count("supervisors_left", cause)
    conversation.publish("supervisor.left", leg, cause=cause)
    if conversation.state is CallState.LOUNGE:
        end_call(conversation, cause, now)


def media_agreed(conversation: Conversation, leg: SupervisorLeg, happened: MediaAgreed, now: float) -> None:
    """A supervisor's phone holds, resumes, or changes its media."""
    leg.agree(happened.media, now)
    _fall_to_listen_on_hold(conversation, leg)


def _fall_to_listen_on_hold(conversation: Conversation, leg: SupervisorLeg) -> None:
    """What a phone sends while it holds is music, and nobody on the call should hear it. Who talks for an agent has to be heard, too."""
    if not leg.hears or (leg.has_taken_over and not leg.sends):
        _fall_to_listen(conversation, leg, "hold")


def media_missing(conversation: Conversation, leg: SupervisorLeg, happened: MediaMissing, now: float) -> None:
    """A supervisor's phone sends nothing: it frees the talk soon, a dead one gives its seat back, a mute one has longer."""
    limits = conversation.limits
    quiet = min(happened.seconds, now - leg.quiet_since)
    leg.is_silent = returning.has_fallen_silent(leg, quiet)
    if leg.is_silent:
        _fall_to_listen(conversation, leg, "lost")
    if quiet >= (limits.no_rtp if leg.sends and leg.hears else limits.no_rtp_hold):
        dismiss(conversation, leg, Cause.NO_RTP, now)


def media_started(conversation: Conversation, leg: SupervisorLeg, happened: MediaStarted, now: float) -> None:
    """A supervisor's phone sends, or sends again; he goes on as he is."""
    leg.has_sent, leg.is_silent = True, False


def mode_requested(conversation: Conversation, leg: SupervisorLeg, happened: ModeRequested, now: float) -> None:
    """A permitted change of mode."""
    talk = talking.why_not(conversation, happened.mode, leg)
    if conversation.state is CallState.LOUNGE:
        lounging.refuse_mode(conversation, happened)
    elif happened.mode is Mode.WHISPER and happened.target not in WHISPER_TARGETS:
        conversation.do(RefuseRequest(happened.request, "bad_request", "a whisper is for the agent or the customer"))
    elif happened.mode is not Mode.LISTEN and not leg.hears:
        conversation.do(RefuseRequest(happened.request, "conflict", "the supervisor's phone is on hold; resume first"))
    elif talk:
        conversation.do(RefuseRequest(happened.request, "conflict", talk))
        conversation.count("talks_refused", happened.mode)
    else:
        talking.set_mode(conversation, leg, happened.mode, happened.target, happened.request, "request")


def _fall_to_listen(conversation: Conversation, leg: SupervisorLeg, cause: str) -> None:
    if leg.mode is not Mode.LISTEN:
        talking.set_mode(conversation, leg, Mode.LISTEN, leg.target, None, cause)


def mute_requested(conversation: Conversation, leg: SupervisorLeg, happened: MuteRequested, now: float) -> None:
    """Mute or unmute a supervisor."""
    leg.is_muted = happened.muted
    conversation.do(SetMuted(leg.leg, happened.muted, happened.request))
    conversation.publish("supervisor.updated", leg)


def volumes_requested(conversation: Conversation, leg: SupervisorLeg, happened: VolumesRequested, now: float) -> None:
    """Change how loud a supervisor hears and is heard."""
    hears = leg.volume_hears if happened.hears is None else happened.hears
    heard = leg.volume_heard if happened.heard is None else happened.heard
    if not all(isfinite(volume) and 0.0 <= volume <= LOUDEST for volume in (hears, heard)):
        conversation.do(RefuseRequest(happened.request, "bad_request", f"a volume is a gain from 0 to {LOUDEST}"))
        return
    leg.volume_hears, leg.volume_heard = hears, heard
    conversation.do(SetVolumes(leg.leg, hears, heard, happened.request))
    conversation.publish("supervisor.updated", leg)


def agent_becomes(conversation: Conversation, agent: str, team: str, party: str) -> None:
    """The call's agent is now this one (empty: none is known). Whoever supervises was let in for the one before: listen again.

    ``party`` is who came in his place, a known agent or not.
    """
    conversation.agent_left = False
    if (agent, team) == (conversation.agent, conversation.team):
        return
    conversation.agent, conversation.team = agent, team
    if conversation.is_private:
        conversation.is_private = False  # it was the other one's wish
        conversation.publish("call.public")
    if not conversation.supervisors:
        return
    listen_again(conversation, "agent")
    conversation.publish("call.agent", agent=agent, team=team, party=party)


def listen_again(conversation: Conversation, cause: str) -> None:
    """Another party is on the call: whatever a supervisor says waits until he sets his mode again."""
    for leg in conversation.supervisors.values():
        _fall_to_listen(conversation, leg, cause)


def handed_over(conversation: Conversation, leg: SupervisorLeg, now: float, *, is_covered: bool) -> None:
    """A supervisor of a consultation comes along: in listen, if his ceiling covers this call and a seat is free."""
    closed = _closed(conversation)
    conversation.supervisors[leg.leg] = leg
    leg.mode, leg.is_admitted, leg.inaudible, leg.is_muted, leg.has_taken_over = Mode.LISTEN, False, "", False, False
    if closed is not None or not is_covered:
        cause = (Cause.PRIVATE if closed is Closed.PRIVATE else Cause.FULL) if is_covered else Cause.CEILING
        if lounging.is_guest_here(conversation, leg):
            lounging.move(conversation, leg, leg.home, cause)
        else:
            dismiss(conversation, leg, cause, now)
        return
    conversation.do(AdoptLeg(leg.leg, Role.SUPERVISOR))
    if leg.is_ringing:
        conversation.publish("supervisor.ringing", leg)
    else:
        _enter(conversation, leg)


def settle(conversation: Conversation) -> None:
    """Tell every change of who cannot hear whom."""
    for leg in conversation.supervisors.values():
        reason = "" if leg.is_ringing else (why_inaudible(conversation, leg) or "")
        if reason != leg.inaudible:
            leg.inaudible = str(reason)
            conversation.publish("supervisor.audibility", leg, reason=leg.inaudible)


def why_inaudible(conversation: Conversation, leg: SupervisorLeg) -> Inaudible | None:
    """Why somebody for whom this supervisor speaks cannot hear him; None where all can, or he only listens."""
    if leg.mode is Mode.LISTEN:
        return None
    if not leg.sends:
        return Inaudible.NOT_SENDING
    targets = [party for party in conversation.parties() if _is_there(party) and (leg.mode is Mode.BARGE or party.role is leg.target)]
    if not targets:
        return Inaudible.TARGET_ABSENT
    return None if all(party.hears for party in targets) else Inaudible.TARGET_ON_HOLD


def _is_there(party: Leg) -> bool:
    """Whether somebody listens at a party's end: a target's early media is a phone that rings."""
    return party.is_admitted and (party.is_answered or party.part is Part.CALLER)
