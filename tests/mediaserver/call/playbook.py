"""A playbook: a test reads as what happens to a call and what the call does about it, line by line.

``play.on(input).does(action, …)`` hands an input in and says what comes of it, in order and complete; what was done and
never said fails the next line. `Publish` is told apart by its kind and leg alone, and left out (with counters) where ``quietly`` is set.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mediaserver.call.actions import Action, Count, Publish
from mediaserver.call.inputs import Accepted, Input, Invited, LegId, MediaAgreed, Progressed, Supervisor, SupervisorArrived, Target
from mediaserver.call.limits import CallLimits
from mediaserver.call.machine import Call
from mediaserver.call.view import LegView
from mixer.modes import Mode, Role
from sip.negotiated import PCMA, PCMU, Codec, Direction, NegotiatedMedia

CUSTOMER: LegId = 1
AGENT: LegId = 101
"""The first leg that a call allocates."""
NEXT: LegId = 102
LAST: LegId = 103
SUE: LegId = 50
TOM: LegId = 51

ANNA = Target("agent", "anna", team="sales")
BEN = Target("agent", "ben", team="sales")
HOTEL = Target("uri", "sip:desk@hotel.example")

MEDIA = NegotiatedMedia("192.0.2.1", 4000, PCMU, 0, 0, 20, 101, 101, Direction.SENDRECV)
A_LAW = replace(MEDIA, codec=PCMA, receive_payload_type=8, send_payload_type=8)


def media(direction: Direction = Direction.SENDRECV, *, codec: Codec = PCMU, address: str = "192.0.2.1") -> NegotiatedMedia:
    """An agreement with this direction, as the remote sees it."""
    return replace(MEDIA, direction=direction, codec=codec, address=address)


def invited(*targets: Target, **facts: Any) -> Invited:
    """A customer's call for these targets."""
    return Invited(CUSTOMER, "0301234", "1000", targets or (ANNA,), **facts)


def ringing(leg: LegId = AGENT, status: int = 180, fork: str = "a", early: NegotiatedMedia | None = None) -> Progressed:
    """A rung leg says 18x."""
    return Progressed(leg, status, fork, early)


def answered(leg: LegId = AGENT, fork: str = "a", agreed: NegotiatedMedia = MEDIA) -> Accepted:
    """A rung leg says 200."""
    return Accepted(leg, fork, agreed)


def agrees(leg: LegId, direction: Direction) -> MediaAgreed:
    """A leg's offer and answer end in this direction, as it sees it."""
    return MediaAgreed(leg, media(direction))


def arrives(leg: LegId = SUE, mode: Mode = Mode.LISTEN, target: Role = Role.AGENT, **facts: Any) -> SupervisorArrived:
    """A supervisor dials in."""
    return SupervisorArrived(leg, Supervisor(f"id-{leg}", f"name-{leg}", mode, target, **facts))


def published(kind: str, leg: LegId | None = None) -> Publish:
    """What watchers are told; its detail is not compared."""
    return Publish(kind, leg)


class Playbook:
    """One call, a clock, and what was done and not yet said."""

    def __init__(self, *, quietly: bool = False, **limits: Any) -> None:
        legs: Iterator[LegId] = iter(range(AGENT, AGENT + 1000))
        self.call = Call("c1", tenant="default", trunk="pbx", limits=CallLimits(**limits), allocate_leg=lambda: next(legs))
        self.now = 1000.0
        self.last: list[Action] = []
        self.quietly = quietly
        self._unsaid: list[Action] = []

    def on(self, happened: Input) -> "Playbook":
        """This happens now. Everything done before must have been said."""
        assert self._unsaid == [], f"done and not said, before {happened}"
        self._did(self.call.handle(happened, self.now))
        return self

    def does(self, *expected: Action) -> "Playbook":
        """The call did exactly this."""
        assert self._unsaid == [_plain(action) for action in expected]
        self._unsaid = []
        return self

    def after(self, seconds: float) -> "Playbook":
        """Time goes by; the timer fires as often as it is due, on its time."""
        assert self._unsaid == [], "done and not said, before time went by"
        end = self.now + seconds
        did: list[Action] = []
        while (due := self.call.next_timer()) is not None and due <= end:
            self.now = due
            did += self.call.handle_timer(due)
        self.now = end
        self._did(did)
        return self

    def whatever(self, *happened: Input) -> "Playbook":
        """These happen, and what is done about them is another test's matter."""
        for one in happened:
            self.last = self.call.handle(one, self.now)
        self._unsaid = []
        return self

    def did(self, kind: type[Any]) -> list[Any]:
        """Of what was done last, the actions of one kind."""
        return [action for action in self.last if isinstance(action, kind)]

    def leg(self, leg: LegId) -> LegView:
        """A live leg as a watcher sees it."""
        return next(view for view in self.call.view().legs if view.leg == leg)

    def detail(self, kind: str) -> dict[str, str]:
        """The detail of what was published last under this kind."""
        return next(action.detail for action in reversed(self.last) if isinstance(action, Publish) and action.kind == kind)

    def _did(self, actions: list[Action]) -> None:
        self.last = actions
        self._unsaid = [_plain(action) for action in actions if not (self.quietly and isinstance(action, Publish | Count))]


def _plain(action: Action) -> Action:
    return replace(action, detail={}) if isinstance(action, Publish) else action


def talking(*, quietly: bool = True, **limits: Any) -> Playbook:
    """A customer and agent anna in conversation."""
    play = Playbook(quietly=quietly, **limits)
    return play.whatever(invited(), ringing(), answered(), MediaAgreed(CUSTOMER, MEDIA))


def supervised(mode: Mode = Mode.LISTEN, **limits: Any) -> Playbook:
    """The same with supervisor Sue."""
    return talking(**limits).whatever(arrives(mode=mode), MediaAgreed(SUE, MEDIA))
