"""Carrying out a call's actions: toward SIP through the user agent, toward the mix through the worker's link."""

from collections.abc import Callable
from functools import partial
from typing import assert_never

import structlog

from mediaserver.call import actions, inputs
from mediaserver.call.inputs import LegId
from mediaserver.link import messages as link
from mediaserver.link.messages import Applied, Refused
from mediaserver.signalling.calls.farewells import Farewells
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry, Calls
from mediaserver.signalling.calls.moving import Mover, tell_open
from mediaserver.signalling.calls.records import keep
from mediaserver.signalling.calls.requests import PendingRequests
from mediaserver.signalling.house import House
from mediaserver.signalling.media.agreeing import tell_media, tell_way
from mediaserver.signalling.routing.placing import Placer
from sip.errors import SipError
from sip.negotiated import OPUS, NegotiatedMedia
from sip.sdp import SessionDescription

_log = structlog.get_logger(__name__)

PerformedAction = actions.LegAction | actions.TransferAction | actions.OpenLeg | actions.PlaceLeg | actions.RefuseRequest | actions.Count
"""All but `Publish`, which is told after the others were carried out."""


class Performer:
    """Performs one action at a time. What fails comes back as an input, as if the far end had done it."""

    def __init__(
        self,
        house: House,
        calls: Calls,
        requests: PendingRequests,
        placer: Placer,
        farewells: Farewells,
        feed: Callable[[CallEntry, inputs.Input], None],
    ) -> None:
        self._house = house
        self._calls = calls
        self._requests = requests
        self._placer = placer
        self._farewells = farewells
        self._feed = feed
        self._mover = Mover(house, calls, feed, self.perform, self.opened)

    def perform(self, entry: CallEntry, action: PerformedAction, now: float) -> None:
        """Carry out one action; one about a leg that is gone is nothing."""
        match action:
            case actions.Count(counter=counter, label=label):
                self._house.counters.add(counter, label)
            case actions.RefuseRequest(request=request, code=code, text=text):
                self._requests.refused(request, code, text)
            case actions.PlaceLeg():
                self._place(entry, action)
            case actions.OpenLeg():
                self._open(entry, action)
            case (
                actions.AcceptTransfer()
                | actions.RefuseTransfer()
                | actions.NotifyTransfer()
                | actions.MergeCalls()
                | actions.RefuseMerge()
                | actions.HandOver()
                | actions.AdoptLeg()
            ):
                self._mover.perform(entry, action, now)
            case _:
                leg = entry.legs.get(action.leg)
                if leg is not None:
                    self._for_leg(entry, leg, action, now)

    def _for_leg(self, entry: CallEntry, leg: Leg, action: actions.LegAction, now: float) -> None:
        match action:
            case (
                actions.Admit() | actions.SetMode() | actions.SetMuted() | actions.SetVolumes() | actions.PlaySound() | actions.StopSound()
            ):
                self._tell_mix(entry, leg, action)
            case actions.CloseLeg():
                self.close(entry, leg)
            case actions.ChooseFork(fork=fork):
                self._choose_fork(entry, leg, fork)
            case (
                actions.ProgressLeg()
                | actions.AcceptLeg()
                | actions.RejectLeg()
                | actions.EndLeg()
                | actions.ReofferLeg()
                | actions.RelayInfo()
            ):
                if leg.is_by_api and not leg.is_over:
                    self._tell_browser(entry, leg, action)
                elif leg.session is not None and not leg.is_over:
                    self._tell_sip(entry, leg, leg.session, action, now)
                elif isinstance(action, actions.EndLeg):
                    leg.is_over = True
            case _:
                assert_never(action)

    # toward SIP

    def _tell_sip(self, entry: CallEntry, leg: Leg, session: int, action: actions.SipLegAction, now: float) -> None:
        agent = self._house.agent
        match action:
            case actions.ProgressLeg(status=status, like=like):
                agent.progress(session, status, now, description=self._early(entry, leg, like))
            case actions.AcceptLeg(like=like):
                self._accept(entry, leg, session, like, now)
            case actions.RejectLeg(status=status, reason=reason, retry_after=retry_after):
                leg.is_over = True
                if leg.is_accepted:
                    # He was answered to give his PIN, and there is no room now.
                    agent.end(session, now, reason=reason)
                else:
                    headers = [("Retry-After", str(retry_after))] if retry_after is not None else []
                    agent.reject(session, status, now, headers=headers + _reason_header(reason))
                if leg.is_accepted or not leg.is_opened:
                    self.close(entry, leg)
            case actions.EndLeg(reason=reason, patience=patience):
                leg.is_over = True
                if patience and leg.is_accepted:
                    self._farewells.wait_for(session, now + patience, reason)
                else:
                    agent.end(session, now, reason=reason)
            case actions.ReofferLeg(direction=direction):
                self._reoffer(entry, leg, session, action, now)
                leg.wish = direction
            case actions.RelayInfo(content_type=content_type, body=body):
                agent.info(session, content_type, body, now)
            case _:
                assert_never(action)

    def _tell_browser(self, entry: CallEntry, leg: Leg, action: actions.SipLegAction) -> None:
        """To a browser that came by the control API: it asked, so it is only answered; events tell it all the rest."""
        match action:
            case actions.AcceptLeg():
                leg.is_accepted = True
                leg.answer, media = leg.negotiation.make_answer(prefer=OPUS, direction=leg.wish)
                self.agreed(entry, leg, media)
            case actions.RejectLeg():
                leg.is_over = True
                if not leg.is_opened:
                    self.close(entry, leg)
            case actions.EndLeg():
                leg.is_over = True
            case actions.ProgressLeg() | actions.ReofferLeg() | actions.RelayInfo():
                return
            case _:
                assert_never(action)

    def _accept(self, entry: CallEntry, leg: Leg, session: int, like: LegId | None, now: float) -> None:
        if leg.is_accepted:
            # He was let in after his PIN: the call has still to learn what was agreed.
            if leg.media is not None:
                self._feed(entry, inputs.MediaAgreed(leg.leg, leg.media))
            return
        leg.is_accepted = True
        agreed_early = leg.media
        description = self._answer(entry, leg, like) if leg.has_offer else self._offer(entry, leg, like)
        self._house.agent.accept(session, description, now)
        if agreed_early is not None:
            tell_way(self._house, entry, leg, agreed_early)  # many a phone sends from now on only: where it is, is looked for once more

    def _early(self, entry: CallEntry, leg: Leg, like: LegId | None) -> SessionDescription | None:
        """The description of an 18x: our answer, where there is media for it. Without an offer of theirs we make one, to a caller who
        demands every 18x reliably (RFC 3262 §5), and to one who can have it so where there is media."""
        if leg.has_offer:
            return self._answer(entry, leg, like) if like is not None else None
        wants_offer = leg.takes_early_offer == "must" or (leg.takes_early_offer == "may" and like is not None)
        return self._offer(entry, leg, like) if wants_offer else None

    def _offer(self, entry: CallEntry, leg: Leg, like: LegId | None) -> SessionDescription:
        """Our offer to an INVITE that brought none; the same one each time it is said."""
        if leg.offer is None:
            leg.awaits_answer = True
            other = entry.legs.get(like) if like is not None else None
            leg.offer = leg.negotiation.make_offer(like=other.format_offered if other else None, direction=leg.wish)
        return leg.offer

    def _answer(self, entry: CallEntry, leg: Leg, like: LegId | None) -> SessionDescription | None:
        """Our answer to its INVITE's offer; the same one each time it is said."""
        if leg.answer is None:
            other = entry.legs.get(like) if like is not None else None
            prefer = other.media.codec if other is not None and other.media is not None else None
            leg.answer, media = leg.negotiation.make_answer(prefer=prefer, direction=leg.wish)
            self.agreed(entry, leg, media)
        return leg.answer

    def _reoffer(self, entry: CallEntry, leg: Leg, session: int, action: actions.ReofferLeg, now: float) -> None:
        try:
            offer = leg.negotiation.make_offer(like=leg.media, direction=action.direction)
        except SipError:
            # An offer of theirs is open: ours waits for its end, like after a 491.
            self._feed(entry, inputs.ReofferFailed(leg.leg, retry_in=0.5))
            return
        self._house.agent.reoffer(session, offer, now)

    # toward the mix

    def agreed(self, entry: CallEntry, leg: Leg, media: NegotiatedMedia) -> None:
        """Offer and answer came to a result: the worker gets it, then the call."""
        tell_media(self._house, entry, leg, media)
        self._feed(entry, inputs.MediaAgreed(leg.leg, media))

    def _choose_fork(self, entry: CallEntry, leg: Leg, fork: str) -> None:
        answer = leg.early.get(fork)
        leg.fork = fork
        if answer is not None and not leg.is_accepted:
            media = leg.negotiation.receive_answer(answer)
            tell_media(self._house, entry, leg, media)

    def _open(self, entry: CallEntry, action: actions.OpenLeg) -> None:
        """A leg that called in has its port already; for one that we call it is lent now, and opened when its target is known."""
        leg = entry.legs.get(action.leg)
        if leg is None:
            self._placer.prepare(entry, action.leg, action.role)
        elif not leg.is_opened:
            leg.role = action.role
            self._tell_open(entry, leg)

    def _place(self, entry: CallEntry, action: actions.PlaceLeg) -> None:
        leg = entry.legs.get(action.leg)
        if leg is not None:
            leg.is_strict = self._placer.is_strict(action.target)
            self._tell_open(entry, leg)
            self._placer.place(entry, leg, action)

    def _tell_open(self, entry: CallEntry, leg: Leg) -> None:
        tell_open(self._house, entry, leg, partial(self.opened, entry, leg))

    def opened(self, entry: CallEntry, leg: Leg, reply: Applied | Refused) -> None:
        """What the worker says to a leg that is to have a row or a seat."""
        match reply:
            case Applied(row=row):
                leg.row = row
            case Refused(code=code, text=text):
                _log.error("leg.refused_by_worker", call=entry.view.call, leg=leg.leg, code=code, text=text)
                self._house.counters.add("legs_refused", code)
                if leg.is_accepted:
                    self._feed(entry, inputs.HangUpRequested(leg.leg, "no_media"))
                else:
                    self._feed(entry, inputs.Rejected(leg.leg, 503, is_ours=True))

    def close(self, entry: CallEntry, leg: Leg) -> None:
        """Take port, row and seat back: the port rests from when the worker has let go of it. No phone is left ringing."""
        keep(self._house.media, entry, leg, self._house.ended_legs)
        self._house.peers.close(leg.leg)
        self._calls.remove_leg(entry, leg)
        if leg.session is not None and not leg.is_over:
            leg.is_over = True
            self._house.agent.end(leg.session, self._house.clock())
        if not leg.is_opened:
            self._house.ports.give_back(leg.port, self._house.clock())
            return
        worker = leg.mixed_by or entry.worker
        if leg.row >= 0:
            self._house.media.keep_counters(worker, leg.row)
        self._house.media.tell(worker, link.CloseLeg(leg.leg), replied=lambda _: self._house.ports.give_back(leg.port, self._house.clock()))

    def _tell_mix(self, entry: CallEntry, leg: Leg, action: actions.MixLegAction) -> None:
        media, worker = self._house.media, entry.worker
        match action:
            case actions.Admit(admitted=admitted):
                media.tell(worker, link.Admit(leg.leg, admitted))
            case actions.SetMode(mode=mode, target=target, request=request):
                media.tell(worker, link.SetMode(leg.leg, mode, target), replied=self._report(request))
            case actions.SetMuted(muted=muted, request=request):
                media.tell(worker, link.SetMuted(leg.leg, muted), replied=self._report(request))
            case actions.SetVolumes(hears=hears, heard=heard, request=request):
                media.tell(worker, link.SetVolumes(leg.leg, hears, heard), replied=self._report(request))
            case actions.PlaySound(sound=sound, loop=loop):
                media.tell(worker, link.Play(leg.leg, sound, loop))
            case actions.StopSound():
                media.tell(worker, link.StopPlaying(leg.leg))
            case _:
                assert_never(action)

    def _report(self, request: int | None) -> Callable[[Applied | Refused], None]:
        def replied(reply: Applied | Refused) -> None:
            match reply:
                case Applied(turn=turn):
                    self._requests.applied(request, turn)
                case Refused(code=code, text=text):
                    self._requests.refused(request, "unavailable", f"the media worker refused: {text} ({code})")

        return replied


def _reason_header(reason: str) -> list[tuple[str, str]]:
    return [("Reason", reason)] if reason else []
