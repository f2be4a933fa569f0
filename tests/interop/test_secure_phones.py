"""baresip over TLS: registers, calls and is called. It shakes hands with any server, so whom it believes is not judged here."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audio import assert_hears, tone, write_wav
from tests.interop.phones.baresip import Baresip
from tests.interop.server import SECRET, Server
from tests.sip.transport.authority import Authority

CUSTOMER_HZ, AGENT_HZ = 433.0, 701.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[str]:
    """Where a server speaks TLS."""
    with Server(tmp_path_factory.mktemp("server"), secured_by=authority.issue("127.0.0.1")) as running:
        yield f"{running.address}:{running.tls_port}"


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    folder = tmp_path_factory.mktemp("voices")
    return {hz: write_wav(folder / f"{hz:.0f}.wav", tone(hz, 60)) for hz in (CUSTOMER_HZ, AGENT_HZ)}


async def test_a_call_over_tls(registrar: str, authority: Authority, voices: dict[float, Path], tmp_path: Path) -> None:
    wishes = {"registrar": registrar, "secret": SECRET, "transport": "tls", "ca_file": authority.root}
    async with (
        Baresip(tmp_path / "carl", "carl", voices[CUSTOMER_HZ], **wishes) as customer,  # type: ignore[arg-type]
        Baresip(tmp_path / "robert", "robert", voices[AGENT_HZ], **wishes) as agent,  # type: ignore[arg-type]
    ):
        await asyncio.gather(customer.registered(), agent.registered())
        await customer.dial(f"sip:robert@{registrar};transport=tls")
        await agent.wait_for("CALL_INCOMING")
        await agent.accept()
        await asyncio.gather(customer.wait_for("CALL_ESTABLISHED"), agent.wait_for("CALL_ESTABLISHED"))
        assert_hears(await customer.listen(1.1), {AGENT_HZ})
        await agent.hang_up()
        await customer.wait_for("CALL_CLOSED", within=2)
