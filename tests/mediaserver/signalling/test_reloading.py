"""Settings read anew: what changed is taken while calls go on, and what cannot be used changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from config.errors import ConfigError, Problem
from config.settings import Settings, TokenSettings
from control_api.tokens import TokenStore, hash_of
from mediaserver.link.messages import CloseLeg
from mediaserver.signalling.reloading import HOUSE, Reloading
from sip.events import Accepted, InviteReceived, Rejected
from tests.mediaserver.signalling.exchange import ROBERT, SETTINGS, TRUNK, Exchange, Phone
from tests.mediaserver.signalling.trunks.lines import CARRIER, asked, started
from tests.mediaserver.signalling.trunks.test_registered import TRUNK as REGISTERED


def with_changes(settings: Settings, **changes: Any) -> Settings:
    """Settings with other sections."""
    return Settings.model_validate(settings.model_dump() | changes)


def reload(exchange: Exchange, written: Settings | Callable[[], Settings], tokens: TokenStore | None = None) -> bool:
    """SIGHUP."""
    read = written if callable(written) else lambda: written
    return Reloading(exchange.house, exchange.users, tokens or TokenStore(()), exchange.office, read).reload()


def talking() -> tuple[Exchange, Phone]:
    """A server with a call between a customer and robert; the customer's trunk."""
    exchange = Exchange()
    robert = exchange.phone(ROBERT).register("robert", "r")
    trunk = exchange.phone(TRUNK)
    trunk.dial("100")
    robert.answers()
    return exchange, trunk


def test_a_new_route_leads_and_the_call_that_stands_goes_on() -> None:
    exchange, trunk = talking()
    routes = [route.model_dump() for route in SETTINGS.routes] + [{"trunk": "carrier", "number": "300", "targets": ["agent:robert"]}]
    assert reload(exchange, with_changes(SETTINGS, routes=routes))
    assert exchange.closed() == set()
    trunk.dial("300")
    assert len(exchange.switchboard.calls) == 2


def test_a_route_that_is_gone_leads_nowhere() -> None:
    exchange, trunk = talking()
    reload(exchange, with_changes(SETTINGS, routes=[]))
    trunk.dial("100")
    assert [event.status for event in trunk.told(Rejected)] == [404]
    assert exchange.media.worker.of(CloseLeg) == []


def test_a_trunk_that_is_gone_may_call_no_more_and_its_call_goes_on() -> None:
    exchange, trunk = talking()
    reload(exchange, with_changes(SETTINGS, trunks=[], routes=[]))
    trunk.dial("100")
    assert len(trunk.told(Accepted)) == 1
    assert len(exchange.switchboard.calls) == 1


def test_a_users_new_secret_counts_and_the_old_one_does_not() -> None:
    exchange, _ = talking()
    users = [user.model_dump() | ({"secret": "new"} if user.name == "nobody" else {}) for user in SETTINGS.users]
    written = with_changes(SETTINGS, users=[{key: value for key, value in user.items() if value is not None} for user in users])
    before = exchange.users.ha1_of("nobody", "MD5")
    reload(exchange, written)
    assert exchange.users.ha1_of("nobody", "MD5") not in (None, before)


def test_tokens_are_taken() -> None:
    exchange, _ = talking()
    tokens = TokenStore(())
    token = TokenSettings.model_validate({"identity": "eve", "sha256": hash_of("secret"), "ceiling": {"agents": ["*"], "mode": "listen"}})
    reload(exchange, with_changes(SETTINGS, tokens=[token.model_dump()]), tokens)
    assert tokens.identity("secret") is not None
    reload(exchange, with_changes(SETTINGS, tokens=[]), tokens)
    assert tokens.identity("secret") is None


def test_who_signs_in_with_a_password_is_in_the_audit_log_when_he_comes_goes_or_may_do_something_else() -> None:
    exchange, _ = talking()

    def told(role: str, *names: str, password: str = "open sesame") -> list[tuple[str, Any, Any, Any, Any]]:
        before = len(exchange.book.facts)
        roles = [{"name": "coach", "agents": ["*"], "mode": "whisper"}, {"name": "ear", "teams": ["north"], "mode": "listen"}]
        identities = [{"name": name, "password": password, "role": role} for name in names]
        reload(exchange, with_changes(exchange.house.settings, roles=roles, identities=identities))
        facts = [fact for fact in exchange.book.facts[before:] if fact.kind.startswith("identity.")]
        keys = ("whose", "before", "ceiling", "password")
        return [(fact.kind, *(fact.detail[key] for key in keys)) for fact in facts]

    assert told("coach", "carla") == [("identity.added", "carla", None, "agent:* mode:whisper", True)]
    assert told("ear", "carla") == [("identity.changed", "carla", "agent:* mode:whisper", "team:north mode:listen", False)]
    assert told("ear", "carla", password="another one") == [
        ("identity.changed", "carla", "team:north mode:listen", "team:north mode:listen", True)
    ]
    assert told("ear") == [("identity.removed", "carla", "team:north mode:listen", None, False)]


def test_an_empty_file_is_no_wish_to_have_everybody_gone() -> None:
    exchange, trunk = talking()
    tokens = TokenStore(())
    before = exchange.house.settings
    assert not reload(exchange, Settings(), tokens)
    assert exchange.house.settings is before
    assert exchange.counters.value("settings", "refused") == 1
    assert exchange.identity("eve").name == "eve"
    trunk.dial("100")
    assert len(exchange.switchboard.calls) == 2


@pytest.mark.parametrize("section", HOUSE)
def test_a_file_that_has_little_and_says_so_is_taken(section: str) -> None:
    exchange, _ = talking()
    identities = [{"name": "vera", "password": "v", "ceiling": {"agents": ["*"], "mode": "listen"}}]
    token = {"identity": "eve", "sha256": hash_of("secret"), "ceiling": {"agents": ["*"], "mode": "listen"}}
    issuer = {"name": "company", "issuer": "https://id.example.com", "audience": "us"}
    given = {"identities": identities, "tokens": [token], "issuers": [issuer]}
    given |= {name: [one.model_dump(exclude_none=True) for one in getattr(SETTINGS, name)] for name in HOUSE if name not in given}
    written = Settings.model_validate({section: given[section]})
    assert reload(exchange, written)
    assert exchange.counters.value("settings", "reloaded") == 1


def test_what_cannot_be_used_changes_nothing() -> None:
    exchange, trunk = talking()

    def broken() -> Settings:
        raise ConfigError((Problem("mediaserver.toml", "routes", "is missing"),))

    assert not reload(exchange, broken)
    trunk.dial("100")
    assert len(exchange.switchboard.calls) == 2
    assert exchange.counters.value("settings", "refused") == 1


def test_what_waits_for_a_restart_is_left_as_it_is() -> None:
    exchange, _ = talking()
    assert not reload(exchange, with_changes(SETTINGS, media=SETTINGS.media.model_dump() | {"seats": 8}))
    assert exchange.house.settings.media.seats == SETTINGS.media.seats


def test_a_trunk_that_did_not_change_stays_registered_and_one_that_did_registers_anew() -> None:
    exchange = started(REGISTERED)
    registrar = exchange.network.station(CARRIER)
    exchange.run()
    seen = len(asked(exchange, "REGISTER"))
    settings = exchange.house.settings
    reload(exchange, with_changes(settings, routes=[]))
    exchange.run()
    assert len(asked(exchange, "REGISTER")) == seen
    (trunk,) = settings.trunks
    reload(exchange, with_changes(settings, routes=[], trunks=[trunk.model_copy(update={"asserts_users": True})]))
    exchange.run()
    assert len(registrar.agent.contacts("alice", exchange.network.now)) == 1
    assert len(asked(exchange, "REGISTER")) > seen
    reload(exchange, with_changes(settings, routes=[], trunks=[]))
    exchange.run()
    assert registrar.agent.contacts("alice", exchange.network.now) == []


def test_a_second_call_rings_whom_the_new_settings_name() -> None:
    exchange, trunk = talking()
    agents = [{"name": "robert", "team": "north", "user": "maria"}]
    maria = exchange.phone(("127.0.2.2", 5060)).register("maria", "m")
    reload(exchange, with_changes(SETTINGS, agents=agents, routes=[{"trunk": "carrier", "number": "100", "targets": ["agent:robert"]}]))
    trunk.dial("100")
    assert len(maria.told(InviteReceived)) == 1


def test_who_may_do_what_since_when_is_written_down() -> None:
    exchange = Exchange()
    old = TokenSettings.model_validate({"identity": "anna", "sha256": hash_of("old"), "ceiling": {"teams": ["north"], "mode": "listen"}})
    settings = with_changes(SETTINGS, tokens=[old.model_dump()])
    exchange.house.settings = settings
    users = [
        user.model_dump() | ({"ceiling": {"agents": ["*"], "mode": "listen"}} if user.name == "eve" else {}) for user in settings.users
    ]
    fresh = {"identity": "anna", "sha256": hash_of("fresh"), "ceiling": {"teams": ["north"], "mode": "barge"}}
    assert reload(exchange, with_changes(settings, users=users, tokens=[fresh]))
    facts = [(fact.kind, dict(fact.detail)) for fact in exchange.book.facts]
    named = {"whose": "anna", "tenant": "default"}
    assert facts == [
        ("token.removed", {"token": hash_of("old")[:8], **named, "ceiling": "team:north mode:listen"}),
        ("token.added", {"token": hash_of("fresh")[:8], **named, "ceiling": "team:north mode:barge"}),
        (
            "identity.changed",
            {
                "whose": "eve",
                "tenant": "default",
                "before": "agent:* mode:barge right:end right:hang_up right:originate",
                "ceiling": "agent:* mode:listen",
            },
        ),
        ("settings.changed", {"sections": "users tokens"}),
    ]
