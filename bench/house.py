"""The house that a bench measures: its settings, its people, and the numbers they dial."""

import hashlib
import json
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from bench.generator.phones.asking import Credentials
from bench.generator.process import free_port
from config.settings import Settings

SERVER = "127.0.0.1"
CUSTOMERS, AGENTS, SUPERVISORS = "127.0.0.2", "127.0.0.3", "127.0.0.4"
"""Each kind of phone has an address of its own, for the server knows a trunk by its address."""
TOKEN = "bench-token"
_SECRET = "bench-secret"
_BELOW, _ABOVE = range(10_000, 32_768), range(64_000, 65_536)
"""Ports for media; between them the kernel lends ports by itself. A small house has its above, where other tests have none."""
_PORTS_A_ROW = 4


@dataclass(frozen=True, slots=True)
class House:
    """A configuration with free ports and as many people as a bench needs."""

    agents: int
    supervisors: int
    calls: int
    """Calls at once that must fit."""
    sip_port: int
    control_port: int
    first_port: int
    called: str = ""
    """SIP URI that every call goes to; empty: to the agent who is dialled."""
    guard: Mapping[str, Any] = field(default_factory=dict)
    """Settings of ``[sip.guard]``, but for who is trusted."""
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    """That the server speaks, in its order."""
    ducking_db: float = 0.0
    """Of ``[media]``: voices that never pause would be ducked for ever, and a bench judges them at their full level."""
    refuses_overload: bool = True
    """False: takes calls however busy this machine is."""
    security: str = "auto"
    """Of ``[media]``."""

    @classmethod
    def build(
        cls,
        *,
        calls: int,
        agents: int | None = None,
        supervisors: int | None = None,
        called: str = "",
        guard: Mapping[str, Any] | None = None,
        codecs: tuple[str, ...] = ("PCMU", "PCMA"),
        ducking_db: float = 0.0,
        refuses_overload: bool = True,
        security: str = "auto",
    ) -> Self:
        """A house for this many calls, on ports that are free now (media: a range by lot, not of the kernel's own).

        Without ``guard`` there is no limit for new requests.
        """
        return cls(
            agents if agents is not None else calls,
            supervisors if supervisors is not None else calls,
            calls,
            free_port(SERVER, socket.SOCK_DGRAM),
            free_port(SERVER, socket.SOCK_STREAM),
            _first_port(_PORTS_A_ROW * _rows(calls)),
            called,
            {"new_rate": 0} if guard is None else guard,
            codecs,
            ducking_db,
            refuses_overload,
            security,
        )

    @property
    def sip(self) -> tuple[str, int]:
        """Where the server speaks SIP."""
        return SERVER, self.sip_port

    @property
    def control(self) -> str:
        """The control API's root, without scheme."""
        return f"{SERVER}:{self.control_port}"

    def agent(self, number: int) -> Credentials:
        """The agent of this number; his name is his user and what a customer dials."""
        return Credentials(f"agent{number}", _SECRET)

    def supervisor(self, number: int) -> Credentials:
        """The supervisor of this number; he may barge everywhere."""
        return Credentials(f"supervisor{number}", _SECRET)

    def dialled(self, number: int) -> str:
        """What a customer dials to reach this agent."""
        return self.agent(number).user

    @property
    def addresses(self) -> tuple[str, str, str]:
        """Where customers, agents and supervisors have their phones."""
        return CUSTOMERS, AGENTS, SUPERVISORS

    def settings(self) -> dict[str, Any]:
        """The whole file."""
        rows = _rows(self.calls)
        ceiling = {"agents": ["*"], "mode": "barge", "rights": ["whisper_customer", "take_over"]}
        admin = {
            "agents": ["*"],
            "mode": "barge",
            "rights": ["whisper_customer", "take_over", "hang_up", "end", "originate", "outside_numbers", "admin"],
        }
        agents = [self.agent(number) for number in range(self.agents)]
        supervisors = [self.supervisor(number) for number in range(self.supervisors)]
        users: list[dict[str, Any]] = [{"name": who.user, "secret": who.secret, "may_call": True} for who in agents]
        users += [{"name": who.user, "secret": who.secret, "ceiling": ceiling} for who in supervisors]
        token = {"sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "identity": "bench", "ceiling": admin}
        return {
            # All phones of a kind share an address here, so none of them may have a source's limit.
            "sip": {"bind": SERVER, "udp_port": self.sip_port, "tcp": False, "guard": {"trusted": [AGENTS, SUPERVISORS], **self.guard}},
            "media": {
                "bind": SERVER,
                "first_port": self.first_port,
                "last_port": self.first_port + _PORTS_A_ROW * rows - 1,
                "rows": rows,
                # Music would be a stray tone in every ear that is judged.
                "hold": "silence",
                "codecs": list(self.codecs),
                "ducking_db": self.ducking_db,
                "security": self.security,
            },
            "limits": {"calls": self.calls + 10} | ({} if self.refuses_overload else {"longest_turn_ms": 1000, "signalling_late": 60}),
            "control": {"bind": SERVER, "port": self.control_port},
            "trunks": [{"name": "bench", "addresses": [CUSTOMERS]}],
            "routes": [{"trunk": "*", "targets": [self.called or "agent:{number}"]}],
            "agents": [{"name": who.user, "user": who.user, "team": "bench"} for who in agents],
            "users": users,
            "tokens": [token],
        }

    def file(self) -> str:
        """The settings as TOML, checked against the server's own model."""
        settings = self.settings()
        Settings.model_validate(settings)
        return write_toml(settings)


def _rows(calls: int) -> int:
    """Two of slack for each call: a leg that ends lets its row go after the next has come."""
    return max(64, calls * 5)


def _first_port(ports: int) -> int:
    """Of so many in a row."""
    among = _ABOVE if ports <= len(_ABOVE) else _BELOW
    return random.choice(among[: max(1, len(among) - ports + 1) : 2])


def write_toml(tables: Mapping[str, Any]) -> str:
    """Tables, and lists of tables, of plain values as TOML; strings and lists of them read the same in JSON."""
    lines: list[str] = []
    for name, content in tables.items():
        if isinstance(content, list):
            for entry in content:
                lines += [f"[[{name}]]", *_pairs(entry), ""]
        else:
            lines += [f"[{name}]", *_pairs(content), ""]
    return "\n".join(lines)


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)
