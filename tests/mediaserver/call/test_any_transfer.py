"""The same from an answered call on in which somebody whispers, with transfers that get somewhere."""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from mediaserver.call.inputs import (
    Accepted,
    Invited,
    LegId,
    ModeRequested,
    Supervisor,
    SupervisorArrived,
    Target,
    TransferRequested,
)
from mediaserver.call.view import LegState
from mixer.modes import Mode, Role
from sip.negotiated import NegotiatedMedia
from tests.mediaserver.call.playbook import media
from tests.mediaserver.call.test_any_sequence import MEDIA, SETTINGS, TARGETS, AnySequence


class AnyTransfer(AnySequence):
    """The same, from an answered call on in which somebody whispers, with transfers that get somewhere."""

    @initialize()
    def whispers(self) -> None:
        self.happens(Invited(self.new_leg(), "1", "2", (Target("agent", "anna", agent="anna"),)))
        self.happens(Accepted(2, "a", media()))
        self.happens(SupervisorArrived(self.new_leg(), Supervisor("id", "name", Mode.WHISPER, Role.AGENT)))

    def agents_leg(self, data: st.DataObject) -> LegId:
        """Who may transfer, where he is there."""
        return next((leg.leg for leg in self.call.view().legs if leg.role is Role.AGENT), 0) or self.any_leg(data)

    def one_that_rings(self, data: st.DataObject) -> LegId:
        """Who is rung, where somebody is."""
        ringing = (LegState.RINGING, LegState.EARLY)
        return next((leg.leg for leg in self.call.view().legs if leg.state in ringing), 0) or self.any_leg(data)

    @rule(data=st.data(), rung=TARGETS)
    def the_agent_transfers(self, data: st.DataObject, rung: tuple[Target, ...]) -> None:
        self.happens(TransferRequested(self.agents_leg(data), self.new_request(), "2", rung))

    @rule(data=st.data(), state=st.sampled_from([LegState.RINGING, LegState.ANSWERED, LegState.HELD]), agreed=MEDIA)
    def the_agent_joins_his_consultation(self, data: st.DataObject, state: LegState, agreed: NegotiatedMedia) -> None:
        self.happens(TransferRequested(self.agents_leg(data), self.new_request(), "2", consultation=999_999))
        self.leg_handed_over(data, state, agreed)

    @rule(data=st.data(), agreed=MEDIA, agent=st.sampled_from([None, "zoe"]))
    def who_rings_answers(self, data: st.DataObject, agreed: NegotiatedMedia, agent: str | None) -> None:
        self.happens(Accepted(self.one_that_rings(data), "a", agreed, agent))

    @rule(data=st.data(), mode=st.sampled_from(Mode))
    def a_supervisor_speaks(self, data: st.DataObject, mode: Mode) -> None:
        supervisors = [leg.leg for leg in self.call.view().legs if leg.role is Role.SUPERVISOR]
        if supervisors:
            self.happens(ModeRequested(supervisors[0], mode, Role.AGENT, self.new_request()))


TestAnyTransfer = AnyTransfer.TestCase
TestAnyTransfer.settings = SETTINGS
