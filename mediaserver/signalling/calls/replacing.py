"""INVITE with Replaces (RFC 3891): call pickup by our users, and takeovers by a PBX on its own side.

- A trunk may do so where its ``replaces`` says so, in calls of its tenant.
- An agent may where the leg is his own: he goes to another phone of his.
- Any other user may in calls that his ceiling covers up to barge, for he will be heard by all; and if who is there has answered, only
  with the right to take calls over, as by the control API. A phone that rings is picked up without it: nobody is put out.
- What a user may not see does not exist for him: 481. A supervisor's leg is never given up: 603.
- All of it is written down before it happens, with who and whose place; and what was refused to a user.
"""

from contextlib import nullcontext

from config.trunks import TrunkSettings
from control_api.acting import Acting, acting
from control_api.permissions import Refusal, Right, check_mode, check_right
from mediaserver.call.actions import RejectLeg
from mediaserver.call.inputs import ReplacementArrived
from mediaserver.call.view import LegState, LegView
from mediaserver.signalling.calls.legs import Leg
from mediaserver.signalling.calls.live import CallEntry
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.entering.identities import User
from mediaserver.signalling.house import House
from mixer.modes import Mode, Role
from sip.errors import SipError
from sip.events import InviteReceived
from sip.replaces import Replaces
from sip.uri import Uri

NO_DIALOG = 481
FORBIDDEN = 403
DECLINED = 603
UNAVAILABLE = 503
WAY = "replaces"
"""The door, as the audit log names it."""


class Replacements:
    """Finds the leg that a permitted caller may take the place of."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard

    def find(self, replaces: Replaces, trunk: TrunkSettings | None, user: User | None, address: str) -> tuple[CallEntry, Leg] | int:
        """The call and the leg that is to be replaced; or the status that refuses. ``address``: where the caller is."""
        session = self._house.agent.session_of(replaces)
        found = None if session is None else self._switchboard.calls.of_session(session)
        if found is None:
            return self._house.agent.replacement_refusal(replaces) or NO_DIALOG
        entry, leg = found
        refused = self._trunk_refusal(entry, trunk) if trunk is not None else self._user_refusal(entry, leg, user, address)
        if refused:
            return refused
        return DECLINED if leg.role is Role.SUPERVISOR else found

    def arrive(self, entry: CallEntry, old: Leg, new: Leg, event: InviteReceived, user: User | None) -> None:
        """The newcomer's leg is there; the call lets it in, or he is refused because it cannot be written down."""
        tenant, router = entry.view.tenant, self._house.router
        agent = None if user is None else user.agent or None
        team = None if agent is None else router.team_of(tenant, agent)
        party = agent or (user.name if user is not None else _user_of(event.request.from_.uri))
        arrived = ReplacementArrived(
            new.leg,
            old.leg,
            party,
            agent,
            team,
            is_early_only=event.replaces is not None and event.replaces.early_only,
            by_right=user is not None and not _is_own(_view_of(entry, old), user),
        )
        try:
            with nullcontext() if user is None else acting(Acting(user.identity, WAY, event.flow.remote[0])):
                self._switchboard.feed(entry, arrived)
        except Refusal as refusal:
            self._house.counters.add("refusals", refusal.code)
            self._switchboard.perform(entry, RejectLeg(new.leg, UNAVAILABLE, ""))

    def _trunk_refusal(self, entry: CallEntry, trunk: TrunkSettings) -> int:
        if not trunk.replaces:
            return FORBIDDEN
        return 0 if trunk.tenant == entry.view.tenant else NO_DIALOG

    def _user_refusal(self, entry: CallEntry, leg: Leg, user: User | None, address: str) -> int:
        if user is None or user.tenant != entry.view.tenant:
            return NO_DIALOG
        view = _view_of(entry, leg)
        if _is_own(view, user):
            return 0
        try:
            _check(entry, view, user)
        except Refusal as refusal:
            self._house.counters.add("refusals", refusal.code)
            about = {"call": entry.view.call, "leg": leg.leg, "agent": entry.view.agent, "user": user.name}
            self._house.recorder.refused(Acting(user.identity, WAY, address), "replace", refusal, about)
            return FORBIDDEN if refusal.code == "forbidden" else NO_DIALOG
        return 0


def _check(entry: CallEntry, old: LegView | None, user: User) -> None:
    """Raise `Refusal` unless the user may take this place of somebody else's."""
    if user.identity is None:
        raise Refusal("forbidden", "no ceiling covers anything", "an administrator gives users one")
    check_mode(user.identity, entry.subject, Mode.BARGE, Role.AGENT)
    if old is None or (old.state not in (LegState.RINGING, LegState.EARLY) and old.role is not Role.SUPERVISOR):
        check_right(user.identity, Right.TAKE_OVER)


def _is_own(old: LegView | None, user: User) -> bool:
    """Whether the leg is that of the agent who calls, by another phone of his."""
    return user.agent != "" and old is not None and old.agent == user.agent


def _view_of(entry: CallEntry, leg: Leg) -> LegView | None:
    return next((view for view in entry.view.legs if view.leg == leg.leg), None)


def _user_of(uri: str) -> str:
    try:
        return Uri.parse(uri).user
    except SipError:
        return ""
