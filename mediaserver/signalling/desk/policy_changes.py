"""A tenant has another policy, by whichever way: its calls and its clients are told what concerns them.

Clients that may see more or less of who listens, or ask for other things, get a fresh picture (`control_api.feeds`); agents are told by
`Indicating`.
"""

from config.policies import policy_of
from config.settings import Settings
from control_api.ports import HouseEvent
from control_api.repertoire import withheld_by
from mediaserver.call.inputs import ListenersNamed
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.desk.changes import changed_policies, policy_change
from mediaserver.signalling.house import House


def tell_changes(house: House, switchboard: Switchboard, before: Settings) -> None:
    """Other settings are in force."""
    for tenant in changed_policies(before, house.settings):
        was, now = policy_of(before.policies, tenant), policy_of(house.settings.policies, tenant)
        if was.names_listeners is not now.names_listeners:
            for entry in tuple(switchboard.calls):
                if entry.view.tenant == tenant:
                    switchboard.feed(entry, ListenersNamed(now.names_listeners))
        otherwise = {
            "shows_listeners_otherwise": was.listeners_seen_by != now.listeners_seen_by,
            "offers_otherwise": withheld_by(was) != withheld_by(now),
        }
        body = {"detail": policy_change(was, now) | otherwise}
        house.publisher.tell(HouseEvent("policy.changed", tenant, "", "", "", lambda body=body: body))  # type: ignore[misc]
