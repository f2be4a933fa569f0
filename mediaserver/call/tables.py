"""The states of a call, of its legs and of what a leg is offered, as tables. Nothing else changes a state.

- A leg rings, may have early media, is answered, may put us on hold and resume, and ends once.
- A call is routed, rings from the first 18x of a target on, is answered, is held while any party holds it, and ends once.
- A leg's wish (the direction we want to be agreed, RFC 3264 §8.4) is offered one at a time: while an offer is open, a newer
  wish waits for its result; a 491 waits for its timer (RFC 3261 §14.1); a wish refused for good is not asked again, unless
  the other side comes back to it.

A missing entry is not a step: the state stays (`after` says so by None) and the caller does nothing.
"""

from enum import Enum, auto
from typing import Final

from mediaserver.call.view import CallState, LegState


class Step(Enum):
    """What moves a call or a leg."""

    RING = auto()
    GET_EARLY_MEDIA = auto()
    ANSWER = auto()
    HOLD = auto()
    RESUME = auto()
    END = auto()
    WAIT = auto()
    """No conversation begins here: supervisors wait."""


class Offer(Enum):
    """Where the offer of a leg's wish is."""

    SETTLED = auto()
    """Nothing is open; what was asked last holds."""
    OPEN = auto()
    """Our re-INVITE is on its way."""
    WAITING = auto()
    """It met the other side's (491); the timer runs."""
    REFUSED = auto()
    """The other side will not have it; asked again only when the wish changes, or when it offers something itself."""


class Turn(Enum):
    """What moves an offer."""

    ASK = auto()
    """The wish differs from what was asked last."""
    AGREED = auto()
    FULFILLED = auto()
    """The other side's own offer came to what we wish."""
    GLARE = auto()
    REFUSAL = auto()
    TIMER = auto()


LEG: Final = {
    (LegState.RINGING, Step.GET_EARLY_MEDIA): LegState.EARLY,
    (LegState.RINGING, Step.ANSWER): LegState.ANSWERED,
    (LegState.EARLY, Step.ANSWER): LegState.ANSWERED,
    (LegState.ANSWERED, Step.HOLD): LegState.HELD,
    (LegState.HELD, Step.RESUME): LegState.ANSWERED,
    (LegState.RINGING, Step.END): LegState.ENDED,
    (LegState.EARLY, Step.END): LegState.ENDED,
    (LegState.ANSWERED, Step.END): LegState.ENDED,
    (LegState.HELD, Step.END): LegState.ENDED,
}

CALL: Final = {
    (CallState.ROUTING, Step.RING): CallState.RINGING,
    (CallState.ROUTING, Step.ANSWER): CallState.ANSWERED,
    (CallState.RINGING, Step.ANSWER): CallState.ANSWERED,
    (CallState.ANSWERED, Step.HOLD): CallState.HELD,
    (CallState.HELD, Step.RESUME): CallState.ANSWERED,
    (CallState.ROUTING, Step.WAIT): CallState.LOUNGE,
    (CallState.ROUTING, Step.END): CallState.ENDED,
    (CallState.RINGING, Step.END): CallState.ENDED,
    (CallState.ANSWERED, Step.END): CallState.ENDED,
    (CallState.HELD, Step.END): CallState.ENDED,
    (CallState.LOUNGE, Step.END): CallState.ENDED,
}

OFFER: Final = {
    (Offer.SETTLED, Turn.ASK): Offer.OPEN,
    (Offer.REFUSED, Turn.ASK): Offer.OPEN,
    (Offer.OPEN, Turn.AGREED): Offer.SETTLED,
    (Offer.OPEN, Turn.FULFILLED): Offer.SETTLED,
    (Offer.WAITING, Turn.FULFILLED): Offer.SETTLED,
    (Offer.REFUSED, Turn.FULFILLED): Offer.SETTLED,
    (Offer.REFUSED, Turn.AGREED): Offer.WAITING,  # the other side is ready to talk about it again
    (Offer.OPEN, Turn.GLARE): Offer.WAITING,
    (Offer.SETTLED, Turn.GLARE): Offer.WAITING,  # an ACK's answer, taken for our offer's, came before the refusal
    (Offer.OPEN, Turn.REFUSAL): Offer.REFUSED,
    (Offer.WAITING, Turn.TIMER): Offer.OPEN,
}


def leg_after(state: LegState, step: Step) -> LegState | None:
    """The leg's next state, or None where the step does not exist."""
    return LEG.get((state, step))


def call_after(state: CallState, step: Step) -> CallState | None:
    """The call's next state, or None where the step does not exist."""
    return CALL.get((state, step))


def offer_after(state: Offer, turn: Turn) -> Offer | None:
    """The offer's next state, or None where the turn does not exist."""
    return OFFER.get((state, turn))
