"""The ports that the settings ask for."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings
from mediaserver.doctor import ports
from mediaserver.doctor.finding import Finding, Grade
from tests.control_api.serving import serving
from tests.interop.tools import free_port
from tests.mediaserver.doctor.finding import findings, the
from tests.mediaserver.signalling.exchange import Exchange

FREE: dict[str, dict[str, object]] = {"sip": {"bind": "127.0.0.1", "udp_port": 0, "tcp_port": 0}, "control": {"port": 0}}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program has; nobody has the three after it."""
    port = free_port("127.0.0.1", ports=4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        yield port


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


async def runs_at(port: int) -> bool:
    """Whether a server of ours is taken to be at this port."""
    return await asyncio.to_thread(ports.runs_here, Settings.model_validate({"control": {"port": port}}))


async def test_our_own_server_is_known_by_what_it_says_of_its_health() -> None:
    assert Exchange().desk.health().keys() == ports.HEALTH
    async with serving() as served:
        assert await runs_at(served.port)


@pytest.mark.parametrize(
    "said", [b'HTTP/1.0 200 OK\r\n\r\n{"status": "ok"}', b"HTTP/1.0 200 OK\r\n\r\n[]", b"HTTP/1.0 404 No\r\n\r\n", b"hello\r\n"]
)
async def test_another_program_is_not_our_server_however_well_it_is(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        assert not await runs_at(server.sockets[0].getsockname()[1])


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
