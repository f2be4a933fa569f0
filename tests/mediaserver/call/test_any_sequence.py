"""Whatever happens to a call in whatever order: no exception, no leg lost, none used after its end, nobody left waiting."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mediaserver.call import actions as do
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
    Progressed,
    Rejected,
    ReofferFailed,
    ReplacementArrived,
    Supervisor,
    SupervisorArrived,
    SupervisorCalled,
    TakeOverRequested,
    TalkHandedOver,
    Target,
    TransferRequested,
    VolumesRequested,
)
from mediaserver.call.legs import Leg, Part, SupervisorLeg
from mediaserver.call.limits import CallLimits
from mediaserver.call.machine import Call
from mediaserver.call.view import CallState, LegState
from mixer.modes import Mode, Role
from sip.negotiated import Direction, NegotiatedMedia
from tests.mediaserver.call.playbook import media

SIP = (do.PlaceLeg, do.ProgressLeg, do.AcceptLeg, do.RejectLeg, do.EndLeg, do.ReofferLeg, do.RelayInfo)
GONE = (LegEnded, Rejected)
"""Inputs that say that a leg is over already."""
REQUESTS = (ModeRequested, MuteRequested, VolumesRequested, TalkHandedOver, TakeOverRequested, GiveBackRequested)

MEDIA: st.SearchStrategy[NegotiatedMedia] = st.builds(media, st.sampled_from(Direction), address=st.sampled_from(["192.0.2.1", "0.0.0.0"]))
SECONDS = st.sampled_from([0.0, 0.4, 1.0, 5.0, 31.0, 61.0, 601.0, 20_000.0])
FORK = st.sampled_from(["a", "b"])
STATUS = st.sampled_from([180, 181, 183, 199])
FINAL = st.sampled_from([302, 401, 404, 408, 480, 486, 488, 500, 503, 600, 603])
CONTACTS = st.lists(
    st.sampled_from([Target("uri", "sip:a@h"), Target("uri", "sip:b@h"), Target("uri", "sip:c@h", agent="carl")]), max_size=3
).map(tuple)
TARGETS = st.lists(
    st.sampled_from(
        [Target("agent", "anna"), Target("agent", "ben", 5.0), Target("uri", "sip:x@h"), Target("trunk", "pbx/1", agent="carl")]
    ),
    max_size=4,
).map(tuple)
SUPERVISOR = st.builds(Supervisor, st.just("id"), st.just("name"), st.sampled_from(Mode), st.sampled_from([Role.AGENT, Role.CUSTOMER]))


class AnySequence(RuleBasedStateMachine):
    """A call, and a book of what was done to each of its legs."""

    def __init__(self) -> None:
        super().__init__()
        self.legs = 0
        self.requests = 0
        self.now = 0.0
        self.call = Call("c", tenant="t", trunk="k", limits=CallLimits(seats=4), allocate_leg=self.new_leg)
        self.opened: dict[LegId, Role] = {}
        self.placed: set[LegId] = set()
        self.chosen: set[LegId] = set()
        self.turned_away: set[LegId] = set()
        self.let_go: set[LegId] = set()
        self.closed: set[LegId] = set()
        self.offers_open: set[LegId] = set()
        self.modes: dict[LegId, Mode] = {}
        self.accepted_transfers: set[int] = set()
        self.ended_transfers: set[int] = set()
        self.was_answered = False
        self.was_taken = False
        self.admitted: set[LegId] = set()
        self.guests: set[LegId] = set()

    def new_leg(self) -> LegId:
        self.legs += 1
        return self.legs

    def any_leg(self, data: st.DataObject) -> LegId:
        """A live leg mostly, else one that ended or never was."""
        live = [leg.leg for leg in self.call.view().legs]
        is_stray = not live or data.draw(st.integers(0, 9), "stray") == 0
        return data.draw(st.integers(1, self.legs + 1), "leg") if is_stray else data.draw(st.sampled_from(live), "leg")

    # what happens

    @precondition(lambda self: self.call.view().state is CallState.ROUTING)
    @rule(rung=TARGETS, role=st.sampled_from([Role.CUSTOMER, Role.AGENT]), originates=st.booleans())
    def starts(self, rung: tuple[Target, ...], role: Role, originates: bool) -> None:
        if originates:
            self.happens(Originated(self.new_leg(), Target("agent", "dora"), "1", "2", rung))
        else:
            self.happens(Invited(self.new_leg(), "1", "2", rung, role=role, agent="dora" if role is Role.AGENT else None))

    @rule(data=st.data(), status=STATUS, fork=FORK, early=st.none() | MEDIA)
    def progressed(self, data: st.DataObject, status: int, fork: str, early: NegotiatedMedia | None) -> None:
        self.happens(Progressed(self.any_leg(data), status, fork, early))

    @rule(data=st.data(), fork=FORK, agreed=MEDIA, agent=st.sampled_from([None, "anna", "zoe"]))
    def accepted(self, data: st.DataObject, fork: str, agreed: NegotiatedMedia, agent: str | None) -> None:
        self.happens(Accepted(self.any_leg(data), fork, agreed, agent))

    @rule(data=st.data(), status=FINAL, contacts=CONTACTS, ours=st.booleans())
    def rejected(self, data: st.DataObject, status: int, contacts: tuple[Target, ...], ours: bool) -> None:
        self.happens(Rejected(self.any_leg(data), status, contacts, ours))

    @rule(data=st.data(), agreed=MEDIA)
    def media_agreed(self, data: st.DataObject, agreed: NegotiatedMedia) -> None:
        self.happens(MediaAgreed(self.any_leg(data), agreed))

    @rule(data=st.data(), seconds=st.none() | SECONDS)
    def media_started_or_missing(self, data: st.DataObject, seconds: float | None) -> None:
        leg = self.any_leg(data)
        self.happens(MediaStarted(leg) if seconds is None else MediaMissing(leg, seconds))

    @rule(data=st.data(), retry_in=st.sampled_from([None, 0.0, 2.0]))
    def reoffer_failed(self, data: st.DataObject, retry_in: float | None) -> None:
        self.happens(ReofferFailed(self.any_leg(data), retry_in))

    @rule(data=st.data(), cause=st.sampled_from(["bye", "cancelled", "no_ack", "timeout", "transport"]))
    def leg_ended(self, data: st.DataObject, cause: str) -> None:
        self.happens(LegEnded(self.any_leg(data), cause))

    @rule(supervisor=SUPERVISOR)
    def supervisor_arrived(self, supervisor: Supervisor) -> None:
        self.happens(SupervisorArrived(self.new_leg(), supervisor))

    @rule(supervisor=SUPERVISOR)
    def supervisor_called(self, supervisor: Supervisor) -> None:
        self.happens(SupervisorCalled(self.new_leg(), supervisor, Target("uri", "sip:s@h"), self.new_request()))

    @rule(data=st.data(), mode=st.sampled_from(Mode), toward=st.sampled_from(Role))
    def mode_requested(self, data: st.DataObject, mode: Mode, toward: Role) -> None:
        self.happens(ModeRequested(self.any_leg(data), mode, toward, self.new_request()))

    @rule(data=st.data(), muted=st.booleans())
    def mute_requested(self, data: st.DataObject, muted: bool) -> None:
        self.happens(MuteRequested(self.any_leg(data), muted, self.new_request()))

    @rule(data=st.data(), hears=st.none() | st.floats(), heard=st.none() | st.floats(0, 4))
    def volumes_requested(self, data: st.DataObject, hears: float | None, heard: float | None) -> None:
        self.happens(VolumesRequested(self.any_leg(data), hears, heard, self.new_request()))

    @rule(data=st.data(), drops=st.booleans())
    def take_over_requested(self, data: st.DataObject, drops: bool) -> None:
        self.happens(TakeOverRequested(self.any_leg(data), self.new_request(), drops))

    @rule(data=st.data())
    def give_back_requested(self, data: st.DataObject) -> None:
        self.happens(GiveBackRequested(self.any_leg(data), self.new_request()))

    @rule(data=st.data())
    def talk_handed_over(self, data: st.DataObject) -> None:
        self.happens(TalkHandedOver(self.any_leg(data), self.any_leg(data), self.new_request()))

    @rule(rung=TARGETS)
    def guest_invited(self, rung: tuple[Target, ...]) -> None:
        before = self.legs
        self.happens(GuestInvited(self.new_leg(), rung, "somebody", self.new_request()))
        self.guests |= set(range(before + 1, self.legs + 1))

    @rule(text=st.sampled_from([None, "", "a refund"]))
    def help_requested(self, text: str | None) -> None:
        self.happens(HelpRequested(text, "anna"))

    @rule(data=st.data(), into=st.sampled_from(["c", "home", "other"]))
    def move_requested(self, data: st.DataObject, into: str) -> None:
        self.happens(MoveRequested(self.any_leg(data), into))

    @rule()
    def lounge_opened(self) -> None:
        if self.call.view().state is not CallState.ROUTING:
            self.happens(LoungeOpened())

    @rule(data=st.data(), whole=st.integers(0, 9))
    def hang_up_requested(self, data: st.DataObject, whole: int) -> None:
        self.happens(HangUpRequested(None if whole == 0 else self.any_leg(data), "ended"))

    @rule(data=st.data())
    def info_relayed(self, data: st.DataObject) -> None:
        self.happens(InfoRelayed(self.any_leg(data), "application/dtmf", b"1"))

    @rule(data=st.data(), rung=TARGETS, attended=st.booleans())
    def transfer_requested(self, data: st.DataObject, rung: tuple[Target, ...], attended: bool) -> None:
        consultation = 999_999 if attended else None
        self.happens(TransferRequested(self.any_leg(data), self.new_request(), "2", () if attended else rung, consultation=consultation))

    @rule(data=st.data(), state=st.sampled_from([LegState.RINGING, LegState.EARLY, LegState.ANSWERED, LegState.HELD]), agreed=MEDIA)
    def leg_handed_over(self, data: st.DataObject, state: LegState, agreed: NegotiatedMedia) -> None:
        number, agent = self.new_leg(), data.draw(st.sampled_from(["", "carl"]), "agent")
        answered = state in (LegState.ANSWERED, LegState.HELD)
        if data.draw(st.booleans(), "supervises"):
            moved: Leg = SupervisorLeg(
                leg=number, part=Part.SUPERVISOR, role=Role.SUPERVISOR, party="s", identity="s", called_in=False,
                mode=Mode.BARGE, target=Role.AGENT, volume_hears=1.0, volume_heard=1.0,
                home=data.draw(st.sampled_from(["", "home"]), "home"),
                supervision=7,
            )  # fmt: skip
        else:
            moved = Leg(leg=number, part=Part.TARGET, role=Role.CUSTOMER, party="x", agent=agent)
        moved.state, moved.media = state, agreed if answered else None
        moved.ring_until = None if answered else self.now + 5.0
        self.opened[number] = moved.role
        self.placed.add(number)
        self.chosen |= {number} if answered else set()
        self.happens(LegHandedOver(number, moved, data.draw(st.booleans(), "covered")))

    @rule(data=st.data())
    def merge_requested(self, data: st.DataObject) -> None:
        self.happens(MergeRequested(self.any_leg(data), "other", self.new_request()))

    @rule()
    def metadata_learned(self) -> None:
        self.happens(MetadataLearned({"caller_name": "Ada"}))

    @rule()
    def merge_refused(self) -> None:
        self.happens(MergeRefused(self.requests, 481))

    @rule(data=st.data(), agent=st.sampled_from([None, "anna", "zoe"]), early=st.booleans())
    def replacement_arrived(self, data: st.DataObject, agent: str | None, early: bool) -> None:
        self.happens(ReplacementArrived(self.new_leg(), self.any_leg(data), "somebody", agent, is_early_only=early))

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        due = self.call.next_timer()
        did = self.call.handle_timer(self.now)
        assert did == [] or (due is not None and due <= self.now), "something was done before its time"
        self.write_down(did, None)
        after = self.call.next_timer()
        assert after is None or after > self.now, "a timer that fired is still due"

    # what must be true of what is done

    def new_request(self) -> int:
        self.requests += 1
        return self.requests

    def happens(self, happened: Input) -> None:
        of_supervisor = isinstance(happened, SupervisorArrived | SupervisorCalled) or (
            self.opened.get(getattr(happened, "leg", None) or 0) is Role.SUPERVISOR
        )
        self.was_answered = self.call.view().answered is not None
        did = self.call.handle(happened, self.now)
        if isinstance(happened, TransferRequested):
            taken = [isinstance(action, do.AcceptTransfer) for action in did if isinstance(action, do.AcceptTransfer | do.RefuseTransfer)]
            assert len(taken) == 1, "a REFER has one answer"
        if of_supervisor and not self.takes_over(happened):
            said = [action.leg for action in did if isinstance(action, (*SIP, do.CloseLeg))]
            assert not [leg for leg in said if self.opened.get(leg, Role.SUPERVISOR) is not Role.SUPERVISOR]
        if isinstance(happened, REQUESTS):
            answers = [action for action in did if getattr(action, "request", None) == happened.request]
            assert len(answers) == 1, "each request has one action that answers it"
        if isinstance(happened, SupervisorCalled):
            assert (do.OpenLeg(happened.leg, Role.SUPERVISOR) in did) != any(isinstance(a, do.RefuseRequest) for a in did)
        if isinstance(happened, MediaAgreed | ReofferFailed):
            self.offers_open.discard(happened.leg)
        self.write_down(did, happened)

    def takes_over(self, happened: Input) -> bool:
        """Whether it is about a call that is, or was just, taken over: that alone concerns the parties."""
        was, self.was_taken = self.was_taken, any(leg.has_taken_over for leg in self.call.view().legs)
        return was or self.was_taken or isinstance(happened, TakeOverRequested) or self.call.is_over

    def write_down(self, did: list[do.Action], happened: Input | None) -> None:
        for action in did:
            if isinstance(action, do.Publish | do.Count | do.RefuseRequest | do.RefuseMerge):
                continue
            may_be_gone = isinstance(action, do.RefuseTransfer | do.NotifyTransfer)
            assert may_be_gone or action.leg not in self.closed, f"{action} after the leg was closed"
            self.write_leg_down(action, happened)

    def write_leg_down(self, action: Any, happened: Input | None) -> None:
        leg = action.leg
        if self.begins_or_is_of_a_transfer(action, happened):
            return
        assert leg in self.opened, f"{action} for a leg that is not open"
        assert leg not in self.let_go or isinstance(action, do.CloseLeg | do.NotifyTransfer), f"{action} after the leg's SIP was over"
        match action:
            case do.PlaceLeg():
                assert leg not in self.placed
                self.placed.add(leg)
                assert action.like is None or action.like not in self.closed
            case do.AcceptLeg() | do.ProgressLeg():
                assert leg not in self.placed
            case do.ChooseFork():
                assert leg in self.placed
                self.chosen.add(leg)
            case do.Admit():
                assert leg not in self.placed or leg in self.chosen
                is_newcomer = action.admitted and leg not in self.admitted and self.opened[leg] is not Role.SUPERVISOR
                self.admitted.add(leg)
                if self.was_answered and is_newcomer and leg not in self.guests:
                    live = {view.leg for view in self.call.view().legs}
                    loud = [other for other, mode in self.modes.items() if other in live and mode is not Mode.LISTEN]
                    assert not loud, "a newcomer is let in while somebody whispers"
            case do.SetMode():
                self.modes[leg] = action.mode
            case do.HandOver():
                self.closed.add(leg)
            case do.ReofferLeg():
                assert self.opened[leg] is not Role.SUPERVISOR
                assert leg not in self.offers_open, "two offers at once"
                self.offers_open.add(leg)
            case do.EndLeg() | do.RejectLeg():
                self.let_go.add(leg)
            case do.CloseLeg():
                is_gone = isinstance(happened, GONE) and happened.leg == leg
                assert is_gone or leg in self.let_go, "closed without a word"
                self.closed.add(leg)

    def begins_or_is_of_a_transfer(self, action: Any, happened: Input | None) -> bool:
        """Whether that is all that there is to say of it."""
        leg = action.leg
        match action:
            case do.OpenLeg() | do.AdoptLeg():
                assert isinstance(happened, LegHandedOver) if isinstance(action, do.AdoptLeg) else leg not in self.opened
                self.opened[leg] = action.role
                return True
            case do.AcceptTransfer():
                self.accepted_transfers.add(action.transfer)
            case do.NotifyTransfer():
                assert action.transfer in self.accepted_transfers - self.ended_transfers
                if action.status >= 200:
                    self.ended_transfers.add(action.transfer)
            case do.RejectLeg() if leg not in self.opened:
                assert leg not in self.turned_away
                self.turned_away.add(leg)
                return True
        return isinstance(action, do.RefuseTransfer)

    @invariant()
    def live_legs_are_those_that_are_open(self) -> None:
        view = self.call.view()
        assert {leg.leg for leg in view.legs} == set(self.opened) - self.closed
        assert len(view.legs) <= 5, "the seats, and one who rings to take a place"
        talks = [leg.mode for leg in view.legs if leg.mode not in (None, Mode.LISTEN) and leg.state in (LegState.ANSWERED, LegState.HELD)]
        assert len(talks) == len(set(talks)), "one whispers, one barges"

    @invariant()
    def an_ended_call_has_nothing_left(self) -> None:
        if self.call.is_over:
            assert set(self.opened) == self.closed
            assert self.call.next_timer() is None
            assert self.call.view().cause != ""

    @invariant()
    def who_transfers_hears_the_end_of_it(self) -> None:
        open_ones = self.accepted_transfers - self.ended_transfers
        assert len(open_ones) <= (0 if self.call.is_over else 1)

    @invariant()
    def at_most_one_leg_is_the_agents(self) -> None:
        agents = [leg.state in (LegState.ANSWERED, LegState.HELD) for leg in self.call.view().legs if leg.role is Role.AGENT]
        assert agents.count(True) <= 1
        assert agents.count(False) <= 1, "one who rings to take his place"

    @invariant()
    def an_agent_stands_aside_for_nobody_but_who_barges_in_his_stead(self) -> None:
        legs = self.call.view().legs
        if any(leg.is_aside for leg in legs):
            assert [leg.mode for leg in legs if leg.has_taken_over] == [Mode.BARGE]

    @invariant()
    def a_live_call_that_rings_has_a_timer(self) -> None:
        if self.call.view().state is CallState.RINGING:
            assert self.call.next_timer() is not None


TestAnySequence = AnySequence.TestCase
SETTINGS = TestAnySequence.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
