"""Real phones with SRTP by SDES: baresip over TLS and linphone, secured and plain legs mixed; who hears whom is judged by tones."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.interop.hearing import AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ, hear, hear_as
from tests.interop.houses import SECRET
from tests.interop.phones.baresip import Baresip
from tests.interop.phones.linphone import Linphone
from tests.interop.server import Server
from tests.sip.transport.authority import Authority


@dataclass
class Desk:
    """The three phones; customer and agent are talking, the supervisor listens."""

    server: Server
    customer: Baresip
    agent: Baresip
    supervisor: Baresip

    async def expect(self, mode: str) -> None:
        """Everybody must hear what the mode says, and nothing else."""
        await hear_as(mode, self.customer, self.agent, self.supervisor)


@asynccontextmanager
async def supervised(voices: dict[float, Path], folder: Path, *encryptions: str, security: str) -> AsyncIterator[Desk]:
    """Customer, agent and supervisor over TLS, with baresip's words for how each is to be secured."""
    authority = Authority(folder, "root")
    with Server(folder / "server", security=security, secured_by=authority.issue("127.0.0.1")) as server:
        where = f"{server.address}:{server.tls_port}"

        def phone(user: str, hz: float, encryption: str) -> Baresip:
            return Baresip(
                folder / user,
                user,
                voices[hz],
                registrar=where,
                secret=SECRET,
                transport="tls",
                ca_file=authority.root,
                encryption=encryption,
            )

        async with (
            phone("carl", CUSTOMER_HZ, encryptions[0]) as customer,
            phone("robert", AGENT_HZ, encryptions[1]) as agent,
            phone("sue", SUPERVISOR_HZ, encryptions[2]) as supervisor,
        ):
            await asyncio.gather(*(each.registered() for each in (customer, agent, supervisor)))
            await customer.dial(f"sip:robert@{where};transport=tls")
            await agent.wait_for("CALL_INCOMING")
            await agent.accept()
            await asyncio.gather(customer.wait_for("CALL_ESTABLISHED"), agent.wait_for("CALL_ESTABLISHED"))
            await supervisor.dial(f"sip:*1robert@{where};transport=tls")
            await supervisor.wait_for("CALL_ESTABLISHED")
            yield Desk(server, customer, agent, supervisor)


def secured_legs(server: Server) -> int:
    """How many legs agreed on SRTP with keys in their descriptions."""
    return sum(int(float(count)) for count in re.findall(r"(?m)^mediaserver_legs_secured_total\{.*\} ([0-9.]+)", server.metrics()))


@pytest.mark.parametrize(
    ("security", "encryptions", "secured"),
    [
        ("auto", ("srtp-mand", "srtp", "srtp-mand"), 3),
        ("auto", ("srtp", "", ""), 1),
        ("auto", ("", "srtp", "srtp"), 2),
        ("accept", ("", "", "srtp-mand"), 1),
        ("require", ("srtp-mand", "srtp-mand", "srtp-mand"), 3),
        ("accept", ("dtls_srtp", "", "dtls_srtp"), 2),
    ],
    ids=lambda value: "-".join(each or "plain" for each in value) if isinstance(value, tuple) else str(value),
)
async def test_three_modes_between_secured_and_plain_phones(
    security: str, encryptions: tuple[str, ...], secured: int, voices: dict[float, Path], tmp_path: Path
) -> None:
    async with supervised(voices, tmp_path, *encryptions, security=security) as desk:
        await desk.expect("listen")
        for digit, mode in (("5", "whisper"), ("6", "barge"), ("4", "listen")):
            await desk.supervisor.send_digit(digit)
            await desk.expect(mode)
        assert secured_legs(desk.server) == secured


async def test_linphones_that_demand_srtp_talk_and_are_supervised(voices: dict[float, Path], tmp_path: Path) -> None:
    with Server(tmp_path / "server", security="prefer") as server:
        where = server.sip
        async with (
            Linphone(tmp_path / "carl", "carl", registrar=where, secret=SECRET, encryption="srtp") as customer,
            Baresip(tmp_path / "robert", "robert", voices[AGENT_HZ], registrar=where, secret=SECRET) as agent,
            Baresip(tmp_path / "sue", "sue", voices[SUPERVISOR_HZ], registrar=where, secret=SECRET, encryption="srtp") as supervisor,
        ):
            await asyncio.gather(customer.register(), agent.registered(), supervisor.registered())
            await customer.dial(f"sip:robert@{where}")
            await agent.wait_for("CALL_INCOMING")
            await agent.accept()
            await customer.is_in("StreamsRunning")
            await customer.play(voices[CUSTOMER_HZ])
            await supervisor.dial(f"sip:*2robert@{where}")
            await supervisor.wait_for("CALL_ESTABLISHED")
            await hear({agent: {CUSTOMER_HZ, SUPERVISOR_HZ}, supervisor: {CUSTOMER_HZ, AGENT_HZ}})
            assert secured_legs(server) == 2
            await customer.hang_up()
            assert await customer.came() > 50
