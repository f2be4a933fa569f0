"""The office: signing in by password, what administrators may end, and what is written down."""

from typing import Any

import pytest

from config.settings import Settings, TokenSettings
from control_api.identities import ceiling_of
from control_api.permissions import Identity, Refusal, Subject
from control_api.signing_in.office import NOBODY, Office
from control_api.tokens import TokenStore, hash_of
from tests.control_api.desk import ANNA
from tests.control_api.signing_in.offices import SETTINGS, Clock, Notes, office_of

HOME = "192.0.2.1"


async def identity(office: Office, name: str, password: str, tenant: str = "default") -> Identity:
    """Somebody who signed in."""
    return (await office.sign_in(tenant, name, password, HOME)).identity


def changed(**sections: Any) -> Settings:
    return Settings.model_validate(SETTINGS.model_dump() | sections)


async def test_a_right_password_gives_a_session_within_the_roles_ceiling() -> None:
    office = office_of()
    granted = await office.sign_in("default", "carla", "open sesame", HOME)
    found = office.sessions.find(granted.access)
    assert found is not None
    assert (found.name, found.tenant, found.ceiling) == ("carla", "default", ceiling_of(SETTINGS.roles[0]))


@pytest.mark.parametrize(("name", "password"), [("carla", "wrong"), ("nobody", "open sesame"), ("carla", ""), ("carla", NOBODY)])
async def test_a_wrong_password_and_an_unknown_name_are_refused_alike(name: str, password: str) -> None:
    with pytest.raises(Refusal) as refused:
        await office_of().sign_in("default", name, password, HOME)
    assert (refused.value.code, refused.value.text) == ("unauthenticated", "name or password is wrong")


async def test_an_unknown_name_costs_a_comparison_too() -> None:
    compared: list[str] = []

    async def compare(kept: str, said: str) -> bool | None:
        compared.append(kept)
        return False

    office = office_of(check_password=compare)
    for name in ("carla", "nobody"):
        with pytest.raises(Refusal):
            await office.sign_in("default", name, "x", HOME)
    assert compared == ["open sesame", NOBODY]


async def test_the_same_name_in_another_tenant_is_somebody_else() -> None:
    office = office_of()
    with pytest.raises(Refusal):
        await office.sign_in("second", "carla", "open sesame", HOME)
    assert (await identity(office, "carla", "other", "second")).tenant == "second"


async def test_repeated_failure_locks_even_the_right_password_and_is_written_down() -> None:
    clock, notes = Clock(), Notes()
    office = office_of(clock=clock, notes=notes)
    for _ in range(SETTINGS.signing_in.failures):
        with pytest.raises(Refusal):
            await office.sign_in("default", "carla", "guess", HOME)
    with pytest.raises(Refusal) as refused:
        await office.sign_in("default", "carla", "open sesame", HOME)
    assert refused.value.code == "too_many"
    assert notes.denials[-1] == ("password", HOME, "too_many")
    clock.now += SETTINGS.signing_in.lock
    assert (await identity(office, "carla", "open sesame")).name == "carla"


async def test_a_comparison_that_cannot_be_made_is_no_failure() -> None:
    async def busy(kept: str, said: str) -> bool | None:
        return None

    office = office_of(check_password=busy)
    for _ in range(SETTINGS.signing_in.failures + 1):
        with pytest.raises(Refusal) as refused:
            await office.sign_in("default", "carla", "open sesame", HOME)
        assert refused.value.code == "unavailable"


async def test_signing_in_and_out_is_written_down() -> None:
    notes = Notes()
    office = office_of(notes=notes)
    granted = await office.sign_in("default", "carla", "open sesame", HOME)
    office.sign_out(granted.identity, HOME)
    assert office.sessions.find(granted.access) is None
    assert notes.kinds == ["session.opened", "session.withdrawn"]


async def test_a_configured_token_has_no_session_to_end() -> None:
    with pytest.raises(Refusal) as refused:
        office_of().sign_out(ANNA, HOME)
    assert refused.value.code == "conflict"


# administrators


async def test_an_administrator_sees_the_sessions_of_his_tenant_alone() -> None:
    office = office_of()
    await office.sign_in("default", "carla", "open sesame", HOME)
    dora, stranger = await identity(office, "dora", "hush"), await identity(office, "carla", "other", "second")
    assert [session["identity"] for session in office.listed(dora)] == ["carla", "dora"]
    assert [session["identity"] for session in office.listed(stranger)] == ["carla"]


async def test_who_is_no_administrator_sees_none_and_ends_his_own_only() -> None:
    office = office_of()
    carla, dora = await office.sign_in("default", "carla", "open sesame", HOME), await office.sign_in("default", "dora", "hush", HOME)
    with pytest.raises(Refusal, match="right admin"):
        office.listed(carla.identity)
    with pytest.raises(Refusal, match="right admin"):
        office.withdraw(carla.identity, dora.session)
    second = await office.sign_in("default", "carla", "open sesame", HOME)
    office.withdraw(carla.identity, second.session)
    assert office.sessions.find(second.access) is None
    assert office.sessions.find(carla.access) is not None


async def test_another_tenants_session_does_not_exist_for_an_administrator() -> None:
    office = office_of()
    carla, stranger = await office.sign_in("default", "carla", "open sesame", HOME), await identity(office, "carla", "other", "second")
    with pytest.raises(Refusal) as refused:
        office.withdraw(stranger, carla.session)
    assert refused.value.code == "not_found"
    assert office.sessions.find(carla.access) is not None


async def test_a_withdrawal_is_told_at_once() -> None:
    office, told = office_of(), []
    carla, dora = await office.sign_in("default", "carla", "open sesame", HOME), await identity(office, "dora", "hush")
    office.on_withdrawn.append(lambda: told.append(carla.identity.standing.is_withdrawn))
    office.withdraw(dora, carla.session)
    assert told == [True]


async def test_a_session_that_makes_room_for_another_is_told_of_as_withdrawn() -> None:
    notes, told = Notes(), []
    office = office_of(changed(signing_in={"sessions_each": 2}), notes=notes)
    eldest, _ = [await office.sign_in("default", "carla", "open sesame", HOME) for _ in range(2)]
    office.on_withdrawn.append(lambda: told.append(eldest.identity.standing.is_withdrawn))
    assert notes.kinds == ["session.opened"] * 2
    await office.sign_in("default", "carla", "open sesame", HOME)
    assert told == [True]
    assert notes.kinds[2:] == ["session.opened", "session.withdrawn"]
    detail = {"session": eldest.session, "whose": "carla", "why": "another session took its room"}
    assert notes.changes[-1] == ("session.withdrawn", "carla", detail)


async def test_who_is_shut_out_loses_every_session_and_gets_no_other_until_let_in() -> None:
    notes = Notes()
    office = office_of(notes=notes)
    carla, dora = await office.sign_in("default", "carla", "open sesame", HOME), await identity(office, "dora", "hush")
    office.shut_out(dora, "carla")
    assert office.sessions.find(carla.access) is None
    with pytest.raises(Refusal):
        await office.sign_in("default", "carla", "open sesame", HOME)
    assert (await identity(office, "carla", "other", "second")).name == "carla"
    office.let_in(dora, "carla")
    assert (await identity(office, "carla", "open sesame")).name == "carla"
    assert [kind for kind in notes.kinds if kind.startswith("identity.")] == ["identity.shut_out", "identity.let_in"]


async def test_nobody_shuts_himself_out_or_somebody_unknown() -> None:
    office = office_of()
    dora = await identity(office, "dora", "hush")
    for name, code in (("dora", "conflict"), ("nobody", "not_found")):
        with pytest.raises(Refusal) as refused:
            office.shut_out(dora, name)
        assert refused.value.code == code


# links


async def test_a_link_needs_its_right_and_a_call_that_one_may_listen_to() -> None:
    office = office_of()
    carla, dora = await identity(office, "carla", "open sesame"), await identity(office, "dora", "hush")
    call = Subject("default", "robert", "support", "c1")
    with pytest.raises(Refusal, match="right links"):
        office.make_link(dora, call, None)
    with pytest.raises(Refusal, match="no such call"):
        office.make_link(carla, Subject("default", "maria", "north", "c2"), None)
    with pytest.raises(Refusal, match="private"):
        office.make_link(carla, Subject("default", "robert", "support", "c1", is_private=True), None)


async def test_a_link_lasts_no_longer_than_links_may_and_its_guest_no_longer_than_guests() -> None:
    clock = Clock()
    office = office_of(clock=clock)
    carla = await identity(office, "carla", "open sesame")
    made = office.make_link(carla, Subject("default", "robert", "support", "c1"), 1e4)
    assert made["expires_in"] == SETTINGS.signing_in.link
    guest = office.use_link(made["token"], HOME)
    assert guest.identity.name.startswith("carla/link-")
    clock.now += SETTINGS.signing_in.guest
    assert office.sessions.find(guest.access) is None


async def test_a_guest_goes_when_his_host_is_shut_out() -> None:
    office = office_of()
    carla, dora = await identity(office, "carla", "open sesame"), await identity(office, "dora", "hush")
    guest = office.use_link(office.make_link(carla, Subject("default", "robert", "support", "c1"), None)["token"], HOME)
    office.shut_out(dora, "carla")
    assert guest.identity.standing.is_withdrawn


async def test_a_link_that_was_used_or_expired_is_refused_and_is_no_guess() -> None:
    clock, notes = Clock(), Notes()
    office = office_of(clock=clock, notes=notes)
    carla = await identity(office, "carla", "open sesame")
    call = Subject("default", "robert", "support", "c1")
    used, expires = office.make_link(carla, call, None)["token"], office.make_link(carla, call, 10)["token"]
    office.use_link(used, HOME)
    clock.now += 10
    for token in (used, expires) * 20:
        with pytest.raises(Refusal) as refused:
            office.use_link(token, HOME)
        assert refused.value.code == "unauthenticated"
    assert notes.denials == [("link", HOME, "unauthenticated")] * 40
    office.use_link(office.make_link(carla, call, None)["token"], HOME)


async def test_guessed_links_lock_whatever_used_ones_come_between() -> None:
    office = office_of(clock=Clock())
    carla = await identity(office, "carla", "open sesame")
    token = office.make_link(carla, Subject("default", "robert", "support", "c1"), None)["token"]
    office.use_link(token, HOME)
    codes = []
    for _ in range(SETTINGS.signing_in.failures + 1):
        for tried in (token, "msl_guessed"):
            with pytest.raises(Refusal) as refused:
                office.use_link(tried, HOME)
            codes.append(refused.value.code)
    assert codes == ["unauthenticated"] * 2 * SETTINGS.signing_in.failures + ["too_many"] * 2


# new settings


async def test_who_is_no_longer_configured_is_out() -> None:
    office = office_of()
    carla = await office.sign_in("default", "carla", "open sesame", HOME)
    office.take(changed(identities=[]))
    assert office.sessions.find(carla.access) is None


async def test_who_may_do_less_now_is_out_and_who_may_do_more_stays() -> None:
    office = office_of()
    carla = await office.sign_in("default", "carla", "open sesame", HOME)
    office.take(changed(roles=[{"name": "lead", "agents": ["*"], "mode": "barge", "rights": ["end", "links", "admin"]}]))
    assert office.sessions.find(carla.access) is not None
    office.take(changed(roles=[{"name": "lead", "teams": ["support"], "mode": "listen"}]))
    assert office.sessions.find(carla.access) is None
    assert (await identity(office, "carla", "open sesame")).ceiling.mode == "listen"


async def test_who_is_shut_out_stays_it_over_new_settings_until_let_in() -> None:
    office = office_of()
    tokens = TokenStore(())
    office.others.append(tokens.standings)
    dora = await identity(office, "dora", "hush")
    office.shut_out(dora, "carla")
    tokens.take([TokenSettings.model_validate({"identity": "carla", "sha256": hash_of("new"), "ceiling": {"agents": ["*"]}})])
    office.take(changed(roles=[{"name": "lead", "teams": ["support"], "mode": "listen"}]))
    assert tokens.identity("new") is None
    with pytest.raises(Refusal, match="name or password is wrong"):
        await office.sign_in("default", "carla", "open sesame", HOME)
    office.let_in(dora, "carla")
    assert (await identity(office, "carla", "open sesame")).ceiling.mode == "listen"
