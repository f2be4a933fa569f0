"""The options that several benches share."""

from dataclasses import dataclass

from bench.progress import Progress

SOCKET_LOOP = "MEDIASERVER_MEDIA__SOCKET_LOOP"
"""Environment variable by which the server, and the mirror of `floor`, are told which socket loop to take."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where and how a bench runs."""

    server_core: int | None
    server_nice: int
    """Niceness of all processes of the server."""
    generator_core: int | None
    progress: Progress
    codec: str = "PCMU"
