"""A transaction layer on a virtual clock, with everything that it sends and tells."""

from sip.message import Request, Response
from sip.timers import Timers
from sip.transaction.client import ClientTransaction
from sip.transaction.layer import Transactions
from sip.transaction.machine import Intervals
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow


class Bench:
    """T1 is 0.5 s, the clock starts at 0."""

    def __init__(self, transport: str = "udp", limit: int = 100) -> None:
        self.now = 0.0
        self.timers = Timers()
        self.sent: list[tuple[float, str]] = []
        self.told: list[tuple[float, str]] = []
        self.parted: list[ClientTransaction] = []
        self.counters: dict[str, int] = {}
        self.layer = Transactions(self.timers, Intervals(0.5), limit, self._send, self._count)
        self.flow = Flow(transport, ("192.0.2.1", 5060), ("192.0.2.2", 5060))

    def request(self, method: str, *, branch: str = "z9hG4bK1", call_id: str = "c", cseq: int = 1, via: str = "192.0.2.2") -> Request:
        """A request with little in it."""
        return Request(
            method,
            "sip:a@192.0.2.1",
            [
                ("Via", f"SIP/2.0/UDP {via};branch={branch}"),
                ("From", "<sip:b@h>;tag=b"),
                ("To", "<sip:a@h>"),
                ("Call-ID", call_id),
                ("CSeq", f"{cseq} {method}"),
            ],
        )

    def ask(self, method: str) -> ClientTransaction:
        """Send a request."""
        return self.layer.request(self.request(method), self.flow, self, self.now)

    def serve(self, method: str) -> ServerTransaction:
        """Take a new request."""
        request = self.request(method)
        assert not self.layer.absorb(request, self.now)
        return self.layer.accept(request, self.flow)

    def respond(self, transaction: ServerTransaction, status: int) -> None:
        """Answer it."""
        transaction.respond(Response(status, [("CSeq", "1 X")]), self.now)

    def arrive(self, request: Request, status: int) -> str:
        """A response to a request of ours arrives; returns why it was dropped."""
        headers = [header for header in request.headers if header[0] != "To"]
        return self.layer.receive(Response(status, [*headers, ("To", "<sip:a@h>;tag=a")]), self.flow, self.now)

    def run(self, until: float) -> None:
        """Let time pass."""
        while (due := self.timers.next()) is not None and due <= until:
            self.now = due
            self.timers.run(due)
        self.now = until

    def times(self, what: str) -> list[float]:
        """When something was sent."""
        return [at for at, sent in self.sent if sent == what]

    def responded(self, transaction: ClientTransaction, response: Response, flow: Flow, now: float) -> None:
        self.told.append((now, str(response.status)))

    def failed(self, transaction: ClientTransaction, cause: str, now: float) -> None:
        self.told.append((now, cause))

    def over(self, transaction: ClientTransaction) -> None:
        self.parted.append(transaction)

    def _send(self, data: bytes, flow: Flow) -> None:
        words = data.split(b" ", 2)
        self.sent.append((self.now, (words[1] if words[0] == b"SIP/2.0" else words[0]).decode()))

    def _count(self, reason: str) -> None:
        self.counters[reason] = self.counters.get(reason, 0) + 1
