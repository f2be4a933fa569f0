"""A TURN server (coturn) on loopback, which shares a secret with the media server, as its documentation says."""

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.interop.tools import PATIENCE, PHONES_MEDIA, free_port, path_of

SECRET: Final = "shared-with-the-turn-server"
_RELAYS: Final = 200


class Coturn:
    """One process; ``with`` waits until it listens, and ends it."""

    def __init__(self, folder: Path, address: str = "127.0.0.1") -> None:
        self._command = path_of("turnserver")
        self._folder = folder
        self._address = address
        self._port = free_port(address)
        self._relays = free_port(address, PHONES_MEDIA, _RELAYS)

    @property
    def url(self) -> str:
        """As browsers want it."""
        return f"turn:{self._address}:{self._port}?transport=udp"

    @property
    def log(self) -> str:
        """What it said."""
        return (self._folder / "turnserver.log").read_text(errors="replace")

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        options = {
            "listening-ip": self._address,
            "relay-ip": self._address,
            "listening-port": self._port,
            "min-port": self._relays,
            "max-port": self._relays + _RELAYS - 1,
            "static-auth-secret": SECRET,
            "realm": "turn.test",
            "pidfile": self._folder / "turnserver.pid",
            "userdb": self._folder / "turndb",
        }
        flags = ("-n", "--use-auth-secret", "--no-tls", "--no-dtls", "--no-cli", "--allow-loopback-peers", "--log-file=stdout", "--verbose")
        said = [f"--{name}={value}" for name, value in options.items()]
        with (self._folder / "turnserver.log").open("wb") as log:
            self._process = subprocess.Popen([self._command, *flags, *said], stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + PATIENCE
        while "IO method" not in self.log:
            if time.monotonic() > deadline or self._process.poll() is not None:
                self._end()
                raise AssertionError(f"coturn does not listen:\n{self.log[-3000:]}")
            time.sleep(0.05)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
