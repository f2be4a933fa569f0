"""The session timer (RFC 4028): who keeps a session alive does so at half its interval; one that nobody keeps alive is ended.

- Each 2xx to an INVITE or UPDATE inside the session settles anew who refreshes, and starts the interval again (§7.2, §9).
- We refresh at half the interval (§7.4). A refusal other than 408 and 481 is tried again at half of what is left.
- Where the peer refreshes, we give up a third of the interval early, 32 s at most (§10).
- A peer without the extension is refreshed by us, since who is dead does not answer; whatever he answers shows that he lives.
- What is not in the table is absorbed.
"""

from enum import Enum, auto
from typing import Final, Protocol

from sip.errors import ParseError
from sip.message import Header, Request, Response
from sip.session.core import Core
from sip.session.expiry import Agreement, Refresher, agreed_by_client, agreed_by_server, least_header, min_se
from sip.timers import Timer

MOST_RAISES: Final = 3
"""422s that one session follows."""
_LONGEST_MARGIN: Final = 32.0
_SHORTEST_RETRY: Final = 0.5


class State(Enum):
    """Where the timer is."""

    OFF = auto()
    OURS = auto()
    """We refresh when half the interval is over."""
    OURS_ASKED = auto()
    """Our refresh is under way."""
    ALONE = auto()
    """We refresh a peer who knows nothing of it."""
    ALONE_ASKED = auto()
    THEIRS = auto()
    """They refresh."""
    EXPIRED = auto()


class Input(Enum):
    """What can happen to the timer."""

    WE = auto()
    THEY = auto()
    WE_ALONE = auto()
    NOBODY = auto()
    """A 2xx settled who refreshes."""
    DUE = auto()
    """It is time for a refresh."""
    EXPIRY = auto()
    """The interval is over."""
    REFUSED = auto()
    """Our refresh got a final answer that is no 2xx, and the dialog goes on."""


class Do(Enum):
    """What a transition does, in the order in which it stands in the table."""

    START_REFRESH = auto()
    START_RETRY = auto()
    START_EXPIRY = auto()
    REFRESH = auto()
    STOP = auto()
    END = auto()


_SETTLED: Final = {
    Input.WE: (State.OURS, (Do.START_REFRESH,)),
    Input.WE_ALONE: (State.ALONE, (Do.START_REFRESH,)),
    Input.THEY: (State.THEIRS, (Do.START_EXPIRY,)),
    Input.NOBODY: (State.OFF, (Do.STOP,)),
}

TABLE: Final = {(state, kind): after for state in State if state is not State.EXPIRED for kind, after in _SETTLED.items()} | {
    (State.OURS, Input.DUE): (State.OURS_ASKED, (Do.START_EXPIRY, Do.REFRESH)),
    (State.OURS, Input.EXPIRY): (State.EXPIRED, (Do.END,)),
    (State.OURS_ASKED, Input.REFUSED): (State.OURS, (Do.START_RETRY,)),
    (State.OURS_ASKED, Input.EXPIRY): (State.EXPIRED, (Do.END,)),
    (State.ALONE, Input.DUE): (State.ALONE_ASKED, (Do.REFRESH,)),
    (State.ALONE_ASKED, Input.REFUSED): (State.ALONE, (Do.START_REFRESH,)),
    (State.THEIRS, Input.EXPIRY): (State.EXPIRED, (Do.END,)),
}

_INPUTS: Final = {
    Refresher.WE: Input.WE,
    Refresher.THEY: Input.THEY,
    Refresher.WE_ALONE: Input.WE_ALONE,
    Refresher.NOBODY: Input.NOBODY,
}


class TimerUser(Protocol):
    """The session that is kept alive."""

    def refresh(self, now: float) -> None:
        """Send a session refresh request."""

    def expired(self, now: float) -> None:
        """Nobody refreshed it."""


class SessionTimer:
    """Of one session."""

    __slots__ = ("_core", "_expires_at", "_interval", "_least", "_raises", "_state", "_timer", "_user")

    def __init__(self, core: Core, user: TimerUser) -> None:
        self._core = core
        self._user = user
        self._state = State.OFF
        self._interval = core.settings.session_expires if core.settings.session_timers == "originate" else 0
        """What we ask for; 0: nothing."""
        self._least = core.settings.min_se
        self._raises = 0
        self._expires_at = 0.0
        self._timer: Timer | None = None

    def request_headers(self) -> list[Header]:
        """What an INVITE or UPDATE of ours says about it; in the first one the other side chooses who refreshes (§7.1)."""
        if not self._interval:
            return []
        refresher = {State.OFF: "", State.THEIRS: ";refresher=uas"}.get(self._state, ";refresher=uac")
        return [("Session-Expires", f"{self._interval}{refresher}"), *least_header(self._least, is_demanded=self._raises > 0)]

    def serve(self, request: Request, now: float) -> tuple[Header, ...]:
        """Headers of our 2xx to an INVITE or UPDATE; the interval begins."""
        try:
            agreement = agreed_by_server(self._core.settings, request)
        except ParseError:
            return ()
        self._settle(agreement, now)
        return agreement.headers

    def answered(self, response: Response, now: float) -> None:
        """A 2xx came to an INVITE or UPDATE of ours; the interval begins."""
        self._settle(agreed_by_client(self._core.settings, self._interval, response), now)

    def refused(self, now: float) -> None:
        """Another final answer came to one, and the dialog goes on."""
        self._step(Input.REFUSED, now)

    def raise_to(self, response: Response) -> bool:
        """A 422 came: ask for as much as it demands (§7.3). False where that makes no sense."""
        try:
            least = min_se(response)
        except ParseError:
            return False
        if not self._interval or self._raises >= MOST_RAISES or least <= self._interval:
            return False
        self._raises += 1
        self._least = max(self._least, least)
        self._interval = least
        return True

    def stop(self) -> None:
        """The session is over."""
        self._core.timers.stop(self._timer)

    def fired(self, name: str, now: float) -> None:
        """A refresh is due, or the interval is over."""
        self._step(Input[name], now)

    def _settle(self, agreement: Agreement, now: float) -> None:
        if agreement.refresher is not Refresher.NOBODY:
            self._interval = agreement.seconds
            self._expires_at = now + agreement.seconds
        self._step(_INPUTS[agreement.refresher], now)

    def _step(self, kind: Input, now: float) -> None:
        found = TABLE.get((self._state, kind))
        if found is None:
            return
        self._state, actions = found
        for action in actions:
            self._act(action, now)

    def _act(self, action: Do, now: float) -> None:
        match action:
            case Do.START_REFRESH:
                self._start(now + self._interval / 2, Input.DUE)
            case Do.START_RETRY:
                wait = max(_SHORTEST_RETRY, (self._expires_at - now) / 2)
                is_in_time = now + wait < self._expires_at
                self._start(min(now + wait, self._expires_at), Input.DUE if is_in_time else Input.EXPIRY)
            case Do.START_EXPIRY:
                margin = min(_LONGEST_MARGIN, self._interval / 3) if self._state is State.THEIRS else 0.0
                self._start(self._expires_at - margin, Input.EXPIRY)
            case Do.REFRESH:
                self._core.count("session_refresh_due")
                self._user.refresh(now)
            case Do.STOP:
                self.stop()
            case Do.END:
                self._core.count("session_expired")
                self._user.expired(now)

    def _start(self, at: float, kind: Input) -> None:
        self.stop()
        self._timer = self._core.timers.start(at, self, kind.name)
