"""What client and server transactions share: the table, the timers, and the clock values of RFC 3261 §17.1.1.1."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sip.timers import Timer
from sip.transaction.states import Do, Input, State, Table
from sip.transport.flow import Flow

if TYPE_CHECKING:
    from sip.transaction.layer import Transactions

_NAMES: Final = {kind: kind.name for kind in Input}
_IN_HAND: Final = (State.CALLING, State.TRYING, State.PROCEEDING)


@dataclass(frozen=True, slots=True)
class Intervals:
    """The times of RFC 3261 table 4, in seconds; T2 and T4 keep the RFC's ratio to T1."""

    t1: float = 0.5

    @property
    def t2(self) -> float:
        """The longest interval between retransmissions."""
        return 8 * self.t1

    @property
    def t4(self) -> float:
        """How long a message stays in the network."""
        return 10 * self.t1

    @property
    def give_up(self) -> float:
        """64 T1: timers B, F, H, and the waits of J, L, M."""
        return 64 * self.t1


class Machine:
    """A transaction: state, table, timers. What `Do` means is the subclass's."""

    __slots__ = ("_interval", "_timers", "flow", "layer", "state", "table")

    def __init__(self, layer: "Transactions", table: Table, state: State, flow: Flow) -> None:
        self.layer = layer
        self.table = table
        self.state = state
        self.flow = flow
        self._timers: dict[Input, Timer] = {}
        self._interval = layer.intervals.t1
        layer.in_hand += 1

    @property
    def is_answered(self) -> bool:
        """Whether there is a final response, or there will be none."""
        return self.state not in _IN_HAND

    def fired(self, name: str, now: float) -> None:
        """A timer is due."""
        kind = Input[name]
        self._timers.pop(kind, None)
        self.step(kind, now)

    def step(self, kind: Input, now: float) -> bool:
        """Take one input; False where the table has nothing for it in this state."""
        found = self.table.get((self.state, kind))
        if found is None:
            return False
        was_answered = self.is_answered
        self.state, actions = found
        if self.is_answered and not was_answered:
            self.layer.in_hand -= 1
        for action in actions:
            self.act(action, kind, now)
        if self.state is State.TERMINATED:
            self.over(now)
        return True

    def act(self, action: Do, kind: Input, now: float) -> None:
        """Do one thing of a transition."""
        raise NotImplementedError

    def over(self, now: float) -> None:
        """The state is TERMINATED."""
        raise NotImplementedError

    def start(self, timer: Input, delay: float, now: float) -> None:
        """Start one of the timers anew."""
        timers = self.layer.timers
        timers.stop(self._timers.get(timer))
        self._timers[timer] = timers.start(now + delay, self, _NAMES[timer])

    def start_unless_reliable(self, timer: Input, delay: float, now: float) -> None:
        """Start a timer that takes no time on a reliable transport: there it fires at once."""
        if self.flow.is_reliable:
            self.step(timer, now)
        else:
            self.start(timer, delay, now)

    def retransmit_later(self, timer: Input, longest: float, now: float) -> None:
        """Double the interval up to ``longest`` and start the retransmission timer with it."""
        self._interval = min(self._interval * 2, longest)
        self.start(timer, self._interval, now)

    def stop_timers(self) -> None:
        """Stop every timer."""
        for timer in self._timers.values():
            self.layer.timers.stop(timer)
        self._timers.clear()
