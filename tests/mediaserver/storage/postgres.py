"""A real PostgreSQL of Debian's package, for the tests that need one: a cluster of their own, thrown away after them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interop.tools import free_port, own_address

PASSWORD = "a secret"


def program(name: str) -> str:
    """Where a program of PostgreSQL is, which Debian keeps out of the path; skips the test where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        pytest.skip("PostgreSQL is not installed: make test-tools")
    return path


def as_its_user(*command: str) -> list[str]:
    """PostgreSQL does not run as root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command] if os.getuid() == 0 else list(command)


class Cluster:
    """A PostgreSQL at a port of its own, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._address = own_address()
        self._port = free_port(self._address)
        self.url = f"postgresql://postgres:{PASSWORD.replace(' ', '%20')}@{self._address}:{self._port}"
        """Without a database."""
        password = folder / "password"
        password.write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (folder, password):
                shutil.chown(path, "postgres", "postgres")
        self._run("initdb", "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8")

    def start(self) -> None:
        """Serve."""
        own = f"-c port={self._port} -c listen_addresses={self._address} -c unix_socket_directories={self._data}"
        options = f"{own} -c shared_buffers=16MB -c fsync=off"
        self._run("pg_ctl", "-w", "-t", "30", "-l", str(self._data / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Be gone at once; what was committed stays."""
        self._run("pg_ctl", "-w", "-t", "30", "-m", "immediate", "stop")

    def _run(self, name: str, *arguments: str) -> None:
        command = as_its_user(program(name), "-D", str(self._data), *arguments)
        subprocess.run(command, check=True, capture_output=True, timeout=60, cwd="/")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running one."""
    folder = Path(tempfile.mkdtemp(prefix="mediaserver-postgres-"))
    try:
        made = Cluster(folder)
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
