"""Hold and resume, as wishes: what each leg should be offered and hear follows from what the other one takes and sends.

After every input `settle` compares the wish with what was said last, so that a hold is neither lost nor said twice, however
holds, resumes and glares interleave. A remote that takes no media holds, unless it only answers a hold of ours so; then

- the other side is offered ``sendonly`` (it only listens), and ``sendrecv`` again after the resume;
- the other side gets music where the holder sends nothing: it said ``inactive``, or it said ``sendonly`` and nothing comes;
- amid a transfer it hears the new target ring instead.

The agent of a call that was taken over is out of all this: his holds are his own, and the other party is in conversation all the same.

A 491 is tried again after its timer with the wish as it then is (RFC 3261 §14.1); a wish that is refused is left alone
until it changes or the leg offers something itself, and the call goes on.
"""

from typing import Final

from mediaserver.call.actions import PlaySound, RelayInfo, ReofferLeg, StopSound
from mediaserver.call.conversation import Conversation
from mediaserver.call.ending import Cause, end_call
from mediaserver.call.inputs import InfoRelayed, MediaAgreed, MediaMissing, MediaStarted, ReofferFailed
from mediaserver.call.legs import Leg, Part
from mediaserver.call.tables import Offer, Step, Turn
from mediaserver.call.view import CallState, LegState
from sip.negotiated import Direction

MUSIC: Final = "music"
RINGBACK: Final = "ringback"
BUSY: Final = "busy"
COMFORT: Final = "comfort"

MOST_GLARES: Final = 8
"""491s in a row before a wish counts as refused."""

SILENT_AFTER: Final = 0.5
"""Seconds without RTP until a holder who said ``sendonly`` counts as one who sends nothing."""


def connect(conversation: Conversation, now: float) -> None:
    """The parties were just answered; one may have answered on hold."""
    conversation.quiet_since = now
    for party in conversation.parties():
        _review(conversation, party, now)


def reconnect(conversation: Conversation, now: float) -> None:
    """A party's place is another's, or empty: whoever held from there holds no more."""
    connect(conversation, now)
    is_held = _is_held(conversation)
    if conversation.move(Step.HOLD if is_held else Step.RESUME):
        conversation.publish("call.held" if is_held else "call.resumed")


def _is_held(conversation: Conversation) -> bool:
    return any(party.state is LegState.HELD for party in conversation.parties() if not party.is_aside)


def party_media_agreed(conversation: Conversation, leg: Leg, happened: MediaAgreed, now: float) -> None:
    """A party's offer and answer came to a result."""
    leg.agree(happened.media, now)
    leg.turn(Turn.FULFILLED if _is_fulfilled(conversation, leg) else Turn.AGREED)
    if leg.offer is Offer.SETTLED:
        leg.glares = 0
    elif leg.offer is Offer.WAITING and leg.retry_at is None:
        leg.retry_at = now
    if conversation.is_answered:
        _review(conversation, leg, now)


def _is_fulfilled(conversation: Conversation, leg: Leg) -> bool:
    """Whether the remote does what we wish of it: it sends exactly where somebody takes what it sends."""
    return leg.asked is _wish(conversation, leg) and leg.sends is leg.asked.receives


def _review(conversation: Conversation, leg: Leg, now: float) -> None:
    """Take the step to hold or from it, if this leg's media says so."""
    if not leg.move(Step.HOLD if leg.holds else Step.RESUME) or leg.is_aside:
        return
    conversation.quiet_since = now
    conversation.move(Step.HOLD if _is_held(conversation) else Step.RESUME)
    conversation.publish("call.held" if leg.state is LegState.HELD else "call.resumed", leg)


def media_started(conversation: Conversation, leg: Leg, happened: MediaStarted, now: float) -> None:
    """RTP comes from a leg, for the first time or again."""
    leg.is_silent = False


def party_media_missing(conversation: Conversation, leg: Leg, happened: MediaMissing, now: float) -> None:
    """A party sends nothing: music for whom it holds, and after long enough the end of the call."""
    seconds = min(happened.seconds, now - max(conversation.quiet_since, leg.quiet_since))
    leg.is_silent = seconds >= SILENT_AFTER
    limits = conversation.limits
    if seconds >= (limits.no_rtp_hold if conversation.state is CallState.HELD else limits.no_rtp):
        end_call(conversation, Cause.NO_RTP, now)


def reoffer_failed(conversation: Conversation, leg: Leg, happened: ReofferFailed, now: float) -> None:
    """Our re-INVITE did not come to a result."""
    leg.glares += 1
    if happened.retry_in is None or leg.glares > MOST_GLARES:
        leg.turn(Turn.REFUSAL)
        leg.glares = 0
        conversation.count("reoffers_refused", leg.part)
    elif leg.turn(Turn.GLARE):
        leg.retry_at = now + max(0.0, happened.retry_in)


def retry(conversation: Conversation, leg: Leg) -> None:
    """The time after a 491 is over: ask for what is wished now."""
    if leg.turn(Turn.TIMER):
        leg.asked = _wish(conversation, leg)
        conversation.do(ReofferLeg(leg.leg, leg.asked))


def info_relayed(conversation: Conversation, leg: Leg, happened: InfoRelayed, now: float) -> None:
    """A party's digits by INFO go to the other party, if he can be told in his dialog."""
    other = conversation.other(leg)
    if other is not None and other.is_answered:
        conversation.do(RelayInfo(other.leg, happened.content_type, happened.body))
    else:
        conversation.count("infos_dropped", "nobody_there")


def settle(conversation: Conversation) -> None:
    """Say what the state now asks for and was not said yet: offers first, sounds after them."""
    if conversation.is_answered:
        for party in conversation.parties():
            _settle_offer(conversation, party)
    for leg in conversation.legs():
        _settle_sound(conversation, leg)


def _wish(conversation: Conversation, leg: Leg) -> Direction:
    """What a party should be offered, as we see it: we always have something to send, and take what somebody hears."""
    other = conversation.other(leg)
    return Direction.of(sends=True, receives=other is None or other.is_aside or not other.holds)


def _settle_offer(conversation: Conversation, leg: Leg) -> None:
    wish = _wish(conversation, leg)
    if leg.asked is not wish and leg.turn(Turn.ASK):
        leg.asked = wish
        conversation.do(ReofferLeg(leg.leg, wish))


def _settle_sound(conversation: Conversation, leg: Leg) -> None:
    sound = sound_for(conversation, leg)
    if sound == leg.sound:
        return
    leg.sound = sound
    conversation.do(StopSound(leg.leg) if sound is None else PlaySound(leg.leg, sound, loop=True))


def sound_for(conversation: Conversation, leg: Leg) -> str | None:
    """What the server should play to a leg in the call's present state."""
    if conversation.is_answered:
        return _while_waiting(conversation, leg)
    if conversation.state is CallState.LOUNGE:
        return COMFORT if leg.is_answered else None
    if leg.part is Part.TARGET or leg.state is LegState.RINGING or conversation.state is not CallState.RINGING:
        return None
    is_heard = any(party.state is LegState.EARLY for party in conversation.parties() if party.part is Part.TARGET)
    return None if is_heard else RINGBACK


def _while_waiting(conversation: Conversation, leg: Leg) -> str | None:
    """What somebody hears whom the other party holds mutely, whose other party left amid a transfer, or to whom nobody talks."""
    transfer, other = conversation.transfer, conversation.other(leg)
    if leg.part in (Part.SUPERVISOR, Part.SUCCESSOR, Part.GUEST) or not leg.hears:
        return None
    if leg.is_aside:
        return MUSIC if conversation.limits.hold == MUSIC else None
    if other is not None and other.is_aside:
        return None
    if other is not None and not (other.state is LegState.HELD and (not other.sends or other.is_silent)):
        return None
    if other is None and transfer is None and conversation.alone_since is None:
        return None
    if transfer is not None and leg is not transfer.referrer:
        if transfer.ends_at is not None:
            return BUSY
        if transfer.has_rung:
            return RINGBACK
    return MUSIC if conversation.limits.hold == MUSIC else None
