"""A running server knows a trunk by the certificate that it shows."""

import asyncio
import ssl
from pathlib import Path

import pytest

from tests.interop.server import Server
from tests.interop.tools import PATIENCE
from tests.sip.transport.authority import Authority
from tests.sip.transport.phone import options

CONFIGURATION = """\
[sip.tls]
ca_file = "{root}"
client_certificates = "optional"

[[trunks]]
name = "pbx"
tls_names = ["pbx.example.com"]

[[routes]]
number = "100"
targets = ["sip:nobody@127.0.0.1:9"]
"""


def invite(number: str) -> bytes:
    """An INVITE without a body."""
    text = options(f"to{number}", transport=b"TLS").replace(b"OPTIONS sip:a@", f"INVITE sip:{number}@".encode())
    return text.replace(b"CSeq: 1 OPTIONS", b"Contact: <sip:p@127.0.0.1:9>\r\nCSeq: 1 INVITE")


async def status_of(server: Server, context: ssl.SSLContext, number: str) -> str:
    """The first final answer to a call."""
    reader, writer = await asyncio.open_connection(server.address, server.tls_port, ssl=context)
    writer.write(invite(number))
    async with asyncio.timeout(PATIENCE):
        while (status := (await reader.readuntil(b"\r\n\r\n")).decode().split(" ", 2)[1]).startswith("1"):
            pass
    writer.close()
    return status


@pytest.mark.parametrize(("name", "status"), [("pbx.example.com", "404"), ("other.example.com", "401"), ("", "401")])
async def test_a_trunk_is_known_by_its_certificate_and_not_challenged(tmp_path: Path, name: str, status: str) -> None:
    authority = Authority(tmp_path)
    context = ssl.create_default_context(cafile=str(authority.root))
    if name:
        shown = authority.issue(name, file="trunk")
        context.load_cert_chain(shown.certificate, shown.key)
    configuration = CONFIGURATION.format(root=authority.root)
    with Server(tmp_path / "server", configuration=configuration, secured_by=authority.issue("127.0.0.1")) as server:
        assert await status_of(server, context, "999") == status
