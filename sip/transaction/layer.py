"""All transactions of a user agent, and what matches messages to them (RFC 3261 §17.1.3, §17.2.3)."""

from collections.abc import Callable
from typing import Final

from sip.message import Request, Response
from sip.timers import Timers
from sip.transaction.client import ClientTransaction, ClientUser
from sip.transaction.key import Identity, ServerKey, identity, server_key
from sip.transaction.machine import Intervals
from sip.transaction.server import ServerTransaction
from sip.transaction.states import Input, State
from sip.transport.flow import Flow

KEPT_FACTOR: Final = 10
"""So many times the limit may be kept altogether: most are answered and only wait for retransmissions."""


class Transactions:
    """Matching and bounds. ``limit`` bounds the transactions in hand; the answered ones are bounded by `KEPT_FACTOR` times that."""

    def __init__(
        self, timers: Timers, intervals: Intervals, limit: int, send: Callable[[bytes, Flow], None], count: Callable[[str], None]
    ) -> None:
        self.timers = timers
        self.intervals = intervals
        self.send = send
        self.count = count
        self._limit = limit
        self.in_hand = 0
        """Transactions that have no final answer yet."""
        self._servers: dict[ServerKey, ServerTransaction] = {}
        self._identities: dict[Identity, ServerTransaction] = {}
        self._clients: dict[tuple[str, str], ClientTransaction] = {}

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    @property
    def is_full(self) -> bool:
        """Whether new work from outside must be refused."""
        return self.in_hand >= self._limit or len(self) >= self._limit * KEPT_FACTOR

    @property
    def is_overfull(self) -> bool:
        """Whether even requests inside dialogs must be refused."""
        return len(self) >= 2 * self._limit * KEPT_FACTOR

    def absorb(self, request: Request, now: float) -> bool:
        """Take a retransmission, or an ACK to a failure; False: the request is new to us."""
        transaction = self._servers.get(server_key(request, "INVITE" if request.method == "ACK" else request.method))
        if transaction is None:
            return request.method == "ACK" and self._absorb_strange_ack(request, now)
        if request.method != "ACK":
            self.count("retransmission_received")
            transaction.step(Input.REQUEST, now)
            return True
        is_for_us = transaction.state is not State.ACCEPTED
        transaction.step(Input.ACK, now)
        return is_for_us

    def accept(self, request: Request, flow: Flow) -> ServerTransaction:
        """Open the transaction of a new request."""
        key = server_key(request, request.method)
        transaction = ServerTransaction(self, key, identity(request, request.method), request, flow)
        self._servers[key] = transaction
        self._identities.setdefault(transaction.identity, transaction)
        return transaction

    def is_merged(self, request: Request) -> bool:
        """Whether this request already came by another way (§8.2.2.2); asked before `accept`."""
        return identity(request, request.method) in self._identities

    def invite_of(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE that a CANCEL is about (§9.2)."""
        return self._servers.get(server_key(cancel, "INVITE"))

    def request(self, request: Request, flow: Flow, user: ClientUser, now: float) -> ClientTransaction:
        """Send a request. Its topmost Via holds a branch of its own (CANCEL: the INVITE's). Raises `UnsafeValue`."""
        transaction = ClientTransaction(self, request, flow, user, now)
        self._clients[transaction.branch, transaction.method] = transaction
        return transaction

    def receive(self, response: Response, flow: Flow, now: float) -> str:
        """Take a response; returns why it was dropped, or empty."""
        transaction = self._clients.get((response.via.branch, response.cseq.method))
        if transaction is None or response.call_id != transaction.call_id:
            return "response_without_transaction"
        return "" if transaction.receive(response, flow, now) else "response_too_late"

    def lost(self, flow: Flow, now: float) -> None:
        """The transport says that nothing can be sent to this flow any more.

        Of a datagram's destination anybody can say so (ICMP, which may be forged): that fails only what begins something and has no answer.
        """
        if flow.is_reliable:
            lost = [client for client in self._clients.values() if client.flow == flow]
        else:
            lost = [client for client in self._clients.values() if client.is_unheard_by(flow)]
        for transaction in lost:
            transaction.step(Input.LOST, now)

    def forget_server(self, transaction: ServerTransaction) -> None:
        """It is over."""
        self._servers.pop(transaction.key, None)
        if self._identities.get(transaction.identity) is transaction:
            del self._identities[transaction.identity]

    def forget_client(self, transaction: ClientTransaction) -> None:
        """It is over."""
        self._clients.pop((transaction.branch, transaction.method), None)

    def _absorb_strange_ack(self, request: Request, now: float) -> bool:
        """An ACK to a failure with a branch of its own: taken all the same, for some phones send it so."""
        transaction = self._identities.get(identity(request, "INVITE"))
        return transaction is not None and transaction.state is State.COMPLETED and transaction.step(Input.ACK, now)
