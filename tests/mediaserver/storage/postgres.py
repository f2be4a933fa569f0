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


@contextmanager
def cluster() -> Iterator[str]:
    """A running one, as an URL without a database."""
    folder = Path(tempfile.mkdtemp(prefix="mediaserver-postgres-"))
    try:
        password = folder / "password"
        password.write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (folder, password):
                shutil.chown(path, "postgres", "postgres")
        with _serving(folder / "data", password) as (address, port):
            yield f"postgresql://postgres:{PASSWORD.replace(' ', '%20')}@{address}:{port}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _serving(data: Path, password: Path) -> Iterator[tuple[str, int]]:
    address = own_address()
    port = free_port(address)
    made = [program("initdb"), "-D", str(data), "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--no-sync"]
    subprocess.run(as_its_user(*made, "--locale=C.UTF-8"), check=True, capture_output=True, timeout=60, cwd="/")
    options = f"-c port={port} -c listen_addresses={address} -c unix_socket_directories={data} -c shared_buffers=16MB -c fsync=off"
    control = [program("pg_ctl"), "-D", str(data), "-w", "-t", "30"]
    subprocess.run(
        as_its_user(*control, "-l", str(data / "log"), "-o", options, "start"), check=True, capture_output=True, timeout=60, cwd="/"
    )
    try:
        yield address, port
    finally:
        subprocess.run(as_its_user(*control, "-m", "immediate", "stop"), check=False, capture_output=True, timeout=60, cwd="/")
