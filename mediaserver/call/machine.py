"""The state machine of a call: inputs and the time in, actions out. No clock, no randomness, no I/O, no SIP messages.

One table says which rule handles which input, by the part a leg plays and the state it is in. What is not in the table is
absorbed and counted (``call_inputs_absorbed``): a late answer of a cancelled leg, a digit of somebody who left. A request
among these is refused, so nobody waits for ever.

After each input, and after each timer, what the state asks for is settled: offers, sounds, audibility. The owner carries
the actions out in order, hands in what arose from them afterwards, and re-arms one timer for `Call.next_timer`.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from mediaserver.call import (
    ending,
    helping,
    holding,
    hunting,
    inviting,
    lounging,
    merging,
    privacy,
    replacing,
    supervising,
    talking,
    transferring,
)
from mediaserver.call.actions import Action, RefuseMerge, RefuseRequest, RefuseTransfer
from mediaserver.call.conversation import Conversation
from mediaserver.call.inputs import (
    Accepted,
    GiveBackRequested,
    GuestInvited,
    HangUpRequested,
    HelpRequested,
    InfoRelayed,
    Input,
    Invited,
    LegEnded,
    LegHandedOver,
    LegId,
    ListenersNamed,
    LoungeOpened,
    MediaAgreed,
    MediaMissing,
    MediaStarted,
    MergeRefused,
    MergeRequested,
    MetadataLearned,
    ModeRequested,
    MoveRequested,
    MuteRequested,
    Originated,
    PrivacyMarked,
    Progressed,
    Rejected,
    ReofferFailed,
    ReplacementArrived,
    SupervisorArrived,
    SupervisorCalled,
    TakeOverRequested,
    TalkHandedOver,
    TransferRequested,
    VolumesRequested,
)
from mediaserver.call.legs import Leg, Part, SupervisorLeg
from mediaserver.call.limits import CallLimits
from mediaserver.call.view import CallState, CallView, LegState

Rule = Callable[[Conversation, Any, Any, float], None]
"""(conversation, leg, input, now); leg and input are of the types under which the table names the rule."""


def _of_no_concern(conversation: Conversation, leg: Leg, happened: Input, now: float) -> None:
    """Expected here, and it changes nothing."""


_RINGING: Final = (LegState.RINGING, LegState.EARLY)
_ANSWERED: Final = (LegState.ANSWERED, LegState.HELD)
_LIVE: Final = (*_RINGING, *_ANSWERED)


def _rules(part: Part, *rows: tuple[Iterable[LegState], type[Any], Rule]) -> dict[tuple[Part, LegState, type[Any]], Rule]:
    return {(part, state, kind): rule for states, kind, rule in rows for state in states}


_FAREWELLS: Final = (
    (_ANSWERED, LegEnded, transferring.party_ended),
    (_ANSWERED, HangUpRequested, transferring.party_hung_up),
    (_LIVE, TransferRequested, transferring.requested),
    (_LIVE, MergeRequested, merging.requested),
)
"""How any party's talk ends for it, by its own wish."""

RULES: Final[dict[tuple[Part, LegState, type[Any]], Rule]] = {
    **_rules(
        Part.CALLER,
        ((LegState.RINGING,), Rejected, ending.caller_has_no_room),
        (_LIVE, MediaAgreed, holding.party_media_agreed),
        (_LIVE, MediaStarted, holding.media_started),
        (_RINGING, MediaMissing, _of_no_concern),
        (_ANSWERED, MediaMissing, holding.party_media_missing),
        (_ANSWERED, ReofferFailed, holding.reoffer_failed),
        (_LIVE, InfoRelayed, holding.info_relayed),
        (_RINGING, LegEnded, ending.party_ended),
        (_RINGING, HangUpRequested, ending.party_hung_up),
        *_FAREWELLS,
    ),
    **_rules(
        Part.ORIGIN,
        (_RINGING, Progressed, hunting.origin_progressed),
        (_RINGING, Accepted, hunting.origin_accepted),
        (_RINGING, Rejected, ending.origin_refused),
        (_ANSWERED, MediaAgreed, holding.party_media_agreed),
        (_LIVE, MediaStarted, holding.media_started),
        (_RINGING, MediaMissing, _of_no_concern),
        (_ANSWERED, MediaMissing, holding.party_media_missing),
        (_ANSWERED, ReofferFailed, holding.reoffer_failed),
        (_ANSWERED, InfoRelayed, holding.info_relayed),
        (_RINGING, LegEnded, ending.party_ended),
        (_RINGING, HangUpRequested, ending.party_hung_up),
        *_FAREWELLS,
    ),
    **_rules(
        Part.TARGET,
        (_RINGING, Progressed, hunting.progressed),
        (_RINGING, Accepted, hunting.accepted),
        (_RINGING, Rejected, hunting.rejected),
        (_RINGING, LegEnded, hunting.target_lost),
        (_RINGING, HangUpRequested, hunting.target_hung_up),
        (_RINGING, MediaMissing, _of_no_concern),
        ((LegState.EARLY, *_ANSWERED), MediaAgreed, holding.party_media_agreed),
        (_LIVE, MediaStarted, holding.media_started),
        (_ANSWERED, MediaMissing, holding.party_media_missing),
        (_ANSWERED, ReofferFailed, holding.reoffer_failed),
        (_ANSWERED, InfoRelayed, holding.info_relayed),
        *_FAREWELLS,
    ),
    **_rules(
        Part.SUCCESSOR,
        (_RINGING, Progressed, transferring.progressed),
        (_RINGING, Accepted, transferring.accepted),
        (_RINGING, Rejected, transferring.rejected),
        (_RINGING, LegEnded, transferring.target_lost),
        (_RINGING, HangUpRequested, transferring.target_hung_up),
        (_RINGING, MediaAgreed, _of_no_concern),
        (_RINGING, MediaStarted, _of_no_concern),
        (_RINGING, MediaMissing, _of_no_concern),
        (_RINGING, TransferRequested, transferring.requested),
    ),
    **_rules(
        Part.GUEST,
        (_RINGING, Progressed, _of_no_concern),
        (_RINGING, Accepted, inviting.accepted),
        (_RINGING, Rejected, inviting.rejected),
        (_RINGING, LegEnded, inviting.lost),
        (_RINGING, MediaAgreed, _of_no_concern),
        (_RINGING, MediaMissing, _of_no_concern),
        (_ANSWERED, MediaAgreed, inviting.media_agreed),
        (_ANSWERED, MediaMissing, inviting.media_missing),
        (_ANSWERED, LegEnded, inviting.ended),
        (_LIVE, MediaStarted, _of_no_concern),
        (_LIVE, HangUpRequested, inviting.hung_up),
        (_LIVE, TransferRequested, transferring.requested),
    ),
    **_rules(
        Part.SUPERVISOR,
        (_RINGING, Progressed, _of_no_concern),
        (_RINGING, Accepted, supervising.accepted),
        (_RINGING, Rejected, supervising.rejected),
        (_ANSWERED, Rejected, supervising.has_no_room),
        (_ANSWERED, MediaAgreed, supervising.media_agreed),
        (_LIVE, MediaStarted, supervising.media_started),
        (_RINGING, MediaMissing, _of_no_concern),
        (_ANSWERED, MediaMissing, supervising.media_missing),
        (_LIVE, ModeRequested, supervising.mode_requested),
        (_LIVE, MuteRequested, supervising.mute_requested),
        (_LIVE, VolumesRequested, supervising.volumes_requested),
        (_LIVE, TransferRequested, transferring.requested),
        (_ANSWERED, MoveRequested, supervising.move_requested),
        (_ANSWERED, TalkHandedOver, talking.handed_over),
        (_ANSWERED, TakeOverRequested, talking.take_over_requested),
        (_ANSWERED, GiveBackRequested, talking.give_back_requested),
        (_LIVE, LegEnded, supervising.ended),
        (_LIVE, HangUpRequested, supervising.hung_up),
    ),
}


def _is_due(time: float | None, now: float) -> bool:
    return time is not None and time <= now


class Call:
    """One monitored conversation and everyone in it."""

    def __init__(self, call: str, *, tenant: str, trunk: str, limits: CallLimits, allocate_leg: Callable[[], LegId]) -> None:
        self._conversation = Conversation(call, tenant, trunk, limits, allocate_leg)

    @property
    def is_over(self) -> bool:
        """Whether every leg is closed for good, so that the owner may forget the call."""
        return self._conversation.is_over

    @property
    def seats_left(self) -> int:
        """How many supervisors it would still take."""
        return self._conversation.seats_left

    def view(self) -> CallView:
        """The call as a watcher sees it; legs that ended are not in it."""
        return self._conversation.view()

    def handle(self, happened: Input, now: float) -> list[Action]:
        """Take one input; return what is to be done, in order. Never raises, whatever comes when."""
        conversation = self._conversation
        match happened:
            case Invited() | Originated():
                self._start(happened, now)
            case SupervisorArrived() | SupervisorCalled():
                self._let_in(happened, now)
            case LegHandedOver():
                merging.handed_over(conversation, happened, now)
            case MergeRefused():
                merging.refused(conversation, happened, now)
            case LoungeOpened():
                lounging.opened(conversation, happened, now)
            case GuestInvited():
                inviting.invited(conversation, happened, now)
            case HelpRequested():
                helping.requested(conversation, happened)
            case ReplacementArrived():
                replacing.arrived(conversation, happened, now)
            case PrivacyMarked():
                privacy.marked(conversation, happened, now)
            case ListenersNamed():
                conversation.limits = replace(conversation.limits, names_supervisors=happened.are_named)
            case MetadataLearned():
                self._learn(happened)
            case HangUpRequested(leg=None):
                self._end(happened, now)
            case _:
                leg = None if happened.leg is None else conversation.find(happened.leg)
                rule = None if leg is None else RULES.get((leg.part, leg.state, type(happened)))
                if rule is None:
                    self._absorb(happened)
                else:
                    rule(conversation, leg, happened, now)
        return self._settle(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` is due, on the monotonic clock; None: nothing to wait for."""
        conversation = self._conversation
        if conversation.is_over:
            return None
        times = [
            conversation.ends_at,
            ending.hold_lasted_too_long(conversation),
            transferring.ends_at(conversation),
            ending.alone_until(conversation),
        ]
        for leg in conversation.legs():
            times += (leg.ring_until, leg.retry_at)
        return min((time for time in times if time is not None), default=None)

    def handle_timer(self, now: float) -> list[Action]:
        """Do what is due by now; harmless when nothing is."""
        conversation = self._conversation
        for due_at, cause in (
            (conversation.ends_at, ending.Cause.LONGEST_CALL),
            (ending.hold_lasted_too_long(conversation), ending.Cause.NO_RTP),
            (transferring.ends_at(conversation), ending.Cause.TRANSFER_FAILED),
            (ending.alone_until(conversation), ending.Cause.HANG_UP),
        ):
            if _is_due(due_at, now) and not conversation.is_over:
                ending.end_call(conversation, cause, now)
        for leg in conversation.legs():
            if conversation.find(leg.leg) is not leg:
                continue  # an earlier leg's time-out ended the call
            if _is_due(leg.retry_at, now):
                holding.retry(conversation, leg)
            if _is_due(leg.ring_until, now):
                self._ring_timeout(leg, now)
        return self._settle(now)

    def _ring_timeout(self, leg: Leg, now: float) -> None:
        if isinstance(leg, SupervisorLeg):
            supervising.rang_too_long(self._conversation, leg, now)
        elif leg.part is Part.GUEST:
            inviting.rang_too_long(self._conversation, leg, now)
        elif leg.part is Part.SUCCESSOR:
            transferring.rang_too_long(self._conversation, leg, now)
        else:
            hunting.rang_too_long(self._conversation, leg, now)

    def _start(self, happened: Invited | Originated, now: float) -> None:
        conversation = self._conversation
        if conversation.first is not None or conversation.state is not CallState.ROUTING:
            self._absorb(happened)
        elif isinstance(happened, Invited):
            hunting.invited(conversation, happened, now)
        else:
            hunting.originated(conversation, happened, now)

    def _let_in(self, happened: SupervisorArrived | SupervisorCalled, now: float) -> None:
        conversation = self._conversation
        if conversation.find(happened.leg) is not None:
            self._absorb(happened)
        elif isinstance(happened, SupervisorArrived):
            supervising.arrived(conversation, happened, now)
        else:
            supervising.called(conversation, happened, now)

    def _end(self, happened: HangUpRequested, now: float) -> None:
        conversation = self._conversation
        if conversation.is_over or (conversation.first is None and conversation.state is not CallState.LOUNGE):
            self._absorb(happened)
        else:
            ending.end_call(conversation, ending.Cause.REQUESTED, now, label=happened.cause)

    def _learn(self, happened: MetadataLearned) -> None:
        conversation = self._conversation
        if conversation.is_over or conversation.first is None:
            self._absorb(happened)
        elif new := {name: value for name, value in happened.metadata.items() if name not in conversation.metadata}:
            conversation.metadata |= new
            conversation.publish("call.updated")

    def _absorb(self, happened: Input) -> None:
        self._conversation.count("call_inputs_absorbed", type(happened).__name__)
        match happened:
            case ModeRequested() | MuteRequested() | VolumesRequested() | TalkHandedOver() | TakeOverRequested() | GiveBackRequested():
                self._conversation.do(RefuseRequest(happened.request, "not_found", "no such supervisor on this call"))
            case TransferRequested(leg=leg, transfer=transfer):
                self._conversation.do(RefuseTransfer(leg, transfer, transferring.DECLINED))
            case MergeRequested(leg=leg, into=into, transfer=transfer):
                self._conversation.do(RefuseMerge(leg, into, transfer, merging.NO_DIALOG))
            case SupervisorCalled(request=int(request)):
                self._conversation.do(RefuseRequest(request, "conflict", "this leg is on the call already"))
            case _:
                pass

    def _settle(self, now: float) -> list[Action]:
        ending.settle(self._conversation, now)
        holding.settle(self._conversation)
        supervising.settle(self._conversation)
        return self._conversation.take_actions()
