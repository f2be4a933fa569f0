"""The asking side of SIP: client transactions over UDP, and the second try with digest credentials (RFC 3261 §17.1, §22)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bench.generator.phones import digest
from bench.generator.phones.message import Message, address, host_of, parse

T1, T2 = 0.5, 4.0
TIMEOUT = 64 * T1
_REMEMBERED = 5.0
"""Seconds that a finished request is remembered; an INVITE longer, for its 200 may come again."""

Provisional = Callable[[Message], None]
Send = Callable[[bytes, tuple[str, int]], None]


class CallFailed(Exception):
    """A request got a final answer other than 2xx, or none (408)."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Credentials:
    """A digest user."""

    user: str
    secret: str


@dataclass(slots=True)
class _Client:
    """A client transaction: the request is sent again until something comes."""

    data: bytes
    to: tuple[str, int]
    final: asyncio.Future[Message]
    provisional: Provisional
    is_invite: bool
    wait: float = T1
    timer: asyncio.TimerHandle | None = None
    proceeding: bool = False


class Asking:
    """Requests under way. ``on_again`` hears of a 200 to an INVITE that came once more: its ACK was lost."""

    def __init__(self, send: Send, via: Callable[[str], str], token: Callable[[], str], on_again: Callable[[Message], None]) -> None:
        self._send = send
        self._via = via
        self._token = token
        self._on_again = on_again
        self._loop = asyncio.get_running_loop()
        self._clients: dict[str, _Client] = {}
        self.retransmissions = 0

    def close(self) -> None:
        """Send nothing more."""
        for client in self._clients.values():
            if client.timer is not None:
                client.timer.cancel()

    async def ask_as(self, request: Message, credentials: Credentials | None, provisional: Provisional) -> tuple[Message, int]:
        """Ask, and once more with credentials if challenged; returns the answer and the CSeq that got it. Raises `CallFailed`."""
        plain = list(request.headers)
        for sequence in (1, 2):
            request.headers.append(("cseq", f"{sequence} {request.method}"))
            try:
                return await self.ask(request, provisional), sequence
            except _Challenged as challenge:
                if credentials is None or sequence == 2:
                    raise
                request.headers = [*plain, challenge.answered_by(credentials, request)]
        raise AssertionError("the second try returns or raises")

    async def ask(self, request: Message, provisional: Provisional = lambda answer: None) -> Message:
        """Send a request until it is answered; returns the 2xx. Raises `CallFailed`; a cancelled INVITE is cancelled at the far end too."""
        branch = f"z9hG4bK{self._token()}"
        request.headers = [("via", self._via(branch)), ("max-forwards", "70"), *request.headers]
        to = next_hop(request)
        client = _Client(request.encode(), to, self._loop.create_future(), provisional, request.method == "INVITE")
        self._clients[branch] = client
        self._send(client.data, to)
        client.timer = self._loop.call_later(client.wait, self._again, branch)
        answer = await self._final(client, request, branch)
        if answer.status in (401, 407):
            raise _Challenged(answer)
        if answer.status >= 300:
            raise CallFailed(answer.status, answer.reason)
        return answer

    def take(self, answer: Message) -> None:
        """An answer has come."""
        client = self._clients.get(answer.branch)
        method = answer.sequence[1]
        if client is None or method == "CANCEL":
            return
        if answer.status < 200:
            client.proceeding = True
            client.provisional(answer)
            return
        if method == "INVITE" and answer.status >= 300:
            self._acknowledge_failure(client, answer)
        elif method == "INVITE" and client.final.done():
            self._on_again(answer)
        if not client.final.done():
            client.final.set_result(answer)

    async def _final(self, client: _Client, request: Message, branch: str) -> Message:
        try:
            async with asyncio.timeout(None if client.is_invite else TIMEOUT):
                return await client.final
        except TimeoutError:
            raise CallFailed(408, "no answer") from None
        except asyncio.CancelledError:
            if client.is_invite:
                self._cancel(request, branch, client.to)
            raise
        finally:
            if client.timer is not None:
                client.timer.cancel()
            self._loop.call_later(TIMEOUT if client.is_invite else _REMEMBERED, self._clients.pop, branch, None)

    def _again(self, branch: str) -> None:
        client = self._clients.get(branch)
        if client is None or client.final.done() or (client.is_invite and client.proceeding):
            return
        if client.is_invite and client.wait >= TIMEOUT / 2:
            client.final.set_exception(CallFailed(408, "no answer"))
            return
        self.retransmissions += 1
        self._send(client.data, client.to)
        client.wait = client.wait * 2 if client.is_invite else min(client.wait * 2, T2)
        client.timer = self._loop.call_later(client.wait, self._again, branch)

    def _cancel(self, invite: Message, branch: str, to: tuple[str, int]) -> None:
        headers = [(name, value) for name, value in invite.headers if name in {"from", "to", "call-id"}]
        headers = [("via", self._via(branch)), ("max-forwards", "70"), *headers, ("cseq", f"{invite.sequence[0]} CANCEL")]
        self._send(Message(f"CANCEL {invite.uri} SIP/2.0", headers).encode(), to)

    def _acknowledge_failure(self, client: _Client, answer: Message) -> None:
        invite = parse(client.data)
        headers = [("via", invite.get("via")), ("max-forwards", "70"), ("from", invite.get("from")), ("to", answer.get("to"))]
        headers += [("call-id", invite.get("call-id")), ("cseq", f"{answer.sequence[0]} ACK")]
        self._send(Message(f"ACK {invite.uri} SIP/2.0", headers).encode(), client.to)


class _Challenged(CallFailed):
    """401 or 407."""

    def __init__(self, answer: Message) -> None:
        super().__init__(answer.status, answer.reason)
        self._challenges = answer.all("www-authenticate" if answer.status == 401 else "proxy-authenticate")

    def answered_by(self, who: Credentials, request: Message) -> tuple[str, str]:
        """The header with his credentials."""
        name = "proxy-authorization" if self.status == 407 else "authorization"
        return name, digest.respond(self._challenges, method=request.method, uri=request.uri, user=who.user, secret=who.secret)


def next_hop(request: Message) -> tuple[str, int]:
    """Where a request goes: to the first Route, else to the Request-URI."""
    route = request.get("route")
    return host_of(address(route)) if route else host_of(request.uri)
