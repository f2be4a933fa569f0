"""What the settings must be to each other."""

from typing import Any

import pytest

from config import checks, schema
from config.settings import Settings

SEALED = "aesgcm$00112233$" + "a" * 80
HASH = "ab" * 32

RIGHT: dict[str, Any] = {
    "trunks": [
        {"name": "pbx", "addresses": ["192.0.2.0/24"], "host": "192.0.2.1"},
        {"name": "door", "addresses": ["198.51.100.7"]},
        {"name": "other", "tenant": "second", "host": "203.0.113.1"},
    ],
    "routes": [
        {
            "trunk": "pbx",
            "number": r"1(\d\d)(?P<rest>.*)",
            "targets": ["agent:robert", "trunk:pbx/9{1}{rest}{0}", "sip:{number}@192.0.2.9"],
        },
        {"targets": ["agent:{number}"]},
        {"trunk": "users", "targets": ["trunk:pbx/{number}"]},
    ],
    "agents": [
        {"name": "robert", "team": "support", "user": "robert"},
        {"name": "robert", "tenant": "second", "user": "robert2"},
    ],
    "users": [
        {"name": "robert", "secret": "a"},
        {"name": "robert2", "tenant": "second", "secret": "b"},
        {"name": "anna", "secret": "c", "pin": "4711", "ceiling": {"teams": ["support"], "agents": ["robert"], "mode": "barge"}},
    ],
    "tokens": [{"identity": "anna", "sha256": HASH, "user": "anna", "numbers": ["sip:anna@192.0.2.7"], "ceiling": {"agents": ["*"]}}],
}


def findings(**changed: Any) -> list[str]:
    """What is found in the right settings with some sections replaced, as ``path: text``."""
    settings = Settings.model_validate(RIGHT | changed)
    return [f"{schema.dotted(path)}: {text}" for path, text in checks.find(settings)]


def changed(section: str, index: int, **values: Any) -> dict[str, Any]:
    """The section with one item's values replaced."""
    items = [dict(item) for item in RIGHT[section]]
    items[index] |= values
    return {section: items}


def added(section: str, **values: Any) -> dict[str, Any]:
    """The section with one more item."""
    return {section: [*RIGHT[section], values]}


def test_right_settings_have_no_findings() -> None:
    assert findings() == []


def test_two_tenants_may_have_agents_of_one_name_with_phones_of_their_own() -> None:
    assert {agent.get("tenant", "default") for agent in RIGHT["agents"]} == {"default", "second"}
    assert findings() == []


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"sip": {"bind": "localhost"}}, "sip.bind: must be an IP address, not 'localhost'"),
        ({"media": {"advertised": "host"}}, "media.advertised: must be an IP address, not 'host'"),
        ({"sip": {"local_networks": ["10/8/8"]}}, "sip.local_networks[0]: must be an IP network such as 10.0.0.0/8, not '10/8/8'"),
        ({"quality": {"poor": 3.6, "fair": 3.5}}, "quality.fair: must be at least quality.poor (3.6)"),
        ({"media": {"first_port": 0, "last_port": 5000}}, "media.first_port: must be at least 1"),
        (
            {"media": {"first_port": 30000, "last_port": 20000}},
            "media.last_port: must be above media.first_port (30000), so that there is a pair of ports to lend",
        ),
        ({"sip": {"udp_port": 20001}}, "sip.udp_port: must be outside of the media ports 20000 to 29999, not 20001"),
        (
            {"sip": {"realm": "a\r\nX: y"}},
            "sip.realm: must be 1 to 128 printable characters without quotes and backslashes, not 'a\\r\\nX: y'",
        ),
        ({"sip": {"realm": ""}}, "sip.realm: must be 1 to 128 printable characters without quotes and backslashes, not ''"),
        ({"sip": {"realm": 'a"b'}}, "sip.realm: must be 1 to 128 printable characters without quotes and backslashes, not 'a\"b'"),
        ({"sip": {"advertised": "a\r\nb"}}, "sip.advertised: must be a host name or an IP address, without a port, not 'a\\r\\nb'"),
        ({"sip": {"domains": ["b", "a b"]}}, "sip.domains[1]: must be a host name or an IP address, without a port, not 'a b'"),
        (
            {"sip": {"tls": {"advertised": "a:5061"}}},
            "sip.tls.advertised: must be a host name or an IP address, without a port, not 'a:5061'",
        ),
        ({"media": {"codecs": []}}, "media.codecs: must name at least one codec"),
        ({"sip": {"registration_min": 4000}}, "sip.registration_min: must be at most sip.registration_max (3600)"),
        ({"sip": {"min_se": 2000}}, "sip.min_se: must be at most sip.session_expires (1800)"),
        ({"media": {"seats": 64, "rows": 8}}, "media.seats: must be at most media.rows (8)"),
        (
            {"media": {"music": "/nowhere/music.wav"}},
            "media.music: there is no file '/nowhere/music.wav'; give a WAV file, or nothing for the built-in melody",
        ),
        ({"control": {"queue": 20000}}, "control.queue: must be at most control.resume (10000), where the events are kept"),
    ],
)
def test_addresses_and_ranges_are_sane(changes: dict[str, Any], finding: str) -> None:
    assert findings(**changes) == [finding]


@pytest.mark.parametrize(
    ("doors", "finding"),
    [
        ({"barge": "*1"}, "doors.barge: '*1' cannot be told from doors.listen ('*1'); no code may begin with another"),
        ({"whisper": "*12"}, "doors.whisper: '*12' cannot be told from doors.listen ('*1'); no code may begin with another"),
        ({"listen": ""}, "doors.listen: must be one to eight of * # 0-9, not ''"),
        ({"listen": "star"}, "doors.listen: must be one to eight of * # 0-9, not 'star'"),
        ({"digits": {"leave": "4"}}, "doors.digits.leave: '4' is doors.digits.listen already; take another digit"),
        ({"api_digits": {"barge": "5"}}, "doors.api_digits.barge: '5' is doors.api_digits.whisper already; take another digit"),
        ({"digits": {"leave": "44"}}, "doors.digits.leave: must be one of 0-9 * # A-D, or empty, not '44'"),
    ],
)
def test_codes_and_digits_can_be_told_apart(doors: dict[str, Any], finding: str) -> None:
    assert findings(doors=doors) == [finding]


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        (added("trunks", name="pbx", host="h"), "trunks[3].name: 'pbx' stands at trunks[0] already; each may be there once"),
        (added("trunks", name="users", host="h"), "trunks[3].name: 'users' means our own users' calls; take another name"),
        (added("trunks", name="idle"), "trunks[3]: give addresses that calls come from, a host that calls go to, or both"),
        (
            added("trunks", name="x", addresses=["host"]),
            "trunks[3].addresses[0]: must be an IP address or network, not 'host'",
        ),
        (
            added("trunks", name="x", addresses=["192.0.2.0/24"]),
            "trunks[3].addresses[0]: 192.0.2.0/24 is trunk 'pbx' already; one source is one trunk",
        ),
        (
            added("trunks", name="x", host="h", transport="tcp") | {"sip": {"tcp": False}},
            "trunks[3].transport: is tcp, and sip.tcp is false; set one of the two",
        ),
        (added("trunks", name="x", host="h", headers={"X Queue": "queue"}), "trunks[3].headers: 'X Queue' is not a header name"),
        (
            added("trunks", name="x", host="h", headers={"Authorization": "a"}),
            "trunks[3].headers: 'Authorization' holds a proof of who somebody is; metadata is shown to everybody who sees the call",
        ),
    ],
)
def test_trunks_are_distinct_and_of_use(changes: dict[str, Any], finding: str) -> None:
    assert findings(**changes) == [finding]


@pytest.mark.parametrize(
    ("route", "finding"),
    [
        ({"trunk": "pbxx", "targets": ["sip:a@b"]}, "trunk: no trunk is named 'pbxx'; did you mean 'pbx'?"),
        ({"number": "(", "targets": ["sip:a@b"]}, "number: is not a regular expression: missing ), unterminated subpattern at position 0"),
        ({"header": "X Y", "targets": ["sip:a@b"]}, "header: 'X Y' is not a header name"),
        ({"header": "X", "header_matches": "[", "targets": ["sip:a@b"]}, "header_matches: is not a regular expression: unterminated"),
        ({"targets": []}, "targets: name at least one target: agent:NAME, sip:URI or trunk:NAME/NUMBER"),
        ({"targets": ["robert"]}, "targets[0]: must be agent:NAME, sip:URI or trunk:NAME/NUMBER, not 'robert'"),
        ({"targets": ["agent:rupert"]}, "targets[0]: no agent is named 'rupert'; did you mean 'robert'?"),
        ({"targets": ["trunk:pxb/1"]}, "targets[0]: no trunk is named 'pxb'; did you mean 'pbx'?"),
        ({"targets": ["trunk:door/1"]}, "targets[0]: trunk 'door' has no host to send calls to"),
        ({"targets": ["trunk:pbx/{2}"], "number": "(.)"}, "targets[0]: {2} is not filled in by the route's number; there are 0, 1, number"),
        (
            {"trunk": "pbx", "targets": ["trunk:other/1"]},
            "targets[0]: no trunk is named 'other'; known: door, pbx (of tenant 'default')",
        ),
        *(
            (
                {"targets": [target]},
                "targets[0]: what is dialled can be filled in before the @ only: callers would say which host is called",
            )
            for target in ("sip:1@{number}", "sip:{number}", "sips:{number}@h;transport={number}")
        ),
    ],
)
def test_routes_lead_somewhere(route: dict[str, Any], finding: str) -> None:
    (found,) = findings(routes=[route])
    assert found.startswith(f"routes[0].{finding}")


def test_a_route_does_not_lead_into_another_tenant() -> None:
    only_second = [{"name": "maria", "tenant": "second", "user": "robert2"}]
    lines = findings(
        agents=only_second,
        users=RIGHT["users"][:2],
        tokens=[],
        routes=[{"trunk": "pbx", "targets": ["agent:maria"]}],
    )
    assert lines == ["routes[0].targets[0]: no agent is named 'maria'; no agent is configured (of tenant 'default')"]


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        (added("agents", name="robert", user="anna"), "agents[2].name: 'robert' stands at agents[0] already; each may be there once"),
        (added("agents", name="maria", user="robert"), "agents[2].user: 'robert' stands at agents[0] already; each may be there once"),
        (added("agents", name="maria", user="maria"), "agents[2].user: no user is named 'maria'; known: anna, robert, robert2"),
        (
            added("agents", name="maria", tenant="second", user="anna"),
            "agents[2].user: 'anna' is of tenant 'default', the agent of 'second'",
        ),
        (added("users", name="anna", secret="x"), "users[3].name: 'anna' stands at users[2] already; each may be there once"),
        (added("users", name="x", secret=""), "users[3].secret: must not be empty"),
        (
            added("users", name="x"),
            "users[3].secret: is missing; `mediaserver user` makes ha1_md5 and ha1_sha256, or give a secret for trying out",
        ),
        (added("users", name="x", secret="y", ha1_md5=SEALED), "users[3].secret: stands beside ha1_md5; keep one of the two"),
        (added("users", name="x", ha1_sha256="y"), "users[3].ha1_sha256: must be a sealed hash such as `mediaserver user` makes"),
        (
            added("users", name="x", secret="y", pin="$argon2id$v=19$nonsense"),
            "users[3].pin: must be 4 to 16 digits, or an argon2id hash such as `mediaserver user --pin` makes",
        ),
        (
            added("users", name="x", secret="y", pin="12a4"),
            "users[3].pin: must be 4 to 16 digits, or an argon2id hash such as `mediaserver user --pin` makes",
        ),
        (
            added("users", name="x", secret="y", ceiling={"agents": ["robbert"]}),
            "users[3].ceiling.agents[0]: no agent is named 'robbert'; did you mean 'robert'?",
        ),
        (
            added("users", name="x", tenant="second", secret="y", ceiling={"teams": ["support"]}),
            "users[3].ceiling.teams[0]: no team is named 'support'; known: *",
        ),
        (changed("tokens", 0, user="ana"), "tokens[0].user: no user is named 'ana'; did you mean 'anna'?"),
        (changed("tokens", 0, user="robert2"), "tokens[0].user: no user is named 'robert2'; did you mean 'robert'?"),
        (
            changed("tokens", 0, numbers=["12345"]),
            "tokens[0].numbers[0]: must be a SIP URI such as sip:anna@192.0.2.77, not '12345'",
        ),
        (
            added("tokens", identity="b", sha256=HASH, ceiling={}),
            "tokens[1].sha256: stands at tokens[0] already; each may be there once",
        ),
        (
            added("tokens", identity="anna", user="anna", sha256="cd" * 32, ceiling={}),
            "tokens[1].identity: 'anna' has a token with another ceiling, user or numbers; make them equal",
        ),
    ],
)
def test_people_are_known_and_distinct(changes: dict[str, Any], finding: str) -> None:
    assert findings(**changes) == [finding]


@pytest.mark.parametrize("user", ["", "robert"])
def test_a_token_named_like_a_sip_user_is_that_users(user: str) -> None:
    text = "must be 'anna': the SIP user of that name counts as the same person; or take another identity"
    assert findings(**changed("tokens", 0, user=user)) == [f"tokens[0].user: {text}"]


def test_a_token_may_be_named_like_another_tenants_user() -> None:
    assert findings(**added("tokens", identity="robert2", sha256="cd" * 32, ceiling={})) == []


def test_an_identity_may_have_two_equal_tokens_while_one_is_replaced() -> None:
    second = dict(RIGHT["tokens"][0]) | {"sha256": "cd" * 32}
    assert findings(tokens=[RIGHT["tokens"][0], second]) == []


def test_an_agent_without_user_and_extension_is_told_what_he_needs() -> None:
    settings = Settings.model_validate({"agents": [{"name": "carla"}, {"name": "dora", "extension": "2002"}]})
    assert list(checks.find(settings)) == [(("agents", 0, "user"), "name his SIP user, or the extension that a trunk knows him by")]
