"""The demo's people come out of a configuration; the phone's tape comes out of what it received."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from bench.generator.companding import encode
from bench.generator.memory import Memory, Size
from bench.generator.phones.agent import UserAgent
from bench.generator.phones.asking import Credentials
from bench.generator.phones.description import Description, parse_description
from bench.generator.phones.dialog import Dialog
from bench.generator.phones.message import Message
from bench.generator.process import PreparationFailed, alone, free_port, need_descriptors, pin
from bench.generator.rtp import RtpGenerator
from bench.generator.signals import Signal, Silence
from bench.runs.demo import NothingToPlay, home_of
from bench.runs.phone import _Phone, _Tape
from config.loading import load
from config.settings import Settings

DEMO = Path("mediaserver/demo/demo.toml")


def test_the_demos_own_configuration_has_three_agents_to_call() -> None:
    home = home_of(load(DEMO, {}), 3)
    assert [who.user for who in home.agents] == ["robert", "maria", "samuel"]
    assert [home.dialled(number) for number in range(3)] == ["100", "101", "102"]
    assert home.addresses[0] == "127.0.0.2"
    assert home.sip == ("127.0.0.1", 5060)


def settings(**tables: object) -> Settings:
    base: dict[str, object] = {
        "trunks": [{"name": "t", "addresses": ["127.0.0.2/32"]}],
        "routes": [{"targets": ["agent:{number}"]}],
        "agents": [{"name": "eva", "user": "eva"}],
        "users": [{"name": "eva", "secret": "s"}],
    }
    return Settings.model_validate(base | tables)


def test_an_agent_who_is_dialled_by_name_is_found_too() -> None:
    home = home_of(settings(), 3)
    assert (home.dialled(0), home.agent(0).secret) == ("eva", "s")


@pytest.mark.parametrize(
    ("tables", "text"),
    [({"trunks": []}, "no trunk with addresses"), ({"routes": []}, "no route"), ({"users": []}, "no route"), ({"agents": []}, "no route")],
)
def test_a_configuration_with_nobody_to_call_says_what_is_missing(tables: dict[str, object], text: str) -> None:
    with pytest.raises(NothingToPlay, match=text):
        home_of(settings(**tables), 3)


OPUS_FIRST = "\r\n".join(
    (
        *("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 4100 RTP/AVP 111 0 101 102"),
        *("a=rtpmap:111 opus/48000/2", "a=rtpmap:0 PCMU/8000"),
        *("a=rtpmap:101 telephone-event/48000", "a=rtpmap:102 telephone-event/8000", ""),
    )
).encode()
"""What a supervisor's phone is offered."""


class Mouth:
    """Stands in for the generator: where to it was to send, and how."""

    def __init__(self) -> None:
        self.to = ("", 0)
        self.told: dict[str, object] = {}

    def start(self, leg: int, remote: tuple[str, int], signal: Signal, **told: object) -> None:
        """As `RtpGenerator.start`."""
        self.to, self.told = remote, told


def test_a_phone_that_is_called_speaks_what_it_answered_and_not_what_was_offered_first() -> None:
    offer, ours = parse_description(OPUS_FIRST), Description("127.0.0.1", 4000)
    mouth, phones = Mouth(), cast(UserAgent, SimpleNamespace())
    _Phone(phones, cast(RtpGenerator, mouth), Credentials("anna", "demo"), ours, Silence())
    dialog = Dialog(phones, "rung", "", "", "", ours.answering(offer), offer)
    phones.on_answered(dialog, Message("INVITE sip:anna@127.0.0.1 SIP/2.0", []))
    assert mouth.to == ("127.0.0.1", 4100)
    assert mouth.told == {"codec": "PCMU", "payload_types": (0, 0), "digits": 102, "records": True}


def test_the_tape_fills_a_gap_with_silence_and_gives_nothing_twice() -> None:
    memory = Memory(Size(legs=1, recorded=10))
    loud = encode(np.full(160, 4000), "PCMU")
    for row, timestamp in enumerate((0xFFFFFF60, 0, 480)):
        memory.record_timestamp[row] = timestamp
        memory.record_payload[row] = loud
        memory.record_length[row] = 160
    memory.totals[Memory.TOTALS.index("recorded")] = 2
    tape = _Tape(memory)
    assert len(tape.more("PCMU")) == 320
    memory.totals[Memory.TOTALS.index("recorded")] = 3
    heard = tape.more("PCMU")
    assert len(heard) == 480
    assert not heard[:320].any()
    assert np.abs(heard[320:].astype(int) - 4000).max() < 100
    assert len(tape.more("PCMU")) == 0


def test_the_command_line_names_every_bench() -> None:
    shown = subprocess.run([sys.executable, "-m", "bench", "--help"], capture_output=True, text=True, check=True).stdout
    for name in ("audibility", "capacity", "latency", "switch", "setup", "floor", "demo", "phone"):
        assert name in shown


def test_a_core_that_is_not_there_says_which_option_helps() -> None:
    with pytest.raises(PreparationFailed, match="--server-core"):
        pin(4095)


def test_more_files_than_the_machine_allows_says_how_many() -> None:
    with pytest.raises(PreparationFailed, match="100000000 open files"):
        need_descriptors(100_000_000)


def test_two_benches_do_not_measure_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with alone():
        script = "from bench.generator.process import alone\nwith alone(): print('alone')"
        other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert other.stderr is not None
        assert "waiting for another bench" in other.stderr.readline()
        assert other.poll() is None
    out, _ = other.communicate(timeout=20)
    assert out == "alone\n"


def test_a_free_port_can_be_bound() -> None:
    import socket

    port = free_port("127.0.0.1", socket.SOCK_DGRAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        handle.bind(("127.0.0.1", port))
