"""The hops of one request: which it takes now, and which are left where that one fails (RFC 3263 §4.3, RFC 3261 §18.1.1).

- Hops that failed lately come last, whichever request found them so.
- What is too large for a datagram goes by TCP to the same address first; by UDP only where that cannot be had. Not so to a phone behind
  NAT: nothing but the flow it opened leads there.
- A 503 speaks for the server, so its other transports are left out as well.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sip.dialog import is_elsewhere
from sip.errors import ParseError
from sip.headers import parse_address
from sip.message import Header, Request
from sip.session.core import Core
from sip.transport.flow import Flow
from sip.uri import Uri

NOWHERE_ELSE: Final[Mapping[Flow, str]] = {}
"""The same Request-URI on all flows."""
CONNECT_PATIENCE: Final = 2.0
"""Seconds for TCP to bring an answer, where UDP is left."""
DATAGRAMS_ONLY: Final = 600.0
"""Seconds for which large requests go by UDP where TCP could not be had."""


class Hops:
    """One request's way through its hops."""

    __slots__ = ("_core", "_is_upgraded", "_left", "_uris", "current")

    def __init__(self, core: Core, flows: Sequence[Flow], now: float, uris: Mapping[Flow, str] = NOWHERE_ELSE) -> None:
        self._core = core
        self._uris = uris
        self._left = core.penalties.ordered(flows, now)
        self._is_upgraded = False
        self.current = flows[0]
        """The one that the request was written for last."""

    def advance(self, request: Request, now: float) -> Request | None:
        """The request as it goes to the next hop; None where none is left."""
        if not self._left:
            return None
        return self.enter(request, self._left.pop(0), now)

    def enter(self, request: Request, flow: Flow, now: float) -> Request:
        """The request as it goes by this flow, or by TCP where it is too large for it."""
        uri = self._uris.get(flow, request.uri)
        if uri != request.uri:
            request = Request(request.method, uri, request.headers, request.body)
        self._is_upgraded = self._wants_stream(request, flow, now)
        if self._is_upgraded:
            self._core.count("large_request_by_tcp")
            self._left.insert(0, flow)
            flow = _stream(flow)
        old, self.current = self.current, flow
        return request if flow is old else rewritten(self._core, request, old, flow)

    @property
    def patience(self) -> float | None:
        """How long to wait for the first word; None: as long as a request may take, since nothing else is left to try."""
        if not self._left:
            return None
        longest = self._core.settings.failover_after
        return min(longest, CONNECT_PATIENCE) if self._is_upgraded else longest

    def failed(self, cause: str, seconds: float, now: float) -> None:
        """The current hop is of no use for now: ``timeout``, ``transport`` or ``503``."""
        if cause == "503":
            self._left = [flow for flow in self._left if flow.remote != self.current.remote]
        elif self._is_upgraded:
            self._core.count("large_request_back_to_udp")
            seconds = max(seconds, DATAGRAMS_ONLY)
        self._core.penalties.avoid(self.current, seconds, now)

    def _wants_stream(self, request: Request, flow: Flow, now: float) -> bool:
        limit = self._core.settings.udp_limit
        if not limit or flow.transport != "udp" or request.method == "CANCEL" or len(request.serialize()) <= limit:
            return False
        return not is_elsewhere(request, flow) and not self._core.penalties.is_avoided(_stream(flow), now)


def _stream(flow: Flow) -> Flow:
    return Flow("tcp", (flow.local[0], 0), flow.remote)


def rewritten(core: Core, request: Request, old: Flow, new: Flow) -> Request:
    """A request for another hop: a branch of its own, and our Contact as that hop is to know it."""
    via = request.values("Via")[0]
    headers = [
        core.via(new) if value == via else _moved(core, value, old, new) if name == "Contact" else (name, value)
        for name, value in request.headers
    ]
    return Request(request.method, request.uri, headers, request.body)


def _moved(core: Core, contact: str, old: Flow, new: Flow) -> Header:
    """Our Contact on another flow; one that names somebody else stays."""
    try:
        uri = Uri.parse(parse_address(contact).uri)
    except ParseError:
        return "Contact", contact
    if uri.hostport != core.settings.advertised(old):
        return "Contact", contact
    return core.contact(new, uri.user, contact.rpartition(">")[2], is_sips=uri.scheme == "sips")
