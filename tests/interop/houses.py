"""The houses that servers of tests keep: the usual one, and the parts that others are put together from. All users have `SECRET`."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from bench.house import write_toml
from tests.interop.tools import in_uri

SECRET: Final = "wonderland"
TOKEN: Final = "interop-token"
"""Of an identity that may do everything; its phones are those of the user ``sue``."""
LISTENER_TOKEN: Final = "interop-listener"
"""Of ``lee``, who may listen to the team ``support``; his phones are those of the user."""
STRANGER_TOKEN: Final = "interop-stranger"
"""Of an identity that may do everything in the tenant ``second``."""

Table = dict[str, Any]
EVERYBODY: Final = {"agents": ["*"], "mode": "barge"}
"""A ceiling that lets be heard in each call."""
_SUPPORT: Final = {"teams": ["support"], "mode": "listen"}
_RIGHTS: Final = ["hang_up", "end", "originate", "trace", "links", "admin"]


def route(number: str, *targets: str) -> Table:
    """Where a number leads."""
    return {"number": number, "targets": list(targets)}


def user(name: str, **more: Any) -> Table:
    """Somebody with a phone."""
    return {"name": name, "secret": SECRET} | more


def agent(name: str, **more: Any) -> Table:
    """An agent whose phones are those of the user of his name."""
    return {"name": name, "user": name} | more


def token(identity: str, text: str, **more: Any) -> Table:
    """Who shows this text is that identity."""
    return {"identity": identity, "sha256": hashlib.sha256(text.encode()).hexdigest()} | more


def written(*, agents: Iterable[Table], routes: Iterable[Table], users: Iterable[Table], tokens: Iterable[Table]) -> str:
    """A house as TOML."""
    return write_toml({"agents": list(agents), "routes": list(routes), "users": list(users), "tokens": list(tokens)})


def usual(
    address: str,
    *,
    trunk: str,
    first: int,
    second: int,
    more: Sequence[int],
    t1: float,
    ring_timeout: float,
    security: str,
    codecs: Sequence[str] = (),
    sip: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """The usual house, as TOML; phones that are rung without being registered have the ports ``first``, ``second`` and ``more``.

    Known to it: a trunk ``pbx`` (whoever calls from ``trunk``), the agents ``robert`` and ``rita`` (users; she may call), ``nora``
    (at port ``first``) and ``mona`` (at ``second``), the user ``carl`` who may call, the supervisors ``sue`` (barge), ``lee`` (listen)
    and ``pia`` (barge, PIN 4711); the numbers ``robert``, ``rita``, ``nora``, ``mona``, ``first`` (rings port
    ``first``), ``stream`` (the same over TCP), ``at12345`` (rings that port, where it is one of ``more``), ``ua2`` and
    ``hunt`` (rings ``first``, then ``second``).
    """
    settings = {
        "sip": {"t1": t1} | dict(sip),
        "media": {"security": security} | ({"codecs": list(codecs)} if codecs else {}),
        "limits": {"ring_timeout": ring_timeout},
        "watching": {"interval": 0},
        "control": {"origins": ["null"]},  # what pages from a file say that they are from
        "trunks": [{"name": "pbx", "addresses": [trunk], "headers": {"X-Queue": "queue"}}],
    }
    people = written(agents=_agents(), routes=_routes(in_uri(address), first, second, more), users=_users(), tokens=_tokens())
    return f"{write_toml(settings)}\n{people}"


def _agents() -> list[Table]:
    return [
        agent("robert", team="support"),
        agent("rita"),
        {"name": "nora", "extension": "1001"},
        {"name": "mona", "extension": "1002"},
    ]


def _routes(host: str, first: int, second: int, more: Sequence[int]) -> list[Table]:
    rung = f"sip:service@{host}:{first}", f"sip:service@{host}:{second}"
    return [
        route("robert", "agent:robert"),
        route("rita", "agent:rita"),
        route("first", rung[0]),
        route("nora", f"sip:1001@{host}:{first}"),
        route("mona", f"sip:1002@{host}:{second}"),
        route("stream", f"{rung[0]};transport=tcp"),
        *(route(f"at{port}", f"sip:service@{host}:{port}") for port in more),
        route("ua2", rung[1]),
        route("hunt", *rung),
    ]


def _users() -> list[Table]:
    return [
        user("robert"),
        user("rita", may_call=True),
        user("carl", may_call=True),
        user("sue", ceiling=EVERYBODY | {"rights": ["take_over"]}),
        user("lee", ceiling=_SUPPORT),
        user("pia", pin="4711", ceiling=EVERYBODY),
    ]


def _tokens() -> list[Table]:
    return [
        token("sue", TOKEN, user="sue", ceiling=EVERYBODY | {"rights": _RIGHTS}),
        token("lee", LISTENER_TOKEN, user="lee", ceiling=_SUPPORT),
        token("tess", STRANGER_TOKEN, tenant="second", ceiling=EVERYBODY | {"rights": [*_RIGHTS, "whisper_customer", "take_over"]}),
    ]
