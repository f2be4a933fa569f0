"""Two phones that hold and resume at random, through glares, late answers and offers in ACKs: in the end it is as they wish.

The phones are modelled after RFC 3264 §8.4 and RFC 3261 §14; the model stands for the SIP stack and answers what it must.
"""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from mediaserver.call.actions import Action, PlaySound, ReofferLeg, StopSound
from mediaserver.call.inputs import Input, LegId, MediaAgreed, ReofferFailed
from mediaserver.call.view import CallState
from sip.negotiated import Direction
from tests.mediaserver.call.playbook import AGENT, CUSTOMER, media, talking


@dataclass
class Phone:
    """One party's phone, and what our stack knows of it."""

    holds: bool = False
    sends_on_hold: bool = False
    ours: Direction = Direction.SENDRECV
    """What our stack says to it: the last that it was asked to."""
    offered: Direction | None = None
    """In our re-INVITE that it has not answered yet."""
    offered_in_200: Direction | None = None
    """In our 200 to its re-INVITE without an offer, whose ACK is on its way."""
    wants_to_offer: bool = False
    agreed: Direction = Direction.SENDRECV
    sound: str | None = None

    def answer(self, ours: Direction) -> Direction:
        """What it and we come to, as it sees it."""
        sends = (not self.holds or self.sends_on_hold) and ours.receives
        self.agreed = Direction.of(sends=sends, receives=not self.holds and ours.sends)
        return self.agreed


class HoldsSettle(RuleBasedStateMachine):
    """A conversation between two phones."""

    def __init__(self) -> None:
        super().__init__()
        self.play = talking()
        self.phones: dict[LegId, Phone] = {CUSTOMER: Phone(), AGENT: Phone()}

    def happens(self, happened: Input) -> None:
        self.does(self.play.call.handle(happened, self.play.now))

    def does(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case ReofferLeg(leg=leg, direction=direction):
                    self.reoffer(leg, self.phones[leg], direction)
                case PlaySound(leg=leg, sound=sound):
                    assert self.phones[leg].sound is None
                    self.phones[leg].sound = sound
                case StopSound(leg=leg):
                    assert self.phones[leg].sound is not None
                    self.phones[leg].sound = None
                case _:
                    pass

    def reoffer(self, leg: LegId, phone: Phone, direction: Direction) -> None:
        assert phone.offered is None, "two offers at once"
        phone.ours = direction
        if phone.offered_in_200 is None:
            phone.offered = direction
        else:
            self.happens(ReofferFailed(leg, retry_in=0.5))

    @rule(leg=st.sampled_from([CUSTOMER, AGENT]), sends_on_hold=st.booleans())
    def presses_hold(self, leg: LegId, sends_on_hold: bool) -> None:
        phone = self.phones[leg]
        phone.holds, phone.sends_on_hold = not phone.holds, sends_on_hold
        phone.wants_to_offer = True

    @rule(leg=st.sampled_from([CUSTOMER, AGENT]), is_late=st.booleans())
    def offers(self, leg: LegId, is_late: bool) -> None:
        """The phone's re-INVITE, with its wish or (late) asking for ours."""
        phone = self.phones[leg]
        if phone.offered_in_200 is not None:
            return
        if phone.offered is not None:
            phone.offered = None  # both get 491, both try again
            self.happens(ReofferFailed(leg, retry_in=2.1))
            return
        phone.wants_to_offer = False
        if is_late:
            phone.offered_in_200 = phone.ours
        else:
            self.happens(MediaAgreed(leg, media(phone.answer(phone.ours))))

    @rule(leg=st.sampled_from([CUSTOMER, AGENT]))
    def answers(self, leg: LegId) -> None:
        """The phone's answer to whatever we offered: in its 200, or in its ACK."""
        phone = self.phones[leg]
        ours = phone.offered or phone.offered_in_200
        if ours is not None:
            phone.offered = phone.offered_in_200 = None
            # To hold back what we did not ask for anyway says nothing: who holds offers that himself.
            phone.wants_to_offer = phone.wants_to_offer and phone.holds and not ours.receives
            self.happens(MediaAgreed(leg, media(phone.answer(ours))))

    @rule(seconds=st.sampled_from([0.3, 1.0, 3.0]))
    def time_passes(self, seconds: float) -> None:
        self.play.now += seconds
        self.does(self.play.call.handle_timer(self.play.now))

    def teardown(self) -> None:
        """Let everything come to its end; then nobody is left on hold, or off it, against his wish."""
        for _ in range(8):
            for leg, phone in self.phones.items():
                self.answers(leg)
                if phone.wants_to_offer:
                    self.offers(leg, is_late=False)
            self.time_passes(3.0)
        for leg, phone in self.phones.items():
            other = self.phones[AGENT if leg == CUSTOMER else CUSTOMER]
            assert (phone.offered, phone.offered_in_200, phone.wants_to_offer) == (None, None, False)
            assert phone.agreed.receives is not phone.holds
            assert phone.agreed.sends is (not other.holds and (not phone.holds or phone.sends_on_hold))
            needs_music = other.holds and not other.agreed.sends and not phone.holds
            assert phone.sound == ("music" if needs_music else None)
        holds = any(phone.holds for phone in self.phones.values())
        assert self.play.call.view().state is (CallState.HELD if holds else CallState.ANSWERED)


TestHoldsSettle = HoldsSettle.TestCase
TestHoldsSettle.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
