"""What the settings say of certificates is looked at before the server starts."""

from pathlib import Path
from typing import Any

import pytest

from tests.config.test_checks import findings
from tests.sip.transport.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def of(**tls: Any) -> list[str]:
    """What is found in a table ``[sip.tls]``."""
    return findings(sip={"tls": {key: str(value) if isinstance(value, Path) else value for key, value in tls.items()}})


def test_a_certificate_and_its_key_are_right(authority: Authority) -> None:
    pair = authority.issue("pbx.example.com")
    assert of(enabled=True, certificate=pair.certificate, key=pair.key, ca_file=authority.root) == []


@pytest.mark.parametrize(("table", "switch"), [("tls", "sip.tls.enabled"), ("ws", "sip.ws.secure")])
def test_tls_without_a_certificate_is_told(table: str, switch: str) -> None:
    found = findings(sip={table: {switch.rpartition(".")[2]: True}})
    assert found == [f"sip.tls.certificate: is missing, and {switch} is true; give the PEM files of a certificate and its key"]


def test_files_that_are_missing_are_told(authority: Authority) -> None:
    pair = authority.issue("pbx.example.com")
    assert of(certificate="/nowhere.pem", key=pair.key) == ["sip.tls.certificate: there is no file '/nowhere.pem'"]
    assert of(certificate=pair.certificate) == ["sip.tls.key: is missing; give a PEM file"]
    assert of(ca_file="/nowhere.pem") == ["sip.tls.ca_file: there is no file '/nowhere.pem'"]


def test_a_key_of_another_certificate_is_told(authority: Authority) -> None:
    one, other = authority.issue("pbx.example.com"), authority.issue("sip.example.com", file="other")
    text = f"sip.tls.key: {other.key!r} is not the key of {one.certificate!r}; give the one that it was made with"
    assert of(certificate=one.certificate, key=other.key) == [text]


def test_files_of_something_else_are_told(authority: Authority, tmp_path: Path) -> None:
    pair, other = authority.issue("pbx.example.com"), tmp_path / "readme"
    other.write_text("nothing of the kind")
    assert of(certificate=other, key=pair.key) == [f"sip.tls.certificate: {str(other)!r} holds no PEM certificate"]
    assert of(certificate=pair.certificate, key=other) == [
        f"sip.tls.key: {str(other)!r} holds no PEM key that can be read without a passphrase"
    ]
    assert of(ca_file=other) == [f"sip.tls.ca_file: {str(other)!r} holds no PEM certificate"]


def test_each_further_certificate_is_looked_at(authority: Authority) -> None:
    pair = authority.issue("pbx.example.com")
    found = of(enabled=True, certificate=pair.certificate, key=pair.key, more=[{"certificate": pair.certificate, "key": "/nowhere"}])
    assert found == ["sip.tls.more[0].key: there is no file '/nowhere'"]


@pytest.mark.parametrize(
    ("sip", "finding"),
    [
        ({"bind": ["192.0.2.1", "host"]}, "sip.bind: must be an IP address, not 'host'"),
        ({"bind": ["0.0.0.0", "192.0.2.1"]}, "sip.bind: an address that means every other stands alone; '::' hears IPv4 too"),
        ({"bind": []}, "sip.bind: must name at least one address"),
        ({"ws": {"enabled": True, "port": 5060}}, "sip.ws.port: 5060 is sip.tcp_port already; take another port"),
        (
            {"ws": {"enabled": True, "port": 8080}, "bind": "127.0.0.1"},
            "control.port: 8080 is sip.ws.port already; take another port",
        ),
    ],
)
def test_listeners_do_not_stand_in_each_others_way(sip: dict[str, Any], finding: str) -> None:
    assert findings(sip=sip) == [finding]


@pytest.mark.parametrize("bind", [["192.0.2.1", "2001:db8::1"], "192.0.2.1, 2001:db8::1"])
def test_several_addresses_may_be_listed(bind: Any) -> None:
    assert findings(sip={"bind": bind}) == []
