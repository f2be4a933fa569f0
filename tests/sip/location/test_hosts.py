"""Names that need no DNS."""

from sip.location.hosts import local_addresses, parse_hosts

FILE = """
127.0.0.1   localhost
192.0.2.1   pbx.example.com  PBX   # the old one
2001:db8::1 pbx
192.0.2.1   pbx
nonsense    here
192.0.2.2
fe80::1%eth0 scoped
"""


def test_a_name_has_all_its_lines_addresses() -> None:
    hosts = parse_hosts(FILE)
    assert hosts["pbx"] == ("192.0.2.1", "2001:db8::1")
    assert hosts["pbx.example.com"] == ("192.0.2.1",)


def test_a_line_that_cannot_be_read_is_passed_over() -> None:
    assert "here" not in parse_hosts(FILE)
    assert "#" not in parse_hosts(FILE)


def test_localhost_is_this_machine_whatever_the_file_says() -> None:
    assert local_addresses("localhost", {}) == ("127.0.0.1", "::1")
    assert local_addresses("phone.localhost", {}) == ("127.0.0.1", "::1")
    assert local_addresses("localhost", parse_hosts(FILE)) == ("127.0.0.1",)


def test_any_other_name_is_for_dns() -> None:
    assert local_addresses("example.com", parse_hosts(FILE)) == ()
