"""The ports that the settings ask for."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediaserver.doctor import ports
from mediaserver.doctor.finding import Finding, Grade
from tests.mediaserver.doctor.finding import findings, the

FREE: dict[str, dict[str, object]] = {"sip": {"bind": "127.0.0.1", "udp_port": 0, "tcp_port": 0}, "control": {"port": 0}}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        yield other.getsockname()[1]


def found(name: str, sip: dict[str, object] | None = None, **media: object) -> Finding:
    """What is found with these settings of SIP and media."""
    settings = FREE | {"sip": FREE["sip"] | (sip or {}), "media": {"bind": "127.0.0.1"} | media}
    return the(name, findings(ports.CHECKS, **settings))


def test_each_port_that_is_asked_for_is_tried() -> None:
    names = {finding.name for finding in findings(ports.CHECKS, **FREE)}
    assert names == {"SIP over UDP", "SIP over TCP", "control API", "media ports"}
    assert found("SIP over UDP").grade is Grade.GOOD


def test_a_port_that_another_program_has_is_bad(taken: int) -> None:
    finding = found("SIP over UDP", {"udp_port": taken})
    assert (finding.grade, "ss -lptun" in finding.todo) == (Grade.BAD, True)


def test_a_port_that_our_own_server_has_is_good(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "runs_here", lambda settings: True)
    finding = found("SIP over UDP", {"udp_port": taken})
    assert (finding.grade, "the server that runs here" in finding.text) == (Grade.GOOD, True)


def test_an_address_of_no_interface_is_told_as_such() -> None:
    finding = found("SIP over UDP", {"bind": "192.0.2.77"})
    assert (finding.grade, "set bind" in finding.todo) == (Grade.BAD, True)


def test_media_ports_that_others_have_are_named(taken: int) -> None:
    finding = found("media ports", first_port=taken, last_port=taken + 3)
    assert (finding.grade, "for 2 legs" in finding.text, str(taken) in finding.text) == (Grade.POOR, True, True)


def test_a_range_that_the_system_lends_from_is_poor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "range"
    file.write_text("29000\t60999\n")
    monkeypatch.setattr(ports, "PASSING", file)
    finding = found("media ports", first_port=28_000, last_port=29_998)
    assert (finding.grade, "29000 to 60999" in finding.todo) == (Grade.POOR, True)
    file.write_text("32768\t60999\n")
    assert found("media ports", first_port=28_000, last_port=29_998).grade is Grade.GOOD
