"""What the SIP user agent tells, sorted to where it belongs: new INVITEs, and inputs for the calls of known sessions."""

from typing import assert_never

import structlog

from mediaserver.call import inputs
from mediaserver.signalling.calls.introducing import introduce
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.calls.transferring import Transfers
from mediaserver.signalling.desk.watching import Watching
from mediaserver.signalling.entering.digits import digit_of_info
from mediaserver.signalling.entering.entrance import Entrance
from mediaserver.signalling.entering.invitations import Invitations
from mediaserver.signalling.house import House
from mediaserver.signalling.media.agreeing import tell_media
from mixer.modes import Role
from sip import events
from sip.errors import SipError
from sip.offer_answer import NothingOffered
from sip.sdp import SessionDescription

_log = structlog.get_logger(__name__)

NOT_ACCEPTABLE = 488
NO_DIALOG = 481

SessionEvent = (
    events.Acknowledged
    | events.ProvisionalAcknowledged
    | events.Progressed
    | events.Accepted
    | events.Rejected
    | events.OfferReceived
    | events.OfferAnswered
    | events.OfferRejected
    | events.RefreshDue
    | events.InfoReceived
    | events.ReferReceived
    | events.SessionEnded
)


class Dispatcher:
    """Turns SIP events into inputs. SDP ends here: calls see what was agreed."""

    def __init__(
        self,
        house: House,
        switchboard: Switchboard,
        invitations: Invitations,
        entrance: Entrance,
        transfers: Transfers,
        watching: Watching,
    ) -> None:
        self._house = house
        self._switchboard = switchboard
        self._invitations = invitations
        self._entrance = entrance
        self._watching = watching
        self._transfers = transfers

    def handle(self, event: events.Event, now: float) -> None:
        """One event of the user agent."""
        match event:
            case events.InviteReceived():
                self._invitations.received(event)
            case events.Registered(user=user, contacts=contacts):
                self._house.counters.add("registrations", "bound" if contacts else "gone")
                _log.info("user.registered" if contacts else "user.unregistered", user=user, contacts=len(contacts))
            case events.RequestAnswered():
                self._house.outside.answered(event, now)
            case events.SourceBanned(source=source, user=user, seconds=seconds):
                self._house.counters.add("bans", "user" if user else "source")
                self._house.recorder.denied("sip", source, "banned", f"too many wrong passwords{f' of {user}' if user else ''}")
                _log.warning("source.banned", source=source, user=user, seconds=round(seconds))
            case events.SubscribeReceived():
                self._watching.asked(event)
            case events.NotificationDue(subscription=subscription):
                self._watching.due(subscription)
            case events.SubscriptionEnded(subscription=subscription):
                self._watching.ended(subscription)
            case _:
                found = self._switchboard.calls.of_session(event.session)
                if found is not None:
                    self._of_session(*found, event, now)
                else:
                    self._of_nobody(event, now)

    def _of_nobody(self, event: SessionEvent, now: float) -> None:
        """A session whose leg is gone: a phone that has still to hang up, or one that answered into nothing."""
        match event:
            case events.Accepted(session=session):
                self._house.agent.end(session, now)
            case events.OfferReceived(session=session):
                self._house.agent.reject(session, NO_DIALOG, now)
            case events.ReferReceived(session=session, refer=refer):
                self._house.agent.reject_refer(session, refer, NO_DIALOG, now)
            case events.SessionEnded(session=session):
                self._switchboard.farewells.said(session)
            case _:
                pass

    def _of_session(self, entry: CallEntry, leg: Leg, event: SessionEvent, now: float) -> None:
        match event:
            case events.Progressed():
                self._progressed(entry, leg, event)
            case events.Accepted():
                self._accepted(entry, leg, event, now)
            case events.Rejected(status=status, contacts=contacts, reason=reason):
                leg.is_over = True
                self._feed(entry, inputs.Rejected(leg.leg, status, self._transfers.contacts(entry, leg, contacts), reason=reason))
            case events.Acknowledged(answer=answer) | events.ProvisionalAcknowledged(answer=answer):
                self._acknowledged(entry, leg, answer, now)
            case events.OfferAnswered(answer=answer):
                leg.is_refreshing = False
                introduce(self._house, entry, leg)
                self._answered(entry, leg, answer, now)
            case events.OfferReceived():
                self._offered(entry, leg, event, now)
            case events.OfferRejected(retry_in=retry_in):
                leg.negotiation.rollback()
                if leg.is_refreshing:
                    leg.is_refreshing = False  # the call asked for nothing; the session timer tries again
                else:
                    self._feed(entry, inputs.ReofferFailed(leg.leg, retry_in))
            case events.RefreshDue():
                self._refresh(leg, event.session, now)
            case events.InfoReceived():
                self._info(entry, leg, event)
            case events.ReferReceived():
                self._transfers.received(entry, leg, event)
            case events.SessionEnded(cause=cause, reason=reason):
                leg.is_over = True
                if leg.waiting is not None:
                    self._entrance.left(entry, leg)
                else:
                    self._feed(entry, inputs.LegEnded(leg.leg, cause, reason))
            case _:
                assert_never(event)

    def _feed(self, entry: CallEntry, happened: inputs.Input) -> None:
        self._switchboard.feed(entry, happened)

    # our INVITE

    def _progressed(self, entry: CallEntry, leg: Leg, event: events.Progressed) -> None:
        introduce(self._house, entry, leg)
        media = None
        if event.answer is not None:
            try:
                media = leg.negotiation.receive_answer(event.answer)
            except SipError as error:
                _log.warning("leg.early_answer_unusable", call=entry.view.call, leg=leg.leg, problem=str(error))
            else:
                leg.keep_early(event.fork, event.answer)
                if leg.fork in leg.early:
                    # Another fork is heard already; what it agreed stays the leg's.
                    leg.negotiation.receive_answer(leg.early[leg.fork])
        self._feed(entry, inputs.Progressed(leg.leg, event.response.status, event.fork, media))

    def _accepted(self, entry: CallEntry, leg: Leg, event: events.Accepted, now: float) -> None:
        """The 200's answer; where it repeats none, the early one of its fork holds (RFC 3261 §13.2.1)."""
        introduce(self._house, entry, leg)
        try:
            media = leg.take_answer(event.fork, event.description)
        except SipError as error:
            _log.warning("leg.answer_unusable", call=entry.view.call, leg=leg.leg, problem=str(error))
            leg.is_over = True
            self._house.agent.end(event.session, now, reason='SIP;cause=488;text="Not Acceptable Here"')
            self._feed(entry, inputs.Rejected(leg.leg, NOT_ACCEPTABLE))
            return
        leg.is_accepted = True
        tell_media(self._house, entry, leg, media)
        self._feed(entry, inputs.Accepted(leg.leg, event.fork, media, agent=leg.agent, team=leg.team))

    # offers inside the dialog

    def _acknowledged(self, entry: CallEntry, leg: Leg, answer: SessionDescription | None, now: float) -> None:
        """An ACK or PRACK. To our own answer it says nothing; to our offer (delayed offer) it has to bring the answer."""
        if leg.awaits_answer:
            leg.awaits_answer = False
            self._answered(entry, leg, answer, now)

    def _answered(self, entry: CallEntry, leg: Leg, answer: SessionDescription | None, now: float) -> None:
        """An answer to our offer: in an ACK, or to our re-INVITE. Without a usable one what was agreed before holds, if anything was."""
        try:
            if answer is None:
                raise NothingOffered("no answer came to our offer")
            leg.negotiation.receive_answer(answer)
        except SipError as error:
            _log.warning("leg.answer_unusable", call=entry.view.call, leg=leg.leg, problem=str(error))
            leg.negotiation.rollback()
            if leg.media is None and leg.session is not None:
                leg.is_over = True
                self._house.agent.end(leg.session, now, reason='SIP;cause=488;text="Not Acceptable Here"')
                self._feed(entry, inputs.LegEnded(leg.leg, "no_common_codec"))
            return
        self._agreed(entry, leg)

    def _offered(self, entry: CallEntry, leg: Leg, event: events.OfferReceived, now: float) -> None:
        """A re-INVITE or UPDATE: hold, resume, another codec or address. Without an offer, our 200 makes one."""
        if event.fork and not leg.changes_early(event.fork):
            self._house.agent.reject(event.session, NOT_ACCEPTABLE, now)
            return
        introduce(self._house, entry, leg)
        try:
            if event.offer is None:
                description = leg.negotiation.make_offer(like=leg.media, direction=leg.wish)
                leg.awaits_answer = True
            else:
                leg.negotiation.receive_offer(event.offer)
                prefer = leg.media.codec if leg.media is not None else None
                description, _ = leg.negotiation.make_answer(prefer=prefer, direction=leg.wish)
        except SipError as error:
            self._house.agent.reject(event.session, error.status, now)
            return
        self._house.agent.accept(event.session, description, now)
        if event.offer is not None:
            self._agreed(entry, leg)

    def _refresh(self, leg: Leg, session: int, now: float) -> None:
        """Keep a phone's session alive by saying again what is agreed; an offer that is open already does the same."""
        try:
            offer = leg.negotiation.make_offer(like=leg.media, direction=leg.wish)
        except SipError:
            return
        leg.is_refreshing = True
        self._house.agent.reoffer(session, offer, now)

    def _agreed(self, entry: CallEntry, leg: Leg) -> None:
        if leg.media is not None:
            tell_media(self._house, entry, leg, leg.media)
            self._feed(entry, inputs.MediaAgreed(leg.leg, leg.media))

    # digits

    def _info(self, entry: CallEntry, leg: Leg, event: events.InfoReceived) -> None:
        digit = digit_of_info(event.content_type, event.body)
        if leg.role is Role.SUPERVISOR:
            if digit is not None:
                self._switchboard.pressed(entry, leg, digit, "info")
        else:
            if digit is not None and leg.role is Role.AGENT:
                self._switchboard.pressed(entry, leg, digit, "info")
            self._feed(entry, inputs.InfoRelayed(leg.leg, event.content_type, event.body))
