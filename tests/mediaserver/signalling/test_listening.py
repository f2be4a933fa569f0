"""What is listened on, how we name ourselves to peers, and certificates that are read anew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from config.sip import SipSettings
from mediaserver.observing.counters import Counters
from mediaserver.signalling.listening import OwnNames, Renewal, certificates, listeners, why_not
from sip.transport.flow import Address, Flow
from sip.transport.listeners import Listener, ListenFailed
from tests.sip.transport.authority import Authority

OUTSIDE: Address = ("203.0.113.5", 40_000)
INSIDE: Address = ("10.0.0.5", 40_000)
LISTENING = tuple(Listener(transport, "0.0.0.0", port) for port, transport in enumerate(("udp", "tcp", "tls", "ws", "wss"), 5060))
TOLD_PORTS = {"udp": 15060, "tls": 443}


def sip(**values: Any) -> SipSettings:
    return SipSettings.model_validate(values)


def test_each_transport_that_is_on_is_listened_on_at_each_address() -> None:
    asked = sip(bind=["192.0.2.1", "2001:db8::1"], tcp=False, tls={"enabled": True}, ws={"secure": True})
    assert [str(listener) for listener in listeners(asked)] == [
        "UDP on 192.0.2.1 port 5060",
        "UDP on 2001:db8::1 port 5060",
        "TLS on 192.0.2.1 port 5061",
        "TLS on 2001:db8::1 port 5061",
        "WSS on 192.0.2.1 port 7443",
        "WSS on 2001:db8::1 port 7443",
    ]


@pytest.mark.parametrize(
    ("transport", "key"),
    [("udp", "sip.udp_port"), ("tcp", "sip.tcp_port"), ("tls", "sip.tls.port"), ("ws", "sip.ws.port"), ("wss", "sip.ws.secure_port")],
)
def test_a_listener_that_cannot_be_had_is_named_with_its_setting(transport: str, key: str) -> None:
    text = why_not(ListenFailed(Listener(transport, "192.0.2.1", 5060), OSError(98, "in use")))
    assert text.startswith(f"SIP over {transport.upper()}: cannot listen on 192.0.2.1 port 5060 (address already in use); ")
    assert f"sip.bind and {key}, or MEDIASERVER_SIP__{key.removeprefix('sip.').replace('.', '__').upper()}" in text


@pytest.mark.parametrize(
    ("transport", "remote", "told"),
    [
        ("udp", OUTSIDE, ("198.51.100.7", 15060)),
        ("tcp", OUTSIDE, ("198.51.100.7", 5061)),
        ("tls", OUTSIDE, ("pbx.example.com", 443)),
        ("wss", OUTSIDE, ("pbx.example.com", 5064)),
        ("udp", INSIDE, ("10.0.0.1", 5060)),
        ("tls", INSIDE, ("10.0.0.1", 5062)),
    ],
)
def test_peers_outside_are_told_the_advertised_address_and_port_of_the_transport(transport: str, remote: Address, told: Address) -> None:
    settings = sip(advertised="198.51.100.7", tls={"advertised": "pbx.example.com"}, advertised_ports=TOLD_PORTS)
    names = OwnNames(settings, lambda: LISTENING)
    assert names.toward(Flow(transport, ("10.0.0.1", 0), remote)) == told


def test_without_an_advertised_address_peers_are_told_the_one_they_reached() -> None:
    names = OwnNames(sip(), lambda: LISTENING)
    assert names.toward(Flow("udp", ("192.0.2.33", 5060), OUTSIDE)) == ("192.0.2.33", 5060)


def test_on_a_way_not_yet_taken_the_bound_address_of_the_family_is_told() -> None:
    names = OwnNames(sip(bind=["192.0.2.1", "2001:db8::1"]), lambda: LISTENING)
    assert names.toward(Flow("tcp", ("::", 0), ("2001:db8::9", 5060)))[0] == "2001:db8::1"
    assert names.toward(Flow("tcp", ("0.0.0.0", 0), OUTSIDE))[0] == "192.0.2.1"


def test_a_transport_that_we_only_connect_by_has_its_usual_port() -> None:
    names = OwnNames(sip(), lambda: LISTENING[:1])
    assert names.toward(Flow("tls", ("192.0.2.1", 0), OUTSIDE))[1] == 5061


def renewal(pair: Any, counters: Counters) -> Renewal:
    return Renewal(certificates(sip(tls={"certificate": pair.certificate, "key": pair.key})), counters)


def test_files_that_changed_are_read_anew_once(tmp_path: Path) -> None:
    authority, counters = Authority(tmp_path), Counters()
    found = renewal(authority.issue("old.example.com"), counters)
    authority.issue("new.example.com")
    for _ in range(3):
        found.look()
    assert [shown.names for shown in found.shown] == [("new.example.com",)]
    assert counters.value("certificates", "reloaded") == 1


def test_a_certificate_whose_key_is_not_there_yet_changes_nothing_and_is_told_once(tmp_path: Path) -> None:
    authority, counters = Authority(tmp_path), Counters()
    found = renewal(authority.issue("old.example.com"), counters)
    Path(authority.issue("new.example.com").key).unlink()
    with capture_logs() as logged:
        for _ in range(3):
            found.look()
    assert [shown.names for shown in found.shown] == [("old.example.com",)]
    assert [entry["event"] for entry in logged if entry["log_level"] == "error"] == ["certificate.refused"]


def test_a_signal_reads_them_anew_though_nothing_changed(tmp_path: Path) -> None:
    counters = Counters()
    renewal(Authority(tmp_path).issue("a.example.com"), counters).reload()
    assert counters.value("certificates", "reloaded") == 1


@pytest.mark.parametrize(("days", "warnings"), [(29, 1), (31, 0), (-1, 1)])
def test_a_certificate_that_runs_out_soon_is_warned_of_once_a_day(tmp_path: Path, days: int, warnings: int) -> None:
    found = renewal(Authority(tmp_path).issue("a.example.com", lasts=timedelta(days=days, minutes=1)), Counters())
    now = datetime.now(UTC)
    with capture_logs() as logged:
        for hours in range(24):
            found.warn(now + timedelta(hours=hours) if days < 30 else now)
    assert [entry["event"] for entry in logged] == ["certificate.expires"] * warnings
    with capture_logs() as logged:
        found.warn(now + timedelta(days=1) if days < 30 else now)
    assert len(logged) == warnings
