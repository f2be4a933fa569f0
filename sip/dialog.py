"""Dialogs (RFC 3261 §12): the state that two user agents share, and how a request inside it is addressed and sent.

Where a request goes (§12.2.1.1, §16.12.1.2 for strict routers, and what NAT makes of it):

1. A connection: back over the one that the peer uses. One that only the peer can open (WebSocket, RFC 7118 §5) is never opened anew.
2. A peer behind NAT (its Via or Contact is not where its messages come from): back over the flow of its last message.
3. Else to the first route, or the remote target, where that is an IP address; a name: back over the flow.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from sip.errors import ParseError
from sip.headers import NO_TOKENS, parse_address, tokens
from sip.message import Header, Message, Request, Response
from sip.transport.flow import DEFAULT_PORTS, OPENED_BY_US, TRANSPORTS, Flow
from sip.uri import Uri, bracketed

_PRIVATE: Final = [
    ipaddress.ip_network(network)
    for network in [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    ]
]
"""Addresses that mean nothing to somebody outside (RFC 1918, 6598, 1122, 3927, 4193, 4291)."""


class Dialog:
    """One dialog, early or confirmed."""

    __slots__ = (
        "allow",
        "call_id",
        "flow",
        "follows_flow",
        "is_settled",
        "is_sips",
        "local",
        "local_sequence",
        "local_tag",
        "owns_call_id",
        "remote",
        "remote_sequence",
        "remote_tag",
        "remote_target",
        "route_set",
    )

    def __init__(self, *, call_id: str, local: str, local_tag: str, remote: str, remote_tag: str, local_sequence: int, flow: Flow) -> None:
        self.call_id = call_id
        self.local = local
        """Our From value, with tag."""
        self.local_tag = local_tag
        self.remote = remote
        """Our To value, with the remote tag where it has one."""
        self.remote_tag = remote_tag
        self.local_sequence = local_sequence
        self.remote_sequence: int | None = None
        """None: the peer has sent no request yet."""
        self.remote_target = ""
        self.route_set: tuple[str, ...] = ()
        """Route values, nearest first."""
        self.flow = flow
        """By which the peer's last message came."""
        self.follows_flow = False
        """The peer is behind NAT, or did not say where it is: requests go back to where its messages come from."""
        self.owns_call_id = False
        self.allow = NO_TOKENS
        """Methods that the peer said it serves; empty: it did not say."""
        self.is_settled = False
        """The first offer was answered for good, so that another one may be made."""
        self.is_sips = False
        """The first request asked for TLS on each hop: our Contact does so too (§12.1.1)."""

    @classmethod
    def from_request(cls, request: Request, local: str, local_tag: str, flow: Flow, local_sequence: int) -> "Dialog":
        """The dialog that our answer to an INVITE makes (§12.1.1). Raises `ParseError` for routes that are none."""
        dialog = cls(
            call_id=request.call_id,
            local=local,
            local_tag=local_tag,
            remote=request.values("From")[0],
            remote_tag=request.from_.tag,
            local_sequence=local_sequence,
            flow=flow,
        )
        dialog.remote_sequence = request.cseq.number
        dialog.hear(request)
        dialog.is_sips = asks_for_sips(request.uri, request.values("Record-Route"))
        dialog.route_set = _routes(request)
        dialog.remote_target = _whoever_it_is(request.from_.uri, flow)
        is_behind_nat = _is_ip(request.via.host) and request.via.sent_by != flow.remote
        dialog.follows_flow = not dialog.refresh_target(request) or is_behind_nat
        return dialog

    @classmethod
    def from_response(cls, request: Request, response: Response, flow: Flow) -> "Dialog":
        """The dialog that an answer to our INVITE makes (§12.1.2)."""
        dialog = cls(
            call_id=request.call_id,
            local=request.values("From")[0],
            local_tag=request.from_.tag,
            remote=response.values("To")[0],
            remote_tag=response.to.tag,
            local_sequence=request.cseq.number,
            flow=flow,
        )
        dialog.hear(response)
        dialog.owns_call_id = True
        dialog.is_sips = asks_for_sips(request.uri, request.values("Route"))
        dialog.remote_target = request.uri
        dialog._learn_way(request, response, flow)
        return dialog

    def confirm(self, request: Request, response: Response, flow: Flow) -> None:
        """An early dialog of ours got its 2xx: the way is learnt anew, sequence numbers go on (§13.2.2.4)."""
        self.flow = flow
        self.hear(response)
        self._learn_way(request, response, flow)

    def hear(self, message: Message) -> None:
        """Remember what the peer says that it serves."""
        if allowed := message.values("Allow"):
            self.allow = tokens(allowed)

    def _learn_way(self, request: Request, response: Response, flow: Flow) -> None:
        self.route_set = _routes_back(response)
        self.follows_flow = not self.refresh_target(response) or is_elsewhere(request, flow)

    def next_sequence(self) -> int:
        """The number of our next request."""
        self.local_sequence += 1
        return self.local_sequence

    def refresh_target(self, message: Message) -> bool:
        """Take the Contact of a target refresh (§12.2.1.2, §12.2.2); False where there is none, or nonsense: nothing changes."""
        try:
            for contact in message.contacts[:1]:
                Uri.parse(contact.uri)
                self.remote_target = contact.uri
                return True
        except ParseError:
            pass
        return False

    def lose_flow(self) -> None:
        """The connection is gone: the next request goes to the remote target over a new one, or where that is a name, to the old place."""
        if self.flow.can_be_opened:
            self.follows_flow = False
            self.flow = _reachable(self._hop(), self.flow.anew())

    def address(self) -> tuple[str, list[Header]]:
        """Request-URI and Route headers of a request in this dialog (§12.2.1.1)."""
        return addressed(self.remote_target, self.route_set)

    def next_hop(self) -> Flow:
        """The flow by which a request in this dialog leaves."""
        if self.flow.is_reliable or self.follows_flow:
            return self.flow
        return _reachable(self._hop(), self.flow)

    def _hop(self) -> str:
        """URI of the next hop: the first route, or the remote target."""
        if self.route_set:
            try:
                return parse_address(self.route_set[0]).uri
            except ParseError:
                pass
        return self.remote_target


def addressed(target: str, route_set: Sequence[str]) -> tuple[str, list[Header]]:
    """Request-URI and Route headers for a target behind routes; a strict router comes into the Request-URI itself (§12.2.1.1)."""
    if not route_set:
        return target, []
    try:
        first = parse_address(route_set[0]).uri
        is_strict = not Uri.parse(first).is_loose_router
    except ParseError:
        is_strict = False
    if not is_strict:
        return target, [("Route", route) for route in route_set]
    return first, [("Route", route) for route in [*route_set[1:], f"<{target}>"]]


def asks_for_sips(uri: str, routes: Sequence[str]) -> bool:
    """Whether a request with this Request-URI and these routes, topmost first, is to be met with a ``sips`` Contact (§8.1.1.8, §12.1.1)."""
    return uri[:5].lower() == "sips:" or any("<sips:" in route.lower() for route in routes[:1])


def _whoever_it_is(uri: str, flow: Flow) -> str:
    """What stands for the Contact that a peer did not give, or gave as nonsense: his From, else where he sends from."""
    try:
        Uri.parse(uri)
    except ParseError:
        return f"sip:{bracketed(flow.remote[0])}:{flow.remote[1]}"
    return uri


def _routes(message: Message) -> tuple[str, ...]:
    """Record-Route values, topmost first. Raises `ParseError`."""
    routes = tuple(message.items("Record-Route"))
    for route in routes:
        parse_address(route)
    return routes


def _routes_back(response: Response) -> tuple[str, ...]:
    """The route set that a response brings; one that cannot be read is none, for there is nobody to refuse it to."""
    try:
        return tuple(reversed(_routes(response)))
    except ParseError:
        return ()


def _reachable(uri: str, flow: Flow) -> Flow:
    """The flow to a URI with an IP address; else, and where only the flow can be reached, the flow itself."""
    try:
        parsed = Uri.parse(uri)
    except ParseError:
        return flow
    host, transport = parsed.host, _transport_of(parsed, flow)
    if transport not in OPENED_BY_US or not _is_ip(host) or (_is_private(host) and not _is_private(flow.remote[0])):
        return flow
    remote = (host, parsed.port or DEFAULT_PORTS[transport])
    if transport != "udp":
        return Flow(transport, (flow.local[0], 0), remote, host if transport == "tls" else "")
    return flow if remote == flow.remote else flow._replace(remote=remote)


def _transport_of(uri: Uri, flow: Flow) -> str:
    """The transport that a URI asks for; what was secure stays so, and what was a connection becomes no datagram. Empty: none of ours."""
    asked = (uri.parameter("transport") or ("udp" if uri.scheme == "sip" else "tcp")).lower()
    if asked == "tcp" and uri.scheme == "sips":
        asked = "tls"
    if uri.scheme == "tel" or asked not in TRANSPORTS:
        return ""
    if flow.is_secure and asked != "tls":
        return "tls"
    return "tcp" if asked == "udp" and flow.is_reliable else asked


def is_elsewhere(request: Request, flow: Flow) -> bool:
    """Whether a request of ours went to another address than its Request-URI names: a registered phone behind NAT."""
    if request.values("Route"):
        return False
    host, port = request.request_uri.hostport
    return _is_ip(host) and (host, port) != flow.remote


@lru_cache(maxsize=4096)
def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _is_private(host: str) -> bool:
    if not _is_ip(host):
        return False
    address = ipaddress.ip_address(host)
    return any(address in network for network in _PRIVATE if network.version == address.version)
