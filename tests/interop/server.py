"""The server as its own process, with a configuration that the test writes and ports that nobody else has."""

import asyncio
import hashlib
import itertools
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from sip.transport.certificates import KeyPair
from tests.interop import warm
from tests.interop.tools import free_port, in_uri, own_address

READY_WITHIN: Final = 30.0
SECRET: Final = "wonderland"
TOKEN: Final = "interop-token"
"""Of an identity that may do everything; its phones are those of the user ``sue``."""
LISTENER_TOKEN: Final = "interop-listener"
"""Of ``lee``, who may listen to the team ``support``; his phones are those of the user."""
STRANGER_TOKEN: Final = "interop-stranger"
"""Of an identity that may do everything in the tenant ``second``."""

_MORE_PORTS: Final = 20
_AT_PORT: Final = """\
[[routes]]
number = "at{port}"
targets = ["sip:service@{host}:{port}"]
"""

_CONFIG: Final = """\
[sip]
bind = "{address}"
udp_port = {sip}
tcp_port = {sip}
t1 = {t1}
{more}

[media]
bind = "{address}"
first_port = {first_rtp}
last_port = {last_rtp}
security = "{security}"
{codecs}

[limits]
ring_timeout = {ring_timeout}

[watching]
interval = 0

[control]
bind = "{address}"
port = {control}
origins = ["null"]  # what pages from a file say that they are from

[[trunks]]
name = "pbx"
addresses = ["{trunk}"]
headers = {{ X-Queue = "queue" }}

[[routes]]
number = "robert"
targets = ["agent:robert"]

[[routes]]
number = "rita"
targets = ["agent:rita"]

[[routes]]
number = "first"
targets = ["sip:service@{host}:{first}"]

[[routes]]
number = "nora"
targets = ["sip:1001@{host}:{first}"]

[[routes]]
number = "mona"
targets = ["sip:1002@{host}:{second}"]

[[routes]]
number = "stream"
targets = ["sip:service@{host}:{first};transport=tcp"]

{at_ports}
[[routes]]
number = "ua2"
targets = ["sip:service@{host}:{second}"]

[[routes]]
number = "hunt"
targets = ["sip:service@{host}:{first}", "sip:service@{host}:{second}"]

[[agents]]
name = "robert"
team = "support"
user = "robert"

[[agents]]
name = "rita"
user = "rita"

[[agents]]
name = "nora"
extension = "1001"

[[agents]]
name = "mona"
extension = "1002"

[[users]]
name = "robert"
secret = "{secret}"

[[users]]
name = "rita"
secret = "{secret}"
may_call = true

[[users]]
name = "carl"
secret = "{secret}"
may_call = true

[[users]]
name = "sue"
secret = "{secret}"
[users.ceiling]
agents = ["*"]
mode = "barge"

[[users]]
name = "lee"
secret = "{secret}"
[users.ceiling]
teams = ["support"]
mode = "listen"

[[users]]
name = "pia"
secret = "{secret}"
pin = "4711"
[users.ceiling]
agents = ["*"]
mode = "barge"

[[tokens]]
identity = "sue"
sha256 = "{token}"
user = "sue"
[tokens.ceiling]
agents = ["*"]
mode = "barge"
rights = ["hang_up", "end", "originate", "trace", "links", "admin"]

[[tokens]]
identity = "lee"
sha256 = "{listener_token}"
user = "lee"
[tokens.ceiling]
teams = ["support"]
mode = "listen"

[[tokens]]
identity = "tess"
tenant = "second"
sha256 = "{stranger_token}"
[tokens.ceiling]
agents = ["*"]
mode = "barge"
rights = ["whisper_customer", "hang_up", "end", "originate", "take_over", "links", "trace", "admin"]
"""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Server:
    """`mediaserver serve`. ``with`` waits until it is ready, and ends it.

    Known to it: a trunk ``pbx`` (whoever calls from `trunk`), the agents ``robert`` and ``rita`` (users; she may call), ``nora``
    (at port `first`) and ``mona`` (at `second`), the user ``carl`` who may call, the supervisors ``sue`` (barge), ``lee`` (listen)
    and ``pia`` (barge, PIN 4711), all with `SECRET`; the numbers ``robert``, ``rita``, ``nora``, ``mona``, ``first`` (rings port
    `first`), ``stream`` (the same over TCP), ``at12345`` (rings that port, where `another_port` gave it out), ``ua2`` and
    ``hunt`` (rings `first`, then `second`).
    """

    def __init__(
        self,
        folder: Path,
        *,
        t1: float = 0.5,
        ring_timeout: float = 8,
        security: str = "accept",
        codecs: Sequence[str] = (),
        sip: Mapping[str, float] = MappingProxyType({}),
        address: str = "127.0.0.1",
        configuration: str = "",
        secured_by: KeyPair | None = None,
        spares: int = 0,
        ice_servers: Sequence[Mapping[str, object]] = (),
        storage: Path | None = None,
    ) -> None:
        """``sip`` holds more keys of its table; ``codecs`` are those of ``media.codecs``, where they are not the usual ones.

        ``configuration`` is TOML to be taken instead of our own; where it listens is ours to say all the same.

        ``secured_by`` is a certificate for TLS and WSS; ``spares`` are workers that wait, each of which takes as long to start as one.

        ``ice_servers`` are told to browsers; ``storage`` is the folder of what is kept, else it is nowhere.
        """
        self.address = address
        self.trunk = self.address if ":" in self.address else own_address()
        self.port = free_port(self.address)
        self.first, self.second = free_port(self.address), free_port(self.address)
        ports = [free_port(self.address) for _ in range(_MORE_PORTS)]
        self._more_ports = itertools.cycle(ports)
        self._control = free_port(self.address)
        self.tls_port, self.wss_port = free_port(self.address), free_port(self.address)
        self._log = folder / "server.log"
        self._file = folder / "mediaserver.toml"
        self._process: warm.WarmProcess | None = None
        first_rtp = free_port(self.address, 40_000, 58_000)
        folder.mkdir(parents=True, exist_ok=True)
        self._environment = {
            "MEDIASERVER_SIP__BIND": self.address,
            "MEDIASERVER_SIP__UDP_PORT": str(self.port),
            "MEDIASERVER_SIP__TCP_PORT": str(self.port),
            "MEDIASERVER_MEDIA__BIND": self.address,
            "MEDIASERVER_MEDIA__FIRST_PORT": str(first_rtp),
            "MEDIASERVER_MEDIA__LAST_PORT": str(first_rtp + 799),
            "MEDIASERVER_MEDIA__STEREO": "false",  # phones that record both ears as one would hear each party at half its level
            "MEDIASERVER_MEDIA__DUCKING_DB": "0",  # tones never pause, and are judged at their full level
            "MEDIASERVER_MEDIA__SPARES": str(spares),
            "MEDIASERVER_ICE__SERVERS": json.dumps(ice_servers),
            "MEDIASERVER_CONTROL__BIND": self.address,
            "MEDIASERVER_CONTROL__PORT": str(self._control),
        }
        if storage is not None:
            self._environment["MEDIASERVER_STORAGE__FOLDER"] = str(storage)
        if secured_by is not None:
            self._environment |= {
                "MEDIASERVER_SIP__TLS__ENABLED": "true",
                "MEDIASERVER_SIP__TLS__PORT": str(self.tls_port),
                "MEDIASERVER_SIP__TLS__CERTIFICATE": secured_by.certificate,
                "MEDIASERVER_SIP__TLS__KEY": secured_by.key,
                "MEDIASERVER_SIP__WS__SECURE": "true",
                "MEDIASERVER_SIP__WS__SECURE_PORT": str(self.wss_port),
            }
        self._file.write_text(
            configuration
            or _CONFIG.format(
                address=self.address,
                host=in_uri(self.address),
                at_ports="\n".join(_AT_PORT.format(host=in_uri(self.address), port=port) for port in ports),
                sip=self.port,
                t1=t1,
                more="\n".join(f"{key} = {value}" for key, value in sip.items()),
                ring_timeout=ring_timeout,
                security=security,
                codecs=f"codecs = {list(codecs)}" if codecs else "",
                first_rtp=first_rtp,
                last_rtp=first_rtp + 799,
                control=self._control,
                trunk=self.trunk,
                first=self.first,
                second=self.second,
                secret=SECRET,
                token=_hash(TOKEN),
                listener_token=_hash(LISTENER_TOKEN),
                stranger_token=_hash(STRANGER_TOKEN),
            )
        )

    @property
    def sip(self) -> str:
        """Where SIP is spoken, ``host:port``."""
        return f"{in_uri(self.address)}:{self.port}"

    @property
    def control(self) -> str:
        """The control API's URL."""
        return f"http://{in_uri(self.address)}:{self._control}"

    def __enter__(self) -> Self:
        self._process = warm.start(["serve", "--config", str(self._file)], os.environ | self._environment, self._log)
        try:
            self._wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def kill(self) -> None:
        """End it and its workers without a word."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def kill_worker(self) -> None:
        """As ``kill -9`` for the process that carries the audio."""
        os.kill(self._workers()[-1], signal.SIGKILL)

    async def has_heir(self) -> None:
        """Wait until another process carries it."""
        known = self._workers()
        async with asyncio.timeout(READY_WITHIN):
            while self._workers() == known:
                await asyncio.sleep(0.05)

    def _workers(self) -> list[int]:
        """The processes that have carried the audio, in order."""
        return [int(pid) for pid in re.findall(r"worker\.ready .*\bpid=(\d+)", self._log.read_text(errors="replace"))]

    def ask_to_end(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait until it ends by itself; its exit code."""
        assert self._process is not None
        return self._process.wait(8)

    def log(self) -> str:
        """The end of what it said."""
        return self._log.read_text(errors="replace")[-4000:]

    def another_port(self) -> int:
        """A port at which nobody was rung lately, for who must not be told what comes late for another."""
        return next(self._more_ports)

    def metrics(self) -> str:
        """The text of ``/metrics``."""
        with urllib.request.urlopen(f"{self.control}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def readiness(self) -> int:
        """The status of ``/readyz``."""
        try:
            with urllib.request.urlopen(f"{self.control}/readyz", timeout=2) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                raise AssertionError(f"the server ended with {self._process.returncode}:\n{self.log()}")
            try:
                if self.readiness() == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"the server was not ready within {READY_WITHIN:.0f} s:\n{self.log()}")

    def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(8)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
