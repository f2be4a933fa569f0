"""INVITE with Replaces (RFC 3891): call pickup by our users, and takeovers by a PBX on its own side.

- A trunk may do so where its ``replaces`` says so, in calls of its tenant.
- A user may do so in calls that his ceiling covers up to barge, for he will be heard by all; and an agent where the leg is his own.
- What a user may not see does not exist for him: 481. A supervisor's leg is never given up: 603.
"""

from config.trunks import TrunkSettings
from control_api.permissions import Refusal, check_mode
from mediaserver.call.inputs import ReplacementArrived
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


class Replacements:
    """Finds the leg that a permitted caller may take the place of."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        self._house = house
        self._switchboard = switchboard

    def find(self, replaces: Replaces, trunk: TrunkSettings | None, user: User | None) -> tuple[CallEntry, Leg] | int:
        """The call and the leg that is to be replaced; or the status that refuses."""
        session = self._house.agent.session_of(replaces)
        found = None if session is None else self._switchboard.calls.of_session(session)
        if found is None:
            return self._house.agent.replacement_refusal(replaces) or NO_DIALOG
        entry, leg = found
        refused = self._trunk_refusal(entry, trunk) if trunk is not None else self._user_refusal(entry, leg, user)
        if refused:
            return refused
        return DECLINED if leg.role is Role.SUPERVISOR else found

    def arrive(self, entry: CallEntry, old: Leg, new: Leg, event: InviteReceived, user: User | None) -> None:
        """The newcomer's leg is there; the call lets it in."""
        tenant, router = entry.view.tenant, self._house.router
        agent = None if user is None else user.agent or None
        team = None if agent is None else router.team_of(tenant, agent)
        party = agent or (user.name if user is not None else _user_of(event.request.from_.uri))
        replaces = event.replaces
        self._switchboard.feed(
            entry, ReplacementArrived(new.leg, old.leg, party, agent, team, is_early_only=replaces is not None and replaces.early_only)
        )

    def _trunk_refusal(self, entry: CallEntry, trunk: TrunkSettings) -> int:
        if not trunk.replaces:
            return FORBIDDEN
        return 0 if trunk.tenant == entry.view.tenant else NO_DIALOG

    def _user_refusal(self, entry: CallEntry, leg: Leg, user: User | None) -> int:
        if user is None or user.tenant != entry.view.tenant:
            return NO_DIALOG
        if user.agent and any(view.leg == leg.leg and view.agent == user.agent for view in entry.view.legs):
            return 0
        identity = user.identity
        if identity is None:
            return FORBIDDEN
        try:
            check_mode(identity, entry.subject, Mode.BARGE, Role.AGENT)
        except Refusal as refusal:
            self._house.counters.add("refusals", refusal.code)
            return FORBIDDEN if refusal.code == "forbidden" else NO_DIALOG
        return 0


def _user_of(uri: str) -> str:
    try:
        return Uri.parse(uri).user
    except SipError:
        return ""
