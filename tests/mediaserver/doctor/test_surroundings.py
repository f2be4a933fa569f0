"""The clocks, the certificates, the addresses that peers are told, and the whole as it is told."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.settings import Settings
from mediaserver.cli.main import app
from mediaserver.doctor import certificates, clock, nat
from mediaserver.doctor.clock import Adjustment
from mediaserver.doctor.finding import Finding, Grade
from mediaserver.doctor.running import CHECKS, examine
from tests.mediaserver.doctor.finding import findings, the
from tests.mediaserver.doctor.test_ports import FREE


def kept(monkeypatch: pytest.MonkeyPatch, **word: int) -> Finding:
    """What is found where the kernel says this of the time of day."""
    monkeypatch.setattr(clock, "kernels_word", lambda: Adjustment(**word))
    return the("time of day", findings(clock.CHECKS))


def test_a_clock_that_nobody_keeps_is_poor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept(monkeypatch, status=0x40).grade is Grade.POOR
    assert kept(monkeypatch, status=0, offset=400).grade is Grade.GOOD


def test_a_clock_that_is_off_by_seconds_is_poor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (kept(monkeypatch, offset=-2_000_000).grade, kept(monkeypatch, offset=-2_000_000).text) == (Grade.POOR, "-2.000 s off")
    assert kept(monkeypatch, status=0x2000, offset=2_000_000).grade is Grade.GOOD


def test_the_steady_clock_is_named_with_what_it_costs() -> None:
    assert " ns a look" in the("steady clock", findings(clock.CHECKS)).text


@pytest.mark.parametrize(("days", "grade"), [(90, Grade.GOOD), (12, Grade.POOR), (-1, Grade.BAD)])
def test_a_certificate_is_judged_by_the_days_that_it_has_left(days: int, grade: Grade) -> None:
    expires = datetime.now(UTC) + timedelta(days=days, hours=1)
    finding = certificates._one("/etc/sip.pem", ("sip.example.com",), expires)
    assert (finding.grade, "sip.example.com" in finding.text, bool(finding.todo)) == (grade, True, grade is not Grade.GOOD)


def test_without_tls_no_certificate_is_asked_for() -> None:
    assert findings(certificates.CHECKS) == []


def test_files_that_hold_no_certificate_are_bad(tmp_path: Path) -> None:
    file = tmp_path / "none.pem"
    file.write_text("nothing")
    tls = {"enabled": True, "certificate": str(file), "key": str(file)}
    assert the("certificate", findings(certificates.CHECKS, sip={"tls": tls})).grade is Grade.BAD


@pytest.mark.parametrize(
    ("sip", "media", "grades"),
    [
        ("127.0.0.1", "127.0.0.1", [Grade.GOOD, Grade.GOOD]),
        ("127.0.0.1", "", [Grade.GOOD, Grade.POOR]),
        ("10.255.255.1", "10.255.255.1", [Grade.POOR, Grade.POOR]),
        ("8.8.8.8", "8.8.8.8", [Grade.GOOD, Grade.GOOD]),
    ],
    ids=["our own", "of SIP alone", "near and not ours", "of a translator"],
)
def test_the_address_that_peers_are_told_is_held_against_our_own(sip: str, media: str, grades: list[Grade]) -> None:
    found = findings((nat._advertised,), sip={"advertised": sip}, media={"advertised": media})
    assert [finding.grade for finding in found] == grades


def test_a_private_address_toward_a_trunk_outside_is_poor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nat, "own_address", lambda: "10.0.0.5")
    trunk = {"name": "carrier", "addresses": ["198.51.100.0/24"]}
    [outside] = findings((nat._advertised,), trunks=[trunk])
    assert (outside.grade, "198.51.100.0/24" in outside.text) == (Grade.POOR, True)
    [inside] = findings((nat._advertised,), trunks=[trunk | {"addresses": ["10.1.0.0/16"]}])
    assert inside.grade is Grade.GOOD


def test_everything_is_told_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "mediaserver.toml"
    file.write_text('[sip]\nbind = "127.0.0.1"\nudp_port = 0\ntcp_port = 0\n[control]\nport = 0\n[media]\nbind = "127.0.0.1"\n')
    content = json.loads(CliRunner().invoke(app, ["doctor", "--json", "--config", str(file)]).stdout)
    assert content["ok"] is True
    assert all(bool(finding["todo"]) == (finding["grade"] != "good") for finding in content["findings"])
    told = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["doctor", "--config", str(file)]).stdout
    names = {finding["name"] for finding in content["findings"]}
    assert {name for name in names if name in told} == names
    assert {"cores", "time of day", "media ports", "NAT", "journal", "database", "audit key", "console"} <= names


def test_a_check_that_fails_itself_leaves_the_others() -> None:
    def _strange_thing(_: Settings) -> Finding:
        raise RuntimeError("unheard of")

    found = examine(Settings.model_validate(FREE), (_strange_thing, clock._steady_clock))
    assert [(finding.name, finding.grade) for finding in found] == [("strange thing", Grade.POOR), ("steady clock", Grade.GOOD)]
    assert len(CHECKS) > 12
