"""Identities of the database: granted within one's own ceiling and tenant, written down before they are in force, withdrawn at once."""

import asyncio
from typing import Any

import pytest

from config.settings import UserSettings
from control_api.governing_models import PutIdentityCommand
from control_api.permissions import Ceiling, Identity, Refusal, Right
from control_api.tokens import TokenStore
from mediaserver.signalling.desk.administering import Administering
from mediaserver.signalling.desk.governing import Governing
from mediaserver.signalling.reloading import Reloading
from mixer.modes import Mode
from tests.mediaserver.signalling.desk.administered import Kept
from tests.mediaserver.signalling.exchange import SETTINGS, Exchange

ADMIN = Identity("ada", "default", Ceiling(frozenset({"*"}), frozenset(), Mode.WHISPER, frozenset({Right.ADMIN, Right.END})))
NORTH = Identity("nora", "default", Ceiling(teams=frozenset({"north"}), mode=Mode.LISTEN, rights=frozenset({Right.ADMIN})))
ELSEWHERE = Identity("otto", "second", ADMIN.ceiling)
CONFIGURED = {"identities": [{"name": "carla", "password": "open sesame", "ceiling": {"agents": ["*"], "mode": "listen"}}]}


class Governed:
    """A house with a database in memory."""

    def __init__(self, kept: Kept | None = None, **said: Any) -> None:
        self.exchange = Exchange(SETTINGS.model_validate(SETTINGS.model_dump() | CONFIGURED | said))
        self.kept = kept or Kept()
        self.office = self.exchange.office
        self.administering = Administering(self.exchange.house, self.office, self.kept.ask)
        self.governing = Governing(self.administering, self.hashed)

    async def hashed(self, password: str) -> str:
        """As the exchange's office compares them."""
        return password

    async def put(self, by: Identity = ADMIN, name: str = "vera", **fields: Any) -> dict[str, Any]:
        """Add or change one."""
        (shown,) = (await self.governing.put(by, PutIdentityCommand(id=1, identity=name, **fields)))["identities"]
        return dict(shown)

    async def refused(self, by: Identity = ADMIN, name: str = "vera", **fields: Any) -> str:
        """With which code that is refused; nothing changed."""
        before = dict(self.kept.identities)
        with pytest.raises(Refusal) as refused:
            await self.put(by, name, **fields)
        assert self.kept.identities == before
        return refused.value.code

    @property
    def written(self) -> list[str]:
        """Kinds of what stands in the audit log."""
        return [fact.kind for fact in self.exchange.book.facts]


async def test_who_was_added_signs_in_within_his_ceiling_and_it_was_written_down_before() -> None:
    governed = Governed()
    shown = await governed.put(password="long enough", agents=("*",), mode="listen")
    assert (shown["configured"], shown["has_password"], "password" in shown) == (False, True, False)
    assert governed.written[-2:] == ["command.permitted", "identity.added"]
    granted = await governed.office.sign_in("default", "vera", "long enough", "192.0.2.1")
    assert granted.identity.ceiling == Ceiling(frozenset({"*"}), frozenset(), Mode.LISTEN)
    assert not [fact for fact in governed.exchange.book.facts if "long enough" in str(fact)]


async def test_nobody_grants_beyond_his_own_ceiling_nor_changes_whoever_is_beyond_it() -> None:
    governed = Governed()
    assert await governed.refused(agents=("*",), mode="barge") == "forbidden"
    assert await governed.refused(agents=("*",), rights=("take_over",)) == "forbidden"
    assert await governed.refused(numbers=("sip:vera@192.0.2.9",)) == "forbidden"
    assert await governed.refused(Identity("lars", "default", Ceiling(frozenset({"*"}), mode=Mode.BARGE))) == "forbidden"
    await governed.put(agents=("*",), mode="whisper", password="long enough")
    assert await governed.refused(NORTH, password="another one") == "forbidden"
    with pytest.raises(Refusal, match="beyond your own"):
        await governed.governing.remove(NORTH, "vera")


async def test_names_of_the_configuration_and_ones_own_are_not_taken() -> None:
    governed = Governed()
    assert [await governed.refused(name=name) for name in ("carla", "eve", "ada")] == ["conflict"] * 3
    listed = (await governed.governing.identities(ADMIN))["identities"]
    assert [(one["identity"], one["configured"], one["mode"]) for one in listed] == [("carla", True, "listen")]


async def test_an_administrator_of_another_tenant_sees_and_touches_nobody_here() -> None:
    governed = Governed()
    await governed.put(agents=("robert",), mode="listen", password="long enough")
    assert (await governed.governing.identities(ELSEWHERE))["identities"] == []
    with pytest.raises(Refusal) as refused:
        await governed.governing.remove(ELSEWHERE, "vera")
    assert refused.value.code == "not_found"
    await governed.put(ELSEWHERE, password="another one")
    assert (await governed.office.sign_in("default", "vera", "long enough", "192.0.2.1")).identity.tenant == "default"


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"mode": None}, {"password": "another one"}], ids=["disabled", "lowered", "password"]
)
async def test_what_is_taken_away_ends_at_once(change: dict[str, Any]) -> None:
    governed = Governed()
    fields: dict[str, Any] = {"agents": ("robert",), "mode": "listen"}
    await governed.put(password="long enough", **fields)
    granted = await governed.office.sign_in("default", "vera", "long enough", "192.0.2.1")
    await governed.put(**fields | change)
    assert granted.identity.standing.is_withdrawn


async def test_who_was_removed_is_out() -> None:
    governed = Governed()
    await governed.put(password="long enough", agents=("robert",), mode="listen")
    granted = await governed.office.sign_in("default", "vera", "long enough", "192.0.2.1")
    await governed.governing.remove(ADMIN, "vera")
    assert granted.identity.standing.is_withdrawn
    assert governed.kept.identities == {}


async def test_a_change_that_the_database_does_not_take_is_none() -> None:
    governed = Governed()
    await governed.governing.identities(ADMIN)
    governed.kept.is_away = True
    assert await governed.refused(password="long enough") == "unavailable"
    with pytest.raises(Refusal):
        await governed.office.sign_in("default", "vera", "long enough", "192.0.2.1")


async def test_who_is_in_the_database_signs_in_after_a_start_and_stays_over_a_reload() -> None:
    governed = Governed()
    await governed.put(password="long enough", agents=("robert",), mode="listen")
    again = Governed(governed.kept)
    await again.administering.keep(is_shared=False)
    await again.office.sign_in("default", "vera", "long enough", "192.0.2.1")
    assert [one.name for one in again.administering.beside(SETTINGS).identities] == ["vera"]


async def test_what_is_done_at_one_server_is_in_force_at_the_others_after_their_next_look() -> None:
    first = Governed()
    second = Governed(first.kept)
    await first.put(password="long enough", agents=("robert",), mode="listen")
    await second.administering.look()
    granted = await second.office.sign_in("default", "vera", "long enough", "192.0.2.1")
    await first.put(agents=("robert",), mode="listen", user="eve")
    await second.administering.look()
    assert not granted.identity.standing.is_withdrawn
    await first.put(password="another one", agents=("robert",), mode="listen")
    await second.administering.look()
    assert granted.identity.standing.is_withdrawn
    granted = await second.office.sign_in("default", "vera", "another one", "192.0.2.1")
    await first.governing.remove(ADMIN, "vera")
    await second.administering.look()
    assert granted.identity.standing.is_withdrawn


async def test_while_the_database_is_away_what_was_read_last_goes_on() -> None:
    governed = Governed()
    await governed.put(password="long enough", agents=("robert",), mode="listen")
    governed.kept.is_away = True
    with pytest.raises(Refusal):
        await governed.administering.look()
    await governed.office.sign_in("default", "vera", "long enough", "192.0.2.1")


async def test_a_change_that_may_have_been_done_is_looked_for() -> None:
    governed = Governed()
    await governed.governing.identities(ADMIN)
    governed.kept.is_away = True
    assert await governed.refused(password="long enough") == "unavailable"
    governed.kept.is_away = False
    await Governed(governed.kept).put(password="long enough", agents=("robert",))
    (_, vera) = (await governed.governing.identities(ADMIN))["identities"]
    assert vera["identity"] == "vera"


ROLES: dict[str, Any] = {
    "roles": [{"name": "lead", "agents": ["*"], "mode": "whisper"}, {"name": "chief", "agents": ["*"], "mode": "barge"}]
}


async def test_somebody_of_the_database_has_a_role_by_its_name_and_goes_as_far_as_it_does() -> None:
    governed = Governed(**ROLES)
    shown = await governed.put(password="long enough", role="lead")
    assert (shown["role"], shown["agents"], shown["mode"]) == ("lead", ["*"], "whisper")
    granted = await governed.office.sign_in("default", "vera", "long enough", "192.0.2.1")
    assert granted.identity.ceiling == Ceiling(frozenset({"*"}), frozenset(), Mode.WHISPER)
    without_it = {"roles": ROLES["roles"][1:]}
    governed.office.take(governed.administering.beside(SETTINGS.model_validate(SETTINGS.model_dump() | CONFIGURED | without_it)))
    assert granted.identity.standing.is_withdrawn


async def test_a_role_beyond_ones_own_ceiling_one_that_is_not_there_and_one_beside_a_ceiling_are_refused() -> None:
    governed = Governed(**ROLES)
    assert await governed.refused(role="chief") == "forbidden"
    assert await governed.refused(role="led") == "bad_request"
    assert await governed.refused(role="lead", agents=("robert",)) == "bad_request"
    await governed.put(role="lead")
    with pytest.raises(Refusal, match="beyond your own"):
        await governed.governing.remove(NORTH, "vera")


async def test_one_who_cannot_be_read_keeps_nobody_else_out_nor_the_server_from_starting() -> None:
    governed = Governed()
    await governed.put(password="long enough", agents=("robert",), mode="listen")
    vera = governed.kept.identities["default", "vera"]
    governed.kept.identities["default", "ward"] = vera | {"name": "ward", "ceiling": {"mode": "eavesdrop"}}
    again = Governed(governed.kept)
    await again.administering.keep(is_shared=False)
    await again.office.sign_in("default", "vera", "long enough", "192.0.2.1")
    assert again.exchange.house.counters.value("faults", "identities") == 1
    await again.put(name="ward", password="another one", agents=("robert",), mode="listen")
    await again.office.sign_in("default", "ward", "another one", "192.0.2.1")


async def test_who_was_read_because_somebody_asked_signs_in_too() -> None:
    governed = Governed()
    await governed.put(password="long enough", agents=("robert",), mode="listen")
    again = Governed(governed.kept)
    await again.governing.identities(ADMIN)
    await again.office.sign_in("default", "vera", "long enough", "192.0.2.1")


async def test_what_was_read_late_does_not_undo_a_change() -> None:
    governed = Governed()
    slow: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    at_once, governed.administering.ask = governed.kept.ask, lambda what, **given: slow
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(governed.administering.look())
        await asyncio.sleep(0)
        governed.administering.ask = at_once
        tasks.create_task(governed.put(password="long enough", agents=("robert",), mode="listen"))
        await asyncio.sleep(0)
        slow.set_result({"revision": 0, "identities": [], "policies": {}})
    await governed.office.sign_in("default", "vera", "long enough", "192.0.2.1")


@pytest.mark.parametrize("fields", [{"agents": ("nobody",)}, {"teams": ("west",)}, {"user": "zoe"}], ids=["agent", "team", "user"])
async def test_what_names_nobody_of_the_tenant_is_bad(fields: dict[str, Any]) -> None:
    assert await Governed().refused(**fields) == "bad_request"


async def test_a_configuration_whose_secrets_cannot_be_opened_is_not_the_one_that_counts() -> None:
    governed = Governed()
    exchange, sealed = governed.exchange, UserSettings(name="zoe", ha1_md5="aesgcm$00000000$sealed")
    written = SETTINGS.model_copy(update={"users": (*SETTINGS.users, sealed)})
    beside = governed.administering.beside
    reloading = Reloading(exchange.house, exchange.users, TokenStore(()), governed.office, lambda: written, beside)
    assert not reloading.reload()
    assert [one["identity"] for one in (await governed.governing.identities(ADMIN))["identities"]] == ["carla"]
    written = SETTINGS
    assert reloading.reload()
    assert (await governed.governing.identities(ADMIN))["identities"] == []
