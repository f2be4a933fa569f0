"""Bob as the caller of a scripted peer."""

from typing import Any

from sip.message import Request, Response
from sip.sdp import SessionDescription
from sip.transport.flow import Flow
from sip.useragent import Invitation
from tests.sip.network import OFFER, Network
from tests.sip.peer import PEER, SDP_ANSWER, Peer

HEADER = ("X-Call", "42")


class Callee(Peer):
    """The peer is called by Bob as soon as it is there."""

    def __init__(
        self,
        network: Network | None = None,
        *,
        offer: SessionDescription | None = OFFER,
        user: str = "",
        route: tuple[str, ...] = (),
        request_uri: str = "sip:peer@192.0.2.77:5070",
        headers: tuple[tuple[str, str], ...] = (HEADER,),
        from_display: str = "",
        **settings: Any,
    ) -> None:
        super().__init__(network, **settings)
        invitation = Invitation(
            request_uri=request_uri,
            from_uri="sip:bob@192.0.2.2",
            from_display=from_display,
            to_uri="sip:peer@192.0.2.77",
            flows=(Flow(self.network.transport, ("192.0.2.2", 5060), PEER),),
            offer=offer,
            headers=headers,
            user=user,
            secret="secret" if user else "",
            route=route,
            max_forwards=69,
        )
        self.called = self.bob.agent.invite(invitation, self.network.now)
        (self.invite,) = self.requests()

    def requests(self) -> list[Request]:
        """Requests that Bob sent since the last look."""
        return [message for message in self.heard() if isinstance(message, Request)]

    def accept(self, *, tag: str = "fork", headers: tuple[str, ...] = (), contact: str = "") -> list[Request | Response]:
        """200 with an answer."""
        return self.answer(self.invite, 200, tag=tag, headers=headers, body=SDP_ANSWER, contact=contact)

    def ask(
        self, method: str, *, cseq: int = 1, tag: str = "fork", body: bytes = b"", headers: tuple[str, ...] = ()
    ) -> list[Request | Response]:
        """A request of the peer's inside the dialog."""
        return self.say(
            method, call_id=self.invite.call_id, cseq=cseq, from_tag=tag, to_tag=self.invite.from_.tag, body=body, headers=headers
        )
