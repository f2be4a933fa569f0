"""Who follows whom: supervisors whose legs wait in lounges and go to each new call of an agent, of a team, or to some call by chance.

- A follow has one leg, rung or offered once. Between two calls it waits in its lounge, with the comfort tone.
- It joins in listen, in the turn in which the call is answered or comes to the agent by transfer; each time the one permission check is
  met anew, with the identity that the leg has then.
- Of an agent it leaves what he transfers away, or was dropped from unless the follower himself talks there in his stead; of a team it
  stays with the call. What it joined by chance it leaves after a while.
- A call that is full or private when it would be joined is joined as soon as it is not. Whom a call sends home although it was open
  by all that is known here, he rests a second before he is sent anywhere: nothing goes round at once.
- After so many calls, or when its leg is gone, it is over.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import structlog

from control_api.permissions import Identity, Refusal, check_mode
from control_api.ports import HouseEvent
from mediaserver.call import inputs
from mediaserver.call.actions import Publish
from mediaserver.call.inputs import LegId
from mediaserver.call.view import CallState
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.house import House
from mediaserver.signalling.timers import Timer
from mixer.modes import Mode, Role

_log = structlog.get_logger(__name__)

MOST_FOLLOWS: Final = 1000
MOST_A_PERSON: Final = 4
_REMEMBERED: Final = 100
"""Calls that are not joined again by chance."""
_NEWS: Final = frozenset({"call.answered", "call.transferred", "call.agent", "call.agent_left", "call.resumed"})
_OPENINGS: Final = frozenset({"call.public", "supervisor.left", "guest.left", "guest.failed"})
"""News of calls that take somebody in, perhaps, who found them closed."""
_FOR_NOW: Final = frozenset({"private", "full", "rests"})
"""Why somebody does not join a call that he will join when it is otherwise."""
_REST: Final = 1.0
"""Seconds."""
_TALKING: Final = (CallState.ANSWERED, CallState.HELD)

Picks = Literal["next", "random"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to follow."""

    agent: str = ""
    team: str = ""
    """One of both, or neither: everybody whom he may see."""
    picks: Picks = "next"
    calls: int | None = None
    """So many, and no more; None: until he leaves."""
    current: bool = True
    """The agent's present call counts too."""
    seconds: float = 60.0
    """How long a call that was picked by chance is listened to."""


@dataclass(slots=True)
class Follow:
    """Somebody who follows."""

    number: int
    identity: Identity
    wanted: Wanted
    lounge: CallEntry
    timer: Timer
    leg: LegId = 0
    call: str = ""
    """Where he is, or is going; empty: in the lounge, or his phone rings."""
    joined: int = 0
    is_home: bool = False
    """In the lounge, and answered."""
    is_in: bool = False
    """In that call, and no longer on the way there."""
    rests: bool = False
    """He was sent home by a call that ought to have taken him."""
    missed: set[str] = field(default_factory=set)
    """Live calls that he would be in, had they not been full or private."""
    heard: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))

    @property
    def left(self) -> int | None:
        """Calls that are still to come."""
        return None if self.wanted.calls is None else max(0, self.wanted.calls - self.joined)

    @property
    def state(self) -> str:
        """``ringing``, ``waiting`` or ``joined``."""
        return "joined" if self.call else "waiting" if self.is_home else "ringing"


class Follows:
    """All who follow."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard
        self._numbers = 0
        self._follows: dict[int, Follow] = {}
        self._of_leg: dict[LegId, Follow] = {}

    def __len__(self) -> int:
        return len(self._follows)

    def of(self, identity: Identity) -> Iterator[Follow]:
        """Those of one person."""
        return (follow for follow in self._follows.values() if _is_of(follow, identity))

    def get(self, number: int) -> Follow | None:
        """One of them."""
        return self._follows.get(number)

    def begin(self, identity: Identity, wanted: Wanted, lounge: CallEntry, enter: Callable[[], LegId]) -> Follow:
        """Open the lounge, and have the leg come there by ``enter``, which raises `Refusal` where it cannot."""
        self._numbers += 1
        number = self._numbers
        timer = self._house.new_timer(lambda: self._time_is_up(number))
        follow = Follow(number, identity, wanted, lounge, timer)
        self._switchboard.feed(lounge, inputs.LoungeOpened())
        try:
            follow.leg = enter()
        except Refusal:
            self._switchboard.feed(lounge, inputs.HangUpRequested(None, "refused"))
            raise
        self._follows[number] = self._of_leg[follow.leg] = follow
        view = next((view for view in lounge.view.legs if view.leg == follow.leg), None)
        _log.info("follow.began", follow=number, identity=identity.name, agent=wanted.agent, team=wanted.team, picks=wanted.picks)
        if view is not None and view.state in ("answered", "held"):
            self._home(follow)
        else:
            self._tell(follow, "follow.ringing")
        return follow

    def check_room(self, identity: Identity) -> None:
        """Raise `Refusal` where no more can follow."""
        if len(self._follows) >= MOST_FOLLOWS or sum(1 for _ in self.of(identity)) >= MOST_A_PERSON:
            raise Refusal("too_many", f"you follow {MOST_A_PERSON} already, or too many do", "end one by unfollow")

    def end(self, follow: Follow) -> None:
        """Who waits hangs up; who is in a call stays there to its end."""
        self._over(follow, "ended")
        self._close(follow)
        self._house.settle()

    def told(self, entry: CallEntry, told: Publish) -> None:
        """What calls and lounges say of themselves."""
        follow = self._of_leg.get(told.leg) if told.leg is not None else None
        if follow is not None:
            self._of_leg_told(follow, entry, told)
        if entry.is_lounge:
            return
        if told.kind in _NEWS:
            for one in list(self._follows.values()):
                self._news(one, entry)
        elif told.kind in _OPENINGS:
            for one in list(self._follows.values()):
                if entry.view.call in one.missed:
                    self._news(one, entry)
        elif told.kind == "call.ended":
            for one in self._follows.values():
                one.missed.discard(entry.view.call)

    # one leg

    def _of_leg_told(self, follow: Follow, entry: CallEntry, told: Publish) -> None:
        match told.kind:
            case "supervisor.joined" if entry is follow.lounge:
                self._home(follow)
            case "supervisor.joined":
                self._joined(follow, entry)
            case "supervisor.left" if told.detail.get("cause") in _FOR_NOW and self._is_alive(follow):
                follow.missed.add(entry.view.call)
            case "supervisor.left" if entry is follow.lounge or not self._is_alive(follow):
                self._over(follow, told.detail.get("cause", ""))
                self._close(follow)

    def _is_alive(self, follow: Follow) -> bool:
        return self._switchboard.calls.of_leg(follow.leg) is not None

    def _joined(self, follow: Follow, entry: CallEntry) -> None:
        call = entry.view.call
        follow.call, follow.is_home, follow.is_in = call, False, True
        follow.missed.discard(call)
        if call not in tuple(follow.heard)[-1:]:
            follow.joined += 1
            follow.heard.append(call)
        self._house.counters.add("follows_joined", follow.wanted.picks)
        if follow.wanted.picks == "random":
            follow.timer.set(self._house.clock() + follow.wanted.seconds)
        self._tell(follow, "follow.joined")

    def _home(self, follow: Follow) -> None:
        """He is in the lounge: tell him, and look whether he has to wait."""
        is_first, was_sent_away = follow.joined == 0, follow.call != "" and not follow.is_in
        call, follow.call, follow.is_home, follow.is_in = follow.call, "", True, False
        follow.timer.cancel()
        if follow.left == 0:
            self._over(follow, "done")
            self._close(follow)
            return
        self._tell(follow, "follow.waiting")
        wanted = follow.wanted
        if was_sent_away:
            _log.warning("follow.sent_away", follow=follow.number, call=call)
            follow.rests = True
            follow.timer.set(self._house.clock() + _REST)
        elif wanted.picks == "random" or (wanted.agent and (wanted.current or not is_first)):
            self._look(follow)

    def _look(self, follow: Follow) -> None:
        """Among the calls that stand is perhaps one for him."""
        last = follow.heard[-1] if follow.heard else ""
        fit = [entry for entry in self._switchboard.calls.conversations() if self._fits(follow, entry) and entry.view.call != last]
        fresh = [entry for entry in fit if entry.view.call not in follow.heard] if follow.wanted.picks == "random" else fit
        if fresh:
            chosen = int.from_bytes(self._house.entropy(4), "big") % len(fresh) if follow.wanted.picks == "random" else -1
            self._go(follow, fresh[chosen])

    # the calls

    def _news(self, follow: Follow, entry: CallEntry) -> None:
        if follow.call == entry.view.call:
            if follow.wanted.agent and not entry.view.is_of(follow.wanted.agent) and not _has_taken_over(follow, entry):
                self._switchboard.feed(entry, inputs.MoveRequested(follow.leg, follow.lounge.view.call))
        elif follow.is_home and self._fits(follow, entry):
            self._go(follow, entry)

    def _fits(self, follow: Follow, entry: CallEntry) -> bool:
        """Whether he is to go there, and may. What he may not enter only for now, he waits for."""
        if not _wants(follow, entry):
            return False
        why = self._why_not(follow, entry)
        if why in _FOR_NOW:
            follow.missed.add(entry.view.call)
        return not why

    def _why_not(self, follow: Follow, entry: CallEntry) -> str:
        found = self._switchboard.calls.of_leg(follow.leg)
        identity = found[1].identity if found is not None else None
        try:
            if identity is not None:
                check_mode(identity, entry.subject, Mode.LISTEN, Role.AGENT)
        except Refusal as refusal:
            if refusal.code != "not_found":
                self._house.counters.add("refusals", refusal.code)
            return refusal.code
        if identity is None:
            return "not_found"
        return "full" if self._switchboard.is_full(entry) else "rests" if follow.rests else ""

    def _go(self, follow: Follow, entry: CallEntry) -> None:
        try:
            self._house.recorder.follows(entry, follow.leg)
        except Refusal as refusal:
            _log.warning("follow.refused", follow=follow.number, call=entry.view.call, why=refusal.text)
            self._house.counters.add("refusals", refusal.code)
            return
        follow.call, follow.is_home = entry.view.call, False
        self._switchboard.feed(follow.lounge, inputs.MoveRequested(follow.leg, entry.view.call))

    def _time_is_up(self, number: int) -> None:
        """Enough was heard of a call that was picked by chance; or he has rested."""
        follow = self._follows.get(number)
        if follow is None:
            return
        entry = self._switchboard.calls.get(follow.call)
        if entry is not None:
            self._switchboard.feed(entry, inputs.MoveRequested(follow.leg, follow.lounge.view.call))
        elif follow.is_home:
            self._has_rested(follow)
        self._house.settle()

    def _has_rested(self, follow: Follow) -> None:
        """One of the calls that he missed is perhaps open now; who goes by chance looks at all there are."""
        follow.rests = False
        if follow.wanted.picks == "random":
            return self._look(follow)
        for call in sorted(follow.missed):
            entry = self._switchboard.calls.get(call)
            if follow.is_home and entry is not None:
                self._news(follow, entry)
        return None

    # its end

    def _over(self, follow: Follow, cause: str) -> None:
        if self._follows.pop(follow.number, None) is None:
            return
        self._of_leg.pop(follow.leg, None)
        follow.timer.cancel()
        at = {"call": follow.call} if follow.call else {}
        _log.info("follow.ended", **at, follow=follow.number, identity=follow.identity.name, cause=cause, calls=follow.joined)
        self._tell(follow, "follow.over", cause=cause)

    def _close(self, follow: Follow) -> None:
        """Nobody comes back to the lounge; who would, hangs up."""
        if follow.lounge.view.state is not CallState.ENDED:
            self._switchboard.feed(follow.lounge, inputs.HangUpRequested(None, "done"))

    def _tell(self, follow: Follow, kind: str, **detail: str) -> None:
        """Tell his own clients; nobody else learns of it."""

        def body() -> dict[str, Any]:
            return {"leg": follow.leg or None, "detail": model(follow) | detail}

        identity = follow.identity
        self._house.publisher.tell(HouseEvent(kind, identity.tenant, follow.call, "", "", body, identity.name))


def _wants(follow: Follow, entry: CallEntry) -> bool:
    """Whether this is a call for him, open to him now or not."""
    view, wanted = entry.view, follow.wanted
    if view.state not in _TALKING or view.tenant != follow.identity.tenant:
        return False
    if wanted.picks == "random" and view.call in follow.heard:
        return False
    if (wanted.agent or wanted.team) and view.agent_left:
        return False
    return wanted.agent in ("", view.agent) and wanted.team in ("", view.team)


def _has_taken_over(follow: Follow, entry: CallEntry) -> bool:
    return any(view.leg == follow.leg and view.has_taken_over for view in entry.view.legs)


def _is_of(follow: Follow, identity: Identity) -> bool:
    return (follow.identity.tenant, follow.identity.name) == (identity.tenant, identity.name)


def model(follow: Follow) -> dict[str, Any]:
    """As `control_api.supervision_models.FollowModel` has it."""
    wanted = follow.wanted
    return {
        "follow": follow.number,
        "leg": follow.leg,
        "state": follow.state,
        "call": follow.call,
        "agent": wanted.agent,
        "team": wanted.team,
        "pick": wanted.picks,
        "joined": follow.joined,
        "left": follow.left,
    }
