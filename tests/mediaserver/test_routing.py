"""Trunks by address, routes by number and header, targets filled in; pure, so settings are written by hand."""

from typing import Any

import pytest

from config.settings import AgentSettings, RouteSettings, Settings
from config.trunks import TrunkSettings
from mediaserver.call.inputs import Target
from mediaserver.signalling.entering.identities import User
from mediaserver.signalling.routing.routes import LONGEST_METADATA, MOST_PASSES, RoutedCall, Router, passed
from mediaserver.signalling.trunks.callers import LONGEST_NUMBER, Caller
from sip.message import Request

PBX = TrunkSettings(name="pbx", addresses=("192.0.2.0/24",), host="192.0.2.1", headers={"X-Queue": "queue", "X-Customer": "customer"})
PROVIDER = TrunkSettings(name="provider", addresses=("198.51.100.7",), host="sip.provider.example")
OTHERS = TrunkSettings(name="others", tenant="other", addresses=("203.0.113.1",), host="203.0.113.1")
ANNA = AgentSettings(name="anna", team="sales", user="1001")
BEN = AgentSettings(name="ben", team="support", user="ben")
OLGA = AgentSettings(name="olga", tenant="other", user="1009")


def router(*routes: RouteSettings, **settings: Any) -> Router:
    """A router over three trunks and three agents of two tenants."""
    return Router(Settings(trunks=(PBX, PROVIDER, OTHERS), agents=(ANNA, BEN, OLGA), routes=routes, **settings))


def to(*targets: str, **facts: Any) -> RouteSettings:
    """A route to these targets."""
    return RouteSettings(targets=targets, **facts)


def invite(called: str, **headers: str) -> Request:
    """An INVITE for a number."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request("INVITE", f"sip:{called}@192.0.2.99", [("From", "<sip:0301234@192.0.2.1>;tag=1"), *named])


def routed(found: Router, called: str, trunk: TrunkSettings = PBX, **headers: str) -> RoutedCall | None:
    """Where a trunk's call goes."""
    return found.route(trunk, None, invite(called, **headers))


def targets(found: Router, called: str, trunk: TrunkSettings = PBX, **headers: str) -> tuple[Target, ...]:
    """The targets of a trunk's call that has a route."""
    call = routed(found, called, trunk, **headers)
    assert call is not None
    return call.targets


# trunks


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("192.0.2.1", "pbx"),
        ("192.0.2.255", "pbx"),
        ("::ffff:192.0.2.1", "pbx"),
        ("198.51.100.7", "provider"),
        ("198.51.100.8", None),
        ("2001:db8::1", None),
        ("fe80::1%eth0", None),
        ("not an address", None),
        ("", None),
    ],
)
def test_a_trunk_is_known_by_its_source_address(source: str, name: str | None) -> None:
    trunk = router().find_trunk(source)
    assert (trunk.name if trunk else None) == name


def test_the_longest_network_wins() -> None:
    wide = TrunkSettings(name="wide", addresses=("10.0.0.0/8", "2001:db8::/32"))
    narrow = TrunkSettings(name="narrow", addresses=("10.1.0.0/16", "2001:db8:1::/48"))
    single = TrunkSettings(name="single", addresses=("10.1.1.1",))
    found = Router(Settings(trunks=(wide, narrow, single)))
    names = {
        source: trunk.name
        for source in ("10.2.0.1", "10.1.0.1", "10.1.1.1", "2001:db8:2::1", "2001:db8:1::1")
        if (trunk := found.find_trunk(source))
    }
    assert names == {
        "10.2.0.1": "wide",
        "10.1.0.1": "narrow",
        "10.1.1.1": "single",
        "2001:db8:2::1": "wide",
        "2001:db8:1::1": "narrow",
    }


# routes


def test_the_first_route_that_matches_wins() -> None:
    found = router(to("agent:anna", number="1000"), to("agent:ben", number="1.*"), to("sip:desk@hotel.example"))
    assert [target.value for number in ("1000", "1234", "2000") for target in targets(found, number)] == [
        "anna",
        "ben",
        "sip:desk@hotel.example",
    ]


def test_a_number_matches_as_a_whole() -> None:
    found = router(to("agent:anna", number="100"))
    assert routed(found, "1000") is None
    assert routed(found, "0100") is None
    assert routed(found, "100") is not None


def test_a_route_is_for_its_trunk() -> None:
    found = router(to("agent:anna", trunk="provider"))
    assert routed(found, "1000", PBX) is None
    assert routed(found, "1000", PROVIDER) is not None


def test_a_header_chooses_a_route() -> None:
    found = router(to("agent:anna", header="X-Kind", header_matches="vip|gold"), to("agent:ben"))
    assert [target.value for target in targets(found, "1000", x_kind="gold")] == ["anna"]
    assert [target.value for target in targets(found, "1000", x_kind="golden")] == ["ben"]
    assert [target.value for target in targets(found, "1000")] == ["ben"]


def test_without_a_route_there_is_no_call() -> None:
    assert routed(router(), "1000") is None


@pytest.mark.parametrize("called", ["*1anna", "*2anna", "*3anna*4711", "*1", "call-0a1b2c", "call-0a1b2c;mode=barge"])
def test_doors_are_never_routed(called: str) -> None:
    found = router(to("agent:anna"))
    assert routed(found, called) is None
    assert found.targets_for("default", called) == ()


@pytest.mark.parametrize("called", ["", "1" * (LONGEST_NUMBER + 1)])
def test_a_number_that_is_none_is_not_routed(called: str) -> None:
    assert routed(router(to("agent:anna")), called) is None


def test_what_is_known_of_a_call_is_kept() -> None:
    found = router(to("agent:anna", queue="support", campaign="spring", ring_timeout=12))
    assert routed(found, "1000", x_customer=" 4711 ") == RoutedCall(
        tenant="default",
        trunk="pbx",
        caller="0301234",
        called="1000",
        targets=(Target("agent", "anna", 12, "anna", "sales"),),
        who=Caller(number="0301234", called="1000"),
        metadata={"queue": "support", "campaign": "spring", "customer": "4711"},
        ring_timeout=12,
    )


def test_the_routes_queue_stands_over_the_headers() -> None:
    found = router(to("agent:anna", queue="support", number="1"), to("agent:anna"))
    for number, queue in (("1", "support"), ("2", "night")):
        call = routed(found, number, x_queue="night")
        assert call is not None
        assert call.metadata == {"queue": queue}


def test_headers_of_strangers_are_bounded_and_printable() -> None:
    call = routed(router(to("agent:anna")), "1000", x_customer="a\x00\x1b[2Jb" + "c" * 1000)
    assert call is not None
    assert call.metadata["customer"].startswith("a[2Jbc")
    assert len(call.metadata["customer"]) < LONGEST_METADATA


# targets


def test_targets_are_tried_in_the_order_they_stand() -> None:
    found = router(to("agent:anna", "sip:desk@hotel.example", "trunk:provider/030555"))
    assert targets(found, "1000") == (
        Target("agent", "anna", None, "anna", "sales"),
        Target("uri", "sip:desk@hotel.example"),
        Target("trunk", "provider/030555"),
    )


def test_number_and_groups_are_filled_in() -> None:
    found = router(
        to("trunk:provider/{number}", "trunk:provider/{1}", "trunk:provider/00{rest}", "agent:{1}", number=r"9(\d\d)(?P<rest>\d*)")
    )
    assert [target.value for target in targets(found, "91277")] == ["provider/91277", "provider/12", "provider/0077"]


def test_an_agent_may_be_dialled_by_name_or_user() -> None:
    found = router(to("agent:{number}"))
    assert [target.value for number in ("anna", "1001", "ben") for target in targets(found, number)] == ["anna", "anna", "ben"]
    assert targets(found, "nobody") == ()


@pytest.mark.parametrize("target", ["trunk:pbx/{number}", "sip:{number}@192.0.2.1"])
def test_an_agent_behind_a_pbx_is_recognised_by_his_user(target: str) -> None:
    found = router(to(target))
    assert [(one.agent, one.team) for one in targets(found, "1001")] == [("anna", "sales")]
    assert [(one.agent, one.team) for one in targets(found, "1002")] == [(None, None)]


def test_agents_and_trunks_of_another_tenant_do_not_exist() -> None:
    found = router(to("agent:olga", "trunk:others/1", "trunk:pbx/1009"))
    assert targets(found, "1") == (Target("trunk", "pbx/1009"),)
    assert [target.value for target in targets(found, "1", OTHERS)] == ["olga", "others/1"]


def test_a_trunk_that_only_calls_in_is_no_target() -> None:
    found = Router(Settings(trunks=(PBX, TrunkSettings(name="in", addresses=("192.0.2.5",))), routes=(to("trunk:in/1"),)))
    assert targets(found, "1") == ()


@pytest.mark.parametrize("called", ["1001%40evil.example", "1%3Btransport=tcp", "1%3Fx=y", "1%2F..", "1%3Csip", "1%20x", "%23"])
def test_what_a_caller_dials_stays_one_word(called: str) -> None:
    found = router(to("sip:{number}@pbx.example", "trunk:pbx/{number}"))
    for target in targets(found, called):
        user = target.value.removeprefix("sip:").removeprefix("pbx/").removesuffix("@pbx.example")
        assert not set(user) & set("@;?/<> #")


def test_a_group_that_took_no_part_is_empty() -> None:
    found = router(to("trunk:pbx/0{1}", number=r"1(2)?3?"))
    assert [target.value for target in targets(found, "13")] == ["pbx/0"]


def test_a_target_with_nothing_to_dial_is_left_out() -> None:
    assert targets(router(to("trunk:pbx/{1}", number=r"1(2)?")), "1") == ()


# our own users


def test_an_agent_who_calls_out_is_the_agent() -> None:
    user = User(name="1001", may_call=True)
    call = router(to("trunk:provider/{number}", trunk="users", number="0.*")).route(None, user, invite("0305"))
    assert call is not None
    assert (call.trunk, call.agent, call.team) == ("users", "anna", "sales")


def test_a_user_who_is_no_agent_is_a_caller() -> None:
    user = User(name="guest", may_call=True)
    call = router(to("agent:anna", trunk="users")).route(None, user, invite("1"))
    assert call is not None
    assert call.agent is None


def test_a_users_tenant_is_his_calls() -> None:
    user = User(name="1009", tenant="other", may_call=True)
    call = router(to("agent:anna", "agent:olga", trunk="*")).route(None, user, invite("1"))
    assert call is not None
    assert (call.tenant, call.agent, [target.value for target in call.targets]) == ("other", "olga", ["olga"])


def test_who_is_neither_trunk_nor_user_is_not_routed() -> None:
    assert router(to("agent:anna")).route(None, None, invite("1")) is None


def test_what_the_server_may_dial_for_an_agent_are_the_users_routes() -> None:
    found = router(to("agent:ben", trunk="pbx"), to("trunk:provider/{number}", trunk="users", number="0.*"))
    assert found.targets_for("default", "0305") == (Target("trunk", "provider/0305"),)
    assert found.targets_for("default", "1") == ()
    assert found.targets_for("other", "0305") == ()


def test_agents_are_asked_for_by_tenant() -> None:
    found = router()
    assert (found.agent_called("default", "1001"), found.agent_called("default", "anna")) == ("anna", "anna")
    assert found.agent_called("other", "anna") is None
    assert (found.user_of_agent("default", "anna"), found.user_of_agent("other", "anna")) == ("1001", None)
    assert (found.team_of("default", "ben"), found.team_of("default", "nobody")) == ("support", "")
    assert (found.trunk("pbx"), found.trunk("nothing")) == (PBX, None)


# loops


def test_a_call_may_pass_under_another_number_but_not_under_the_same() -> None:
    first = passed(None, "server", "1000")
    assert first is not None
    second = passed(first, "server", "2000")
    assert second is not None
    assert passed(second, "server", "1000") is None
    assert passed(second, "server", "2000") is None
    assert passed(second, "another server", "1000") is not None


def test_a_call_may_not_pass_for_ever() -> None:
    path: str | None = None
    for number in range(MOST_PASSES):
        path = passed(path, "server", str(number))
        assert path is not None
    assert passed(path, "server", "one more") is None


def test_a_path_that_is_nonsense_is_bounded() -> None:
    path = passed(", ".join(["x"] * 5000), "server", "1000")
    assert path is None
    assert "1000" not in (passed("x", "server", "1000") or "")


def test_an_agent_who_is_at_home_in_a_pbx_is_known_by_his_extension() -> None:
    carla = AgentSettings(name="carla", team="sales", extension="2002")
    found = Router(Settings(trunks=(PBX,), agents=(carla,), routes=(to("trunk:pbx/{number}", "sip:2002@192.0.2.50"),))).route(
        PBX, None, invite("2002")
    )
    assert found is not None
    assert [(target.kind, target.agent, target.team) for target in found.targets] == [
        ("trunk", "carla", "sales"),
        ("uri", "carla", "sales"),
    ]
