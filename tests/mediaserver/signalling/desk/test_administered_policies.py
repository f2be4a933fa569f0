"""A tenant's policy in the database goes before the configured one: at once, for its own tenant, written down, and with a way back."""

import asyncio
from typing import Any

import pytest

from config.policies import PolicySettings, policy_of
from control_api.governing_models import ResetPolicyCommand, SetPolicyCommand
from control_api.permissions import Ceiling, Identity, Refusal, Right
from mediaserver.signalling.desk.administering import Administering
from mediaserver.signalling.desk.policies import Policies
from mixer.modes import Mode
from sip.events import Rejected
from tests.mediaserver.signalling.desk.administered import Kept
from tests.mediaserver.signalling.desk.test_policies import policy, tones
from tests.mediaserver.signalling.exchange import SETTINGS
from tests.mediaserver.signalling.test_reloading import reload
from tests.mediaserver.signalling.test_supervision import Supervised

ADMIN = Identity("ada", "default", Ceiling(rights=frozenset({Right.ADMIN})))
SEEING = Identity("sven", "default", Ceiling(rights=frozenset({Right.ADMIN, Right.SEE_LISTENERS})))
ELSEWHERE = Identity("otto", "second", Ceiling(rights=frozenset({Right.ADMIN})))
SUPERVISOR = Identity("lars", "default", Ceiling(frozenset({"*"}), mode=Mode.BARGE))


class Governed(Supervised):
    """Robert's call, a supervisor's phone, and a database in memory."""

    def __init__(self, kept: Kept | None = None, **configured: Any) -> None:
        super().__init__(settings=policy(**configured))
        self.kept = kept or Kept()
        self.administering = Administering(self.exchange.house, self.exchange.office, self.kept.ask)
        self.policies = Policies(self.exchange.house, self.administering)

    async def put(self, by: Identity = ADMIN, **rules: Any) -> dict[str, Any]:
        """Have rules otherwise."""
        return await self.policies.change(by, SetPolicyCommand(id=1, **rules))

    async def reset(self, rule: Any = None) -> dict[str, Any]:
        """Have it as configured."""
        return await self.policies.reset(ADMIN, ResetPolicyCommand(id=1, rule=rule))

    async def refused(self, by: Identity = ADMIN, **rules: Any) -> str:
        """With which code that is refused; nothing changed."""
        before = (dict(self.kept.policies), self.exchange.house.settings)
        with pytest.raises(Refusal) as refused:
            await self.put(by, **rules)
        assert (self.kept.policies, self.exchange.house.settings) == before
        return refused.value.code

    def in_force(self, tenant: str = "default") -> PolicySettings:
        """The policy of a tenant."""
        return policy_of(self.exchange.house.settings.policies, tenant)


async def test_a_rule_that_is_changed_goes_before_the_configured_one_and_the_others_stay() -> None:
    governed = Governed(presence="indicated", message=True)
    shown = await governed.put(presence="named")
    assert (shown["policy"]["presence"], shown["configured"]["presence"], shown["changed"]) == ("named", "indicated", ["presence"])
    assert (await governed.put(tone=False))["changed"] == ["presence", "tone"]
    assert (governed.in_force().presence, governed.in_force().tone, governed.in_force().message) == ("named", False, True)
    assert governed.kept.policies == {"default": {"presence": "named", "tone": False}}


async def test_there_is_a_way_back_to_the_configured_for_one_rule_and_for_all() -> None:
    governed = Governed(presence="indicated")
    await governed.put(presence="named", tone=False, may_ask_help=False)
    assert (await governed.reset("presence"))["changed"] == ["tone", "may_ask_help"]
    assert (governed.in_force().presence, governed.in_force().tone) == ("indicated", False)
    assert (await governed.reset())["changed"] == []
    assert governed.in_force() == PolicySettings(presence="indicated")
    assert governed.kept.policies == {"default": {}}


async def test_it_is_written_down_before_and_after_by_whom_and_what_it_was() -> None:
    governed = Governed()
    await governed.put(presence="indicated")
    before, after = governed.exchange.book.facts[-2:]
    assert (before.kind, before.detail["command"], before.permission) == ("command.permitted", "set_policy", "right:admin")
    assert (after.kind, after.identity, after.tenant) == ("policy.changed", "ada", "default")
    assert (after.detail["before"], after.detail["now"]) == ("presence:stealth", "presence:indicated")


async def test_the_policy_of_another_tenant_is_its_own() -> None:
    governed = Governed()
    await governed.put(ELSEWHERE, presence="named")
    assert (governed.in_force().presence, governed.in_force("second").presence) == ("stealth", "named")
    assert (await governed.policies.policy(ADMIN))["changed"] == []


async def test_what_nobody_may_or_what_goes_with_nothing_changes_nothing() -> None:
    governed = Governed()
    assert await governed.refused(SUPERVISOR, presence="named") == "forbidden"
    assert await governed.refused() == "bad_request"
    assert await governed.refused(private_code="*76") == "bad_request"
    with pytest.raises(Refusal, match="right"):
        await governed.policies.policy(SUPERVISOR)
    governed.kept.is_away = True
    assert await governed.refused(presence="named") == "unavailable"
    governed.kept.is_away = False
    governed.exchange.book.is_usable = False
    assert await governed.refused(presence="named") == "unavailable"


async def test_who_may_not_see_listeners_does_not_show_them_to_himself() -> None:
    governed = Governed(listeners_seen_by="permitted")
    assert await governed.refused(listeners_seen_by="everybody") == "forbidden"
    assert (await governed.put(SEEING, listeners_seen_by="supervisors"))["changed"] == ["listeners_seen_by"]
    await governed.put(listeners_seen_by="permitted")
    await governed.put(presence="named")


async def test_the_policy_of_the_database_is_in_force_after_a_start_and_at_the_other_servers_after_their_next_look() -> None:
    first = Governed()
    second = Governed(first.kept)
    await first.put(presence="named")
    await second.administering.look()
    assert second.in_force().presence == "named"
    await first.reset()
    await second.administering.look()
    assert second.in_force().presence == "stealth"


async def test_at_a_start_without_the_database_what_was_read_last_is_in_force_and_nothing_is_changed() -> None:
    governed = Governed()
    governed.kept.is_away, governed.kept.read_last = True, {"default": {"presence": "named"}}
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(governed.administering.keep(is_shared=False))
        while governed.in_force().presence == "stealth":
            await asyncio.sleep(0)
        assert await governed.refused(tone=False) == "unavailable"
        keeping.cancel()
    governed.kept.is_away = False
    await governed.administering.look()
    assert governed.in_force().presence == "stealth"


async def test_a_reload_leaves_what_the_database_has_and_takes_the_rest() -> None:
    governed = Governed(presence="indicated")
    await governed.put(presence="named")
    written = governed.administering.beside(policy(presence="stealth", tone=False))
    assert reload(governed.exchange, written)
    assert (governed.in_force().presence, governed.in_force().tone) == ("named", False)
    (fact,) = governed.exchange.book.told("policy.changed")[1:]
    assert (fact.tenant, fact.detail["before"], fact.detail["now"]) == ("default", "tone:True", "tone:False")
    await governed.reset()
    assert governed.in_force().presence == "stealth"


async def test_a_rule_that_goes_with_the_configuration_no_more_is_left_out_alone() -> None:
    governed = Governed()
    governed.kept.policies["default"] = {"presence": "named", "private_code": "*76", "colour": "red", "tone": "perhaps"}
    governed.kept.revision = 1
    await governed.administering.look()
    assert governed.in_force() == PolicySettings(presence="named")


async def test_two_codes_of_the_database_may_be_each_others_of_the_configuration() -> None:
    governed = Governed()
    await governed.put(private_code="*76", help_code="*77")
    assert (governed.in_force().private_code, governed.in_force().help_code) == ("*76", "*77")


async def test_an_agent_who_is_listened_to_is_told_at_once_where_his_tenant_indicates_from_now_on() -> None:
    governed = Governed()
    governed.dials("*1robert")
    assert tones(governed) == []
    await governed.put(presence="indicated")
    assert tones(governed) == [governed.exchange.leg("agent")]
    await governed.put(presence="named")
    await governed.put(presence="stealth")
    await governed.put(listeners_seen_by="permitted")
    assert tones(governed) == [governed.exchange.leg("agent")]


async def test_an_agent_who_is_alone_with_his_customer_is_told_nothing() -> None:
    governed = Governed()
    await governed.put(presence="indicated")
    assert tones(governed) == []


async def test_a_reload_tells_him_too() -> None:
    supervised = Supervised()
    supervised.dials("*1robert")
    assert reload(supervised.exchange, policy(presence="named"))
    assert tones(supervised) == [supervised.exchange.leg("agent")]


async def test_whose_a_talk_is_is_not_said_any_more_where_listeners_are_hidden_from_now_on() -> None:
    governed = Governed()
    governed.dials("*2robert")
    governed.dials("*2robert")
    await governed.put(listeners_seen_by="permitted")
    governed.dials("*2robert")
    named, hidden = (event.reason for event in governed.phone.told(Rejected))
    assert ("eve" in named, "another supervisor whispers" in hidden) == (True, True)


async def test_clients_are_told_that_the_policy_changed_and_whether_it_shows_listeners_or_offers_commands_otherwise() -> None:
    governed = Governed()
    await governed.put(presence="named")
    await governed.put(listeners_seen_by="permitted")
    await governed.put(may_ask_help=False)
    told = [event.body["detail"] for event in governed.exchange.heard if event.kind == "policy.changed"]
    assert [(detail["now"], detail["shows_listeners_otherwise"], detail["offers_otherwise"]) for detail in told] == [
        ("presence:named", False, False),
        ("listeners_seen_by:permitted", True, False),
        ("may_ask_help:False", False, True),
    ]


async def test_what_an_agent_did_while_he_was_allowed_to_he_takes_back_and_does_not_again() -> None:
    governed = Governed(may_mark_private=True)
    exchange, agent = governed.exchange, governed.exchange.leg("agent")
    exchange.press(agent, "*77*76")
    await governed.put(may_mark_private=False, may_ask_help=False)
    assert exchange.view.is_private
    exchange.press(agent, "*77*76")
    assert (exchange.view.is_private, exchange.view.help) == (False, None)
    exchange.press(agent, "*77*76")
    assert (exchange.view.is_private, exchange.view.help) == (False, None)


def test_the_settings_of_a_house_without_a_database_are_the_configured() -> None:
    governed = Governed()
    assert governed.administering.beside(SETTINGS) == SETTINGS
