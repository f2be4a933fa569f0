"""From a URI to hops, by the rules of RFC 3263: each line of a table is one of them."""

import pytest

from sip.location.records import Answer, Naptr, Question, Srv
from sip.location.search import MOST_ALIASES, MOST_HOPS, MOST_SERVERS, Search, Stage
from sip.uri import Uri
from tests.sip.location.asker import HOST, Zone, asked, hops, means, search

SERVED: Zone = {
    **HOST,
    ("example.com", "NAPTR"): (
        Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com."),
        Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com."),
        Naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example.com."),
    ),
    ("_sips._tcp.example.com", "SRV"): (Srv(0, 0, 5061, "a.example.com."),),
    ("_sip._tcp.example.com", "SRV"): (Srv(0, 0, 5060, "a.example.com."), Srv(1, 0, 5070, "b.example.com.")),
    ("_sip._udp.example.com", "SRV"): (Srv(0, 0, 5080, "a.example.com."),),
    ("a.example.com", "A"): ("192.0.2.11",),
    ("b.example.com", "A"): ("192.0.2.12",),
}
BY_TLS, BY_TCP, BY_TCP_TOO, BY_UDP = (
    "tls 192.0.2.11:5061 example.com",
    "tcp 192.0.2.11:5060",
    "tcp 192.0.2.12:5070",
    "udp 192.0.2.11:5080",
)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:u@192.0.2.9", ["udp 192.0.2.9:5060"]),
        ("sip:u@192.0.2.9:5070", ["udp 192.0.2.9:5070"]),
        ("sip:u@192.0.2.9;transport=tcp", ["tcp 192.0.2.9:5060"]),
        ("sip:u@192.0.2.9;transport=TLS", ["tls 192.0.2.9:5061 192.0.2.9"]),
        ("sips:u@192.0.2.9", ["tls 192.0.2.9:5061 192.0.2.9"]),
        ("sips:u@192.0.2.9:5070;transport=tcp", ["tls 192.0.2.9:5070 192.0.2.9"]),
        ("sip:u@elsewhere.example;maddr=192.0.2.9", ["udp 192.0.2.9:5060"]),
        ("sips:u@elsewhere.example;maddr=192.0.2.9", ["tls 192.0.2.9:5061 elsewhere.example"]),
    ],
)
def test_an_address_is_asked_of_nobody(uri: str, expected: list[str]) -> None:
    assert (hops(uri, {}), asked(uri, {})) == (expected, [])


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("sip:u@[2001:db8::9]", "udp [2001:db8::9]:5060"), ("sip:u@h;maddr=[2001:db8::9]", "udp [2001:db8::9]:5060")],
)
def test_an_ipv6_address_is_one_too(uri: str, expected: str) -> None:
    assert hops(uri, {}, means(families=("AAAA",))) == [expected]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:u@example.com:5070", ["udp 192.0.2.1:5070"]),
        ("sip:u@example.com:5070;transport=tcp", ["tcp 192.0.2.1:5070"]),
        ("sips:u@example.com:5070", ["tls 192.0.2.1:5070 example.com"]),
    ],
)
def test_a_port_leaves_only_the_address_to_be_asked(uri: str, expected: list[str]) -> None:
    assert (hops(uri, SERVED), asked(uri, SERVED)) == (expected, ["A example.com"])


def test_a_transport_leaves_its_service_to_be_asked() -> None:
    uri = "sip:u@example.com;transport=tcp"
    assert hops(uri, SERVED) == [BY_TCP, BY_TCP_TOO]
    assert asked(uri, SERVED) == ["SRV _sip._tcp.example.com", "A a.example.com", "A b.example.com"]


def test_a_bare_domain_is_used_as_it_wishes() -> None:
    assert hops("sip:u@example.com", SERVED) == [BY_TLS, BY_TCP, BY_TCP_TOO, BY_UDP]
    assert asked("sip:u@Example.com", SERVED)[0] == "NAPTR example.com"


def test_maddr_takes_the_hosts_place() -> None:
    assert hops("sip:u@elsewhere.example;maddr=example.com", SERVED)[0] == "tls 192.0.2.11:5061 elsewhere.example"


def test_what_we_do_not_speak_is_left_out() -> None:
    assert hops("sip:u@example.com", SERVED, means("udp")) == [BY_UDP]
    assert "SRV _sip._tcp.example.com" not in asked("sip:u@example.com", SERVED, means("udp"))


@pytest.mark.parametrize("uri", ["sips:u@example.com", "sips:u@example.com;transport=tcp", "sip:u@example.com;transport=tls"])
def test_what_is_to_be_secure_goes_by_tls_alone(uri: str) -> None:
    assert hops(uri, SERVED) == [BY_TLS]


@pytest.mark.parametrize(
    "uri",
    [
        "sips:u@example.com",
        "sips:u@example.com:5061",
        "sips:u@192.0.2.9",
        "sip:u@example.com;transport=tls",
        "sips:u@example.com;transport=udp",
        "sip:u@example.com;transport=sctp",
        "sip:u@192.0.2.9;transport=ws",
    ],
)
def test_what_we_cannot_speak_is_not_spoken_otherwise(uri: str) -> None:
    found, questions = search(uri, SERVED, means("udp", "tcp"))
    assert (found.hops, questions) == ((), [])
    assert "is spoken here" in found.problem


def test_sips_over_datagrams_is_not_spoken_even_where_there_is_tls() -> None:
    assert hops("sips:u@example.com;transport=udp", SERVED) == []


def test_a_domain_that_offers_tls_only_is_not_asked_in_the_clear() -> None:
    zone = SERVED | {("example.com", "NAPTR"): (Naptr(1, 1, "s", "SIPS+D2T", "_sips._tcp.example.com"),)}
    found, _ = search("sip:u@example.com", zone, means("udp", "tcp"))
    assert found.hops == ()
    assert found.problem == "its domain offers no transport that is spoken here"


def test_naptr_records_about_other_things_are_none() -> None:
    zone = SERVED | {("example.com", "NAPTR"): (Naptr(1, 1, "u", "E2U+email", ""),)}
    assert hops("sip:u@example.com", zone) == [BY_UDP, BY_TCP, BY_TCP_TOO, BY_TLS]


def test_naptr_order_comes_before_preference() -> None:
    zone = SERVED | {
        ("example.com", "NAPTR"): (
            Naptr(2, 1, "S", "sip+d2u", "_sip._udp.example.com"),
            Naptr(1, 9, "s", "SIP+D2T", "_sip._tcp.example.com"),
            Naptr(1, 5, "s", "SIPS+D2T", "_sips._tcp.example.com"),
        )
    }
    assert hops("sip:u@example.com", zone) == [BY_TLS, BY_TCP, BY_TCP_TOO, BY_UDP]


@pytest.mark.parametrize("flags", ["u", "a", "p", ""])
def test_a_naptr_record_that_leads_to_no_servers_is_left_out(flags: str) -> None:
    zone = SERVED | {
        ("example.com", "NAPTR"): (
            Naptr(1, 1, flags, "SIP+D2T", "_sip._tcp.example.com"),
            Naptr(2, 1, "s", "SIP+D2U", "_sip._udp.example.com"),
        )
    }
    assert hops("sip:u@example.com", zone) == [BY_UDP]


def test_without_naptr_each_of_our_transports_is_looked_for() -> None:
    zone = SERVED | {("example.com", "NAPTR"): ()}
    assert hops("sip:u@example.com", zone) == [BY_UDP, BY_TCP, BY_TCP_TOO, BY_TLS]
    assert hops("sip:u@example.com", zone, means("tcp", "udp")) == [BY_TCP, BY_TCP_TOO, BY_UDP]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:u@example.com", "udp 192.0.2.1:5060"),
        ("sip:u@example.com;transport=tcp", "tcp 192.0.2.1:5060"),
        ("sips:u@example.com", "tls 192.0.2.1:5061 example.com"),
    ],
)
def test_without_services_the_host_itself_is_taken(uri: str, expected: str) -> None:
    assert hops(uri, HOST) == [expected]


def test_a_service_without_servers_leaves_its_transport_to_the_host() -> None:
    zone = HOST | {("example.com", "NAPTR"): (Naptr(1, 1, "s", "SIPS+D2T", "_sips._tcp.example.com"),)}
    assert hops("sip:u@example.com", zone) == ["tls 192.0.2.1:5061 example.com"]


def test_a_service_that_is_decidedly_not_there_is_not_taken_from_the_host() -> None:
    zone = HOST | {("_sip._udp.example.com", "SRV"): (Srv(0, 0, 0, "."),)}
    found, _ = search("sip:u@example.com;transport=udp", zone)
    assert (found.hops, found.problem) == ((), "its domain says that there is no such service")


def test_servers_share_a_name_and_an_address_but_are_tried_once() -> None:
    zone = SERVED | {("_sip._udp.example.com", "SRV"): (Srv(0, 0, 5080, "a.example.com"), Srv(1, 0, 5080, "a.example.com"))}
    assert hops("sip:u@example.com;transport=udp", zone) == [BY_UDP]


def test_a_server_may_be_given_as_an_address() -> None:
    zone: Zone = {("_sip._udp.example.com", "SRV"): (Srv(0, 0, 5080, "192.0.2.77"),)}
    assert hops("sip:u@example.com;transport=udp", zone) == ["udp 192.0.2.77:5080"]


@pytest.mark.parametrize(
    ("families", "expected"),
    [
        (("A",), ["udp 192.0.2.1:5070"]),
        (("AAAA",), ["udp [2001:db8::1]:5070"]),
        (("AAAA", "A"), ["udp [2001:db8::1]:5070", "udp 192.0.2.1:5070"]),
        (("A", "AAAA"), ["udp 192.0.2.1:5070", "udp [2001:db8::1]:5070"]),
    ],
)
def test_addresses_come_in_the_families_that_we_have(families: tuple[str, ...], expected: list[str]) -> None:
    zone = HOST | {("example.com", "AAAA"): ("2001:db8::1",)}
    assert hops("sip:u@example.com:5070", zone, means(families=families)) == expected  # type: ignore[arg-type]


def test_an_address_of_a_family_that_we_have_not_leads_nowhere() -> None:
    assert hops("sip:u@[2001:db8::9]", {}) == []
    assert hops("sip:u@192.0.2.9", {}, means(families=("AAAA",))) == []


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.0.1", "not an address"])
def test_an_address_that_nobody_can_have_is_left_out(address: str) -> None:
    assert hops("sip:u@example.com:5070", {("example.com", "A"): (address, "192.0.2.1")}) == ["udp 192.0.2.1:5070"]


def test_a_name_known_without_dns_is_asked_of_nobody() -> None:
    can = means(families=("AAAA", "A"), local={"localhost": ("127.0.0.1", "::1")})
    assert hops("sip:u@localhost", {}, can) == ["udp [::1]:5060", "udp 127.0.0.1:5060"]
    assert asked("sip:u@localhost", {}, can) == []


def test_an_alias_is_followed() -> None:
    zone: Zone = {("example.com", "A"): Answer(alias="www.example.net."), ("www.example.net", "A"): ("192.0.2.5",)}
    assert hops("sip:u@example.com:5070", zone) == ["udp 192.0.2.5:5070"]


def test_a_service_may_be_an_alias() -> None:
    zone = SERVED | {("_sip._udp.example.com", "SRV"): Answer(alias="_sip._tcp.example.com")}
    assert hops("sip:u@example.com;transport=udp", zone) == ["udp 192.0.2.11:5060", "udp 192.0.2.12:5070"]


def test_aliases_that_go_round_come_to_an_end() -> None:
    zone: Zone = {("a.example", "A"): Answer(alias="b.example"), ("b.example", "A"): Answer(alias="a.example")}
    found, questions = search("sip:u@a.example:5070", zone)
    assert (found.hops, len(questions)) == ((), MOST_ALIASES + 1)


def test_silence_is_told_from_nothing() -> None:
    zone: Zone = {("example.com", "A"): Answer(has_failed=True)}
    assert search("sip:u@example.com:5070", zone)[0].problem == "DNS does not answer"
    assert search("sip:u@example.com:5070", {})[0].problem == "it has no address"


@pytest.mark.parametrize("uri", ["tel:+4930123", f"sip:u@{'a' * 300}"])
def test_a_uri_without_a_host_leads_nowhere(uri: str) -> None:
    found = Search(Uri.parse(uri), means())
    assert (found.stage, found.hops, found.problem) == (Stage.OVER, (), "there is no host in it")


def test_an_empty_maddr_is_none() -> None:
    assert hops("sip:u@192.0.2.9;maddr=", {}) == ["udp 192.0.2.9:5060"]


@pytest.mark.parametrize("uri", ["sip:u@0.0.0.0", "sip:u@224.0.0.1;transport=udp", "sip:u@h;maddr=239.1.1.1"])
def test_nothing_is_sent_to_everybody(uri: str) -> None:
    assert hops(uri, {}) == []


def test_an_endless_number_of_servers_is_cut() -> None:
    servers = tuple(Srv(0, 0, port, f"{port}.example.com") for port in range(1, 1000))
    zone: Zone = {("_sip._udp.example.com", "SRV"): servers, **{(f"{port}.example.com", "A"): ("192.0.2.1",) for port in range(1, 1000)}}
    assert len(hops("sip:u@example.com;transport=udp", zone)) == MOST_SERVERS
    assert len(asked("sip:u@example.com;transport=udp", zone)) == 1 + MOST_SERVERS


def test_an_endless_number_of_addresses_is_cut() -> None:
    zone: Zone = {("example.com", "A"): tuple(f"192.0.2.{host}" for host in range(1, 200))}
    assert len(hops("sip:u@example.com:5070", zone)) == MOST_HOPS


def test_an_answer_that_was_not_asked_for_is_nothing() -> None:
    found = Search(Uri.parse("sip:u@example.com:5070"), means())
    found.answer(Question("example.org", "A"), Answer(("192.0.2.66",)))
    assert (found.stage, found.hops) == (Stage.ADDRESSES, ())
    found.answer(Question("example.com", "A"), Answer(("192.0.2.1",)))
    found.answer(Question("example.com", "A"), Answer(("192.0.2.66",)))
    assert [hop.address for hop in found.hops] == ["192.0.2.1"]


def test_answers_may_come_in_any_order() -> None:
    found = Search(Uri.parse("sip:u@example.com"), means("udp", "tcp"))
    found.answer(Question("example.com", "NAPTR"), Answer())
    tcp, udp = Question("_sip._tcp.example.com", "SRV"), Question("_sip._udp.example.com", "SRV")
    found.answer(tcp, Answer((Srv(0, 0, 1, "192.0.2.1"),)))
    assert found.questions() == [udp]
    found.answer(udp, Answer((Srv(0, 0, 2, "192.0.2.2"),)))
    assert [(hop.transport, hop.port) for hop in found.hops] == [("udp", 2), ("tcp", 1)]
