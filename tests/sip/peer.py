"""A peer that speaks by the letter: every message is written out by the test, so that it can be wrong where a test wants it to be."""

from sip.events import InviteReceived
from sip.message import Request, Response
from sip.transport.flow import Address, Flow
from tests.sip.network import ANSWER, BOB, OFFER, Network, Station

PEER: Address = ("192.0.2.77", 5070)
SDP_OFFER = OFFER.serialize()
SDP_ANSWER = ANSWER.serialize()


class Peer:
    """Speaks with one station, Bob, at 192.0.2.2."""

    def __init__(self, network: Network | None = None, *, address: Address = PEER, **settings: object) -> None:
        self.network = network or Network()
        self.address = address
        self.bob: Station = self.network.station(BOB, **settings)
        self._read = 0
        self._branches = 0

    @property
    def flow(self) -> Flow:
        """Bob's flow to this peer."""
        return Flow(self.network.transport, BOB, self.address)

    def say(
        self,
        method: str,
        *,
        call_id: str = "call",
        cseq: int = 1,
        to_tag: str = "",
        from_tag: str = "peer",
        branch: str = "",
        headers: tuple[str, ...] = (),
        body: bytes = b"",
        contact: str = "<sip:peer@192.0.2.77:5070>",
        via: str = "192.0.2.77:5070",
        uri: str = "sip:bob@192.0.2.2",
        max_forwards: str = "70",
    ) -> list[Request | Response]:
        """Send a request, and return what Bob sent since the last look."""
        if not branch:
            self._branches += 1
            branch = f"z9hG4bKpeer{self._branches}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.network.transport.upper()} {via};branch={branch}",
            f"Max-Forwards: {max_forwards}",
            f"From: <sip:peer@192.0.2.77>;tag={from_tag}",
            "To: <sip:bob@192.0.2.2>" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
            *([f"Contact: {contact}"] if contact else []),
            *headers,
            *(["Content-Type: application/sdp"] if body and not any(line.startswith("Content-Type") for line in headers) else []),
            f"Content-Length: {len(body)}",
        ]
        return self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def answer(
        self, request: Request, status: int, *, tag: str = "fork", headers: tuple[str, ...] = (), body: bytes = b"", contact: str = ""
    ) -> list[Request | Response]:
        """Answer a request of Bob's."""
        to = request.values("To")[0]
        lines = [
            f"SIP/2.0 {status} Said",
            *[f"Via: {value}" for value in request.values("Via")],
            f"From: {request.values('From')[0]}",
            f"To: {to}" + (f";tag={tag}" if tag and "tag=" not in to else ""),
            f"Call-ID: {request.call_id}",
            f"CSeq: {request.values('CSeq')[0]}",
            f"Contact: {contact or '<sip:peer@192.0.2.77:5070>'}",
            *headers,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def send(self, data: bytes) -> list[Request | Response]:
        """Send bytes, and return what Bob sent since the last look."""
        self.network.inject(data, self.address, BOB)
        return self.heard()

    def wait(self, seconds: float = 0.05) -> list[Request | Response]:
        """Let time pass, and return what Bob sent since the last look."""
        self.network.run(seconds)
        return self.heard()

    def heard(self) -> list[Request | Response]:
        """What Bob sent since the last look, to whomever."""
        self.network.settle()
        new = [carried.message for carried in self.network.carried[self._read :]]
        self._read = len(self.network.carried)
        return new

    def ring(self, **wishes: str) -> str:
        """INVITE Bob, let him ring; returns his tag."""
        self.say("INVITE", body=SDP_OFFER, **wishes)  # type: ignore[arg-type]
        self.bob.agent.progress(self.session, 180, self.network.now)
        return self.tag_of(self.heard())

    def confirm(self, *, ack: bool = True, **wishes: str) -> str:
        """INVITE Bob, let him accept; returns his tag."""
        self.say("INVITE", body=SDP_OFFER, **wishes)  # type: ignore[arg-type]
        self.bob.agent.accept(self.session, ANSWER, self.network.now)
        tag = self.tag_of(self.heard())
        if ack:
            self.say("ACK", to_tag=tag, contact="")
        return tag

    @property
    def session(self) -> int:
        """The newest session that Bob was told of."""
        return self.bob.told_of(InviteReceived)[-1].session

    def tag_of(self, messages: list[Request | Response]) -> str:
        """The To tag of the last one."""
        return messages[-1].to.tag


def statuses(messages: list[Request | Response]) -> list[int]:
    """Statuses of the responses among messages."""
    return [message.status for message in messages if isinstance(message, Response)]


def methods(messages: list[Request | Response]) -> list[str]:
    """Methods of the requests among messages."""
    return [message.method for message in messages if isinstance(message, Request)]
