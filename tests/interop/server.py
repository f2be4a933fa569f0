"""The server as its own process, with ports that nobody else has."""

import asyncio
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
from tests.interop.houses import usual
from tests.interop.tools import PATIENCE, SERVERS_MEDIA, free_port, give_back, in_uri, own_address

_MORE_PORTS: Final = 20
_RTP_PORTS: Final = 400


class Server:
    """`mediaserver serve`. ``with`` waits until it is ready, and ends it. Its house is the `usual` one, unless it is given another."""

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
        self.port, self.first, self.second = (free_port(self.address) for _ in range(3))
        more = [free_port(self.address) for _ in range(_MORE_PORTS)]
        self._more_ports = itertools.cycle(more)
        self._control, self.tls_port, self.wss_port = (free_port(self.address) for _ in range(3))
        self._log = folder / "server.log"
        self._file = folder / "mediaserver.toml"
        self._process: warm.WarmProcess | None = None
        self._environment = self._listening() | {
            "MEDIASERVER_MEDIA__STEREO": "false",  # phones that record both ears as one would hear each party at half its level
            "MEDIASERVER_MEDIA__DUCKING_DB": "0",  # tones never pause, and are judged at their full level
            "MEDIASERVER_MEDIA__SPARES": str(spares),
            "MEDIASERVER_ICE__SERVERS": json.dumps(ice_servers),
        }
        if storage is not None:
            self._environment["MEDIASERVER_STORAGE__FOLDER"] = str(storage)
        if secured_by is not None:
            self._environment |= self._secured(secured_by)
        folder.mkdir(parents=True, exist_ok=True)
        self._file.write_text(
            configuration
            or usual(
                self.address,
                trunk=self.trunk,
                first=self.first,
                second=self.second,
                more=more,
                t1=t1,
                ring_timeout=ring_timeout,
                security=security,
                codecs=codecs,
                sip=sip,
            )
        )

    def _listening(self) -> dict[str, str]:
        """Where it listens, whatever its file says."""
        return {
            "MEDIASERVER_SIP__BIND": self.address,
            "MEDIASERVER_SIP__UDP_PORT": str(self.port),
            "MEDIASERVER_SIP__TCP_PORT": str(self.port),
            "MEDIASERVER_MEDIA__BIND": self.address,
            "MEDIASERVER_CONTROL__BIND": self.address,
            "MEDIASERVER_CONTROL__PORT": str(self._control),
        }

    def _secured(self, pair: KeyPair) -> dict[str, str]:
        """TLS and WSS, with this certificate."""
        return {
            "MEDIASERVER_SIP__TLS__ENABLED": "true",
            "MEDIASERVER_SIP__TLS__PORT": str(self.tls_port),
            "MEDIASERVER_SIP__TLS__CERTIFICATE": pair.certificate,
            "MEDIASERVER_SIP__TLS__KEY": pair.key,
            "MEDIASERVER_SIP__WS__SECURE": "true",
            "MEDIASERVER_SIP__WS__SECURE_PORT": str(self.wss_port),
        }

    @property
    def sip(self) -> str:
        """Where SIP is spoken, ``host:port``."""
        return f"{in_uri(self.address)}:{self.port}"

    @property
    def control(self) -> str:
        """The control API's URL."""
        return f"http://{in_uri(self.address)}:{self._control}"

    def __enter__(self) -> Self:
        self._first_rtp = free_port(self.address, SERVERS_MEDIA, _RTP_PORTS)
        media = {"FIRST": self._first_rtp, "LAST": self._first_rtp + _RTP_PORTS - 1}
        environment = os.environ | self._environment | {f"MEDIASERVER_MEDIA__{name}_PORT": str(port) for name, port in media.items()}
        try:
            self._process = warm.start(["serve", "--config", str(self._file)], environment, self._log)
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        give_back(self.address, self._first_rtp, _RTP_PORTS)

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
        async with asyncio.timeout(PATIENCE):
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
        return self._process.wait(PATIENCE)

    def log(self) -> str:
        """The end of what it said."""
        return self._log.read_text(errors="replace")[-4000:]

    def another_port(self) -> int:
        """A port at which nobody was rung lately, for who must not be told what comes late for another."""
        return next(self._more_ports)

    def metrics(self) -> str:
        """The text of ``/metrics``."""
        with urllib.request.urlopen(f"{self.control}/metrics", timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def readiness(self) -> int:
        """The status of ``/readyz``."""
        try:
            with urllib.request.urlopen(f"{self.control}/readyz", timeout=PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                raise AssertionError(f"the server ended with {self._process.returncode}:\n{self.log()}")
            try:
                if self.readiness() == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"the server was not ready within {PATIENCE:.0f} s:\n{self.log()}")

    def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(8)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
