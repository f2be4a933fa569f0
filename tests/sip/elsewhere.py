"""Bob as a caller whose request has several ways: each target is an address at which the test answers, or does not."""

from typing import Self

from sip.message import Request, Response
from sip.sdp import SessionDescription
from sip.transport.flow import Address, Flow
from sip.useragent import Invitation
from tests.sip.network import ANSWER, BOB, OFFER, Carried, Network

FIRST: Address = ("192.0.2.11", 5060)
SECOND: Address = ("192.0.2.12", 5060)
THIRD: Address = ("192.0.2.13", 5060)


class Ways:
    """Bob, and what he sends to whom."""

    def __init__(self, network: Network | None = None, **settings: object) -> None:
        self.network = network or Network()
        self.bob = self.network.station(BOB, **settings)
        self._read = 0

    def invite(
        self,
        *flows: Flow,
        offer: SessionDescription = OFFER,
        headers: tuple[tuple[str, str], ...] = (),
        uri: str = "sip:peer@example.com",
        user: str = "",
    ) -> int:
        """Call by these flows in turn."""
        invitation = Invitation(uri, "sip:bob@192.0.2.2", uri, flows, offer, headers=headers, user=user, secret="secret" if user else "")
        return self.bob.agent.invite(invitation, self.network.now)

    def sent(self) -> list[Carried]:
        """What Bob sent since the last look."""
        self.network.settle()
        new, self._read = self.network.carried[self._read :], len(self.network.carried)
        return [carried for carried in new if carried.sender == BOB]

    def what(self) -> list[tuple[str, Address]]:
        """The same, as (method or status, receiver)."""
        return [(carried.what, carried.receiver) for carried in self.sent()]

    def wait(self, seconds: float) -> Self:
        """Let time pass."""
        self.network.run(seconds)
        return self

    def answer(
        self,
        request: Request,
        status: int,
        source: Address,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        tag: str = "",
        transport: str = "udp",
    ) -> None:
        """Answer a request of Bob's from an address."""
        copied = [header for header in request.headers if header[0] in ("Via", "From", "Call-ID", "CSeq")]
        to = request.values("To")[0] + ("" if status == 100 or "tag=" in request.values("To")[0] else f";tag={tag or source[0]}")
        body = ANSWER.serialize() if status == 200 and request.method == "INVITE" else b""
        typed = [("Content-Type", "application/sdp")] if body else []
        contact = ("Contact", f"<sip:peer@{source[0]}:{source[1]}>")
        response = Response(status, [*copied, ("To", to), contact, *typed, *headers], body)
        self.bob.agent.receive(response.serialize(), Flow(transport, BOB, source), self.network.now)
        self.network.settle()

    def lose(self, flow: Flow) -> None:
        """The transport says that nothing can be sent to a flow."""
        self.bob.agent.flow_lost(flow, self.network.now)
        self.network.settle()

    @property
    def counters(self) -> dict[str, int]:
        """Bob's."""
        return self.bob.agent.counters


def udp(remote: Address) -> Flow:
    """Bob's way to an address by UDP."""
    return Flow("udp", BOB, remote)


def tcp(remote: Address) -> Flow:
    """A connection that Bob would open."""
    return Flow("tcp", (BOB[0], 0), remote)


def request_of(carried: Carried) -> Request:
    """The request that was carried."""
    assert isinstance(carried.message, Request)
    return carried.message
