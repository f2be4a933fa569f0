"""What must be right about trunks."""

from typing import Any

import pytest

from config import checks, schema
from config.settings import Settings

USERS = [
    {"name": "exchange", "secret": "a"},
    {"name": "robert", "secret": "b"},
    {"name": "anna", "secret": "c", "ceiling": {"agents": ["*"], "mode": "listen"}},
    {"name": "far", "tenant": "second", "secret": "d"},
]
TRUNK: dict[str, Any] = {"name": "pbx", "host": "192.0.2.1", "user": "100"}


def findings(*trunks: dict[str, Any], **sections: Any) -> list[str]:
    """What is found in trunks like the right one but for these keys, as ``path: text``."""
    agents = [{"name": "robert", "user": "robert"}]
    settings = Settings.model_validate({"users": USERS, "agents": agents, "trunks": [TRUNK | trunk for trunk in trunks], **sections})
    return [f"{schema.dotted(path)}: {text}" for path, text in checks.find(settings)]


@pytest.mark.parametrize(
    "trunk",
    [
        {},
        {"host": "", "targets": [{"host": "a.example"}, {"host": "192.0.2.2", "transport": "tcp", "priority": 1}]},
        {"host": "", "auth_user": "exchange"},
        {"registration": {}},
        {"host": "", "addresses": ["192.0.2.1"], "registration": {"registrar": "192.0.2.1"}},
        {"trusted": True, "agents_by": "asserted"},
        {"rewrite": [{"match": r"0(?P<rest>\d+)", "replace": r"+49\g<rest>\1"}]},
        {"numbers": {"country": "49", "send": "national"}},
        {"pass_headers": ["X-Account"], "keepalive": {"interval": 10}},
    ],
)
def test_right_trunks_have_no_findings(trunk: dict[str, Any]) -> None:
    assert findings(trunk) == []


@pytest.mark.parametrize(
    ("trunk", "finding"),
    [
        ({"host": ""}, "trunks[0]: give addresses that calls come from, a host that calls go to, or both"),
        ({"targets": [{"host": "a.example"}]}, "trunks[0].targets: and host are both given; host is the short form for one target"),
        ({"agents_by": "from"}, "trunks[0].agents_by: is 'from', and the trunk is not trusted; who calls must be believed for that"),
        ({"auth_user": "exchnge"}, "trunks[0].auth_user: no user is named 'exchnge'; did you mean 'exchange'? (of tenant 'default')"),
        ({"auth_user": "far"}, "trunks[0].auth_user: no user is named 'far'; known: anna, exchange, robert (of tenant 'default')"),
        ({"auth_user": "anna"}, "trunks[0].auth_user: 'anna' has a ceiling; a trunk supervises nobody, so give it a user of its own"),
        ({"auth_user": "robert"}, "trunks[0].auth_user: 'robert' is an agent's phone; give the trunk a user of its own"),
        ({"user": "", "registration": {}}, "trunks[0].user: must be given: it is the number or name that is registered"),
        (
            {"host": "", "addresses": ["192.0.2.1"], "registration": {}},
            "trunks[0].registration.registrar: must be given, since the trunk has no host",
        ),
        (
            {"numbers": {"send": "national"}},
            "trunks[0].numbers.send: is 'national', and numbers.country does not say of which nation",
        ),
        (
            {"keepalive": {"interval": 2}},
            "trunks[0].keepalive.timeout: must be at most keepalive.interval (2)",
        ),
        ({"pass_headers": ["X Account"]}, "trunks[0].pass_headers[0]: 'X Account' is not a header name"),
        (
            {"pass_headers": ["X-Account", "p-asserted-identity"]},
            "trunks[0].pass_headers[1]: 'p-asserted-identity' is each leg's own, or has a rule of its own; name others, such as X-Account",
        ),
        ({"headers": {"X:Queue": "queue"}}, "trunks[0].headers: 'X:Queue' is not a header name"),
        ({"rewrite": [{"match": "1", "replace": r"\1"}]}, "trunks[0].rewrite[0].replace: does not fit match: invalid group reference 1"),
        ({"rewrite": [{"match": "(1", "replace": ""}]}, "trunks[0].rewrite[0].match: is not a regular expression: "),
    ],
)
def test_a_wrong_trunk_is_found(trunk: dict[str, Any], finding: str) -> None:
    (found,) = findings(trunk)
    assert found.startswith(finding)


def test_tcp_needs_tcp() -> None:
    trunk = {"host": "", "targets": [{"host": "a.example", "transport": "tcp"}]}
    assert findings(trunk, sip={"tcp": False}) == ["trunks[0].targets[0].transport: is tcp, and sip.tcp is false; set one of the two"]


def test_a_certificate_is_a_trunk_where_certificates_are_asked_for() -> None:
    trunk = {"host": "", "tls_names": ["pbx.example.com"]}
    asking = {"tls": {"client_certificates": "optional"}}
    assert findings(trunk, sip=asking) == []
    assert findings(trunk) == ["trunks[0].tls_names: are given, and sip.tls.client_certificates is 'off': nobody would be asked for one"]


def test_one_user_and_one_certificate_are_one_trunk() -> None:
    first = {"name": "first", "auth_user": "exchange", "tls_names": ["PBX.example"]}
    second = {"name": "second", "auth_user": "exchange", "tls_names": ["pbx.example"]}
    assert findings(first, second, sip={"tls": {"client_certificates": "optional"}}) == [
        "trunks[0].auth_user: 'exchange' is trunk 'second' already; one user is one trunk",
        "trunks[1].tls_names[0]: 'pbx.example' is trunk 'first' already; one certificate is one trunk",
        "trunks[1].auth_user: 'exchange' is trunk 'first' already; one user is one trunk",
    ]


def test_a_route_may_name_a_trunk_that_logs_in() -> None:
    trunk = {"host": "", "auth_user": "exchange"}
    assert findings(trunk, routes=[{"targets": ["trunk:pbx/100"]}]) == []
