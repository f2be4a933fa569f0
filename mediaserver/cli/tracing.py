"""`trace`: a call's SIP messages as a ladder, as they were on the wire, as JSON, or as a pcap file."""

import asyncio
import base64
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Final

from control_api.call_models import TracedModel
from control_api.client import ControlClient
from mediaserver.cli.board import clean
from mediaserver.cli.connecting import with_client
from mediaserver.tracing.ladder import Rung, ladder
from mediaserver.tracing.pcap import pcap_file
from sip.transport.flow import Address

LOOK_EVERY: Final = 0.5
"""Seconds between two looks at a call that is followed."""


def trace(url: str, token: str, call: str, *, follow: bool, full: bool, pcap: Path | None, as_json: bool) -> None:
    """Print or write what is known of a call."""

    async def work(client: ControlClient) -> list[TracedModel]:
        known: list[TracedModel] = []
        after = 0
        while True:
            result = await client.trace(call, after)
            after = result.next
            known += result.messages
            if follow and result.messages:
                _show(known, len(result.messages), full=full, as_json=as_json)
            if result.complete and not (follow and result.live):
                return known
            if result.complete:
                await asyncio.sleep(LOOK_EVERY)

    messages = with_client(url, token, work)
    if pcap is not None:
        pcap.write_bytes(pcap_file(_packet(message) for message in messages))
        sys.stderr.write(f"{len(messages)} messages in {pcap}\n")
    elif not follow:
        _show(messages, len(messages), full=full, as_json=as_json)


def _show(known: list[TracedModel], new: int, *, full: bool, as_json: bool) -> None:
    """Print the newest messages; a ladder keeps the columns that it had."""
    if as_json:
        for message in known[-new:]:
            print(message.model_dump_json())
    elif full:
        for message in known[-new:]:
            print(_written(message))
    else:
        lines = ladder([_rung(message) for message in known], shutil.get_terminal_size((140, 24)).columns)
        print("\n".join(lines if new == len(known) else lines[-new:]), flush=True)


def _rung(message: TracedModel) -> Rung:
    return Rung(_clock(message), message.sent, _address(message.remote), message.role, clean(message.summary))


def _clock(message: TracedModel) -> str:
    """The time of day where the reader is."""
    return datetime.fromisoformat(message.at).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _written(message: TracedModel) -> str:
    arrow = "──►" if message.sent else "◄──"
    text = base64.b64decode(message.data).decode("utf-8", "replace").replace("\r\n", "\n")
    lines = "\n".join(clean(line) for line in text.split("\n"))
    return f"{_clock(message)} {message.transport} {message.local} {arrow} {message.remote}  {message.role}\n{lines}"


def _packet(message: TracedModel) -> tuple[float, Address, Address, bytes]:
    local, remote = _address(message.local), _address(message.remote)
    source, destination = (local, remote) if message.sent else (remote, local)
    return datetime.fromisoformat(message.at).timestamp(), source, destination, base64.b64decode(message.data)


def _address(written: str) -> Address:
    host, _, port = written.rpartition(":")
    return host.strip("[]"), int(port)
