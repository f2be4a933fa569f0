"""Many phones on one UDP socket: they register, call, answer what rings, and hang up (RFC 3261, UDP only)."""

import asyncio
import contextlib
import itertools
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from bench.generator.phones.asking import T1, T2, TIMEOUT, Asking, CallFailed, Credentials, next_hop
from bench.generator.phones.description import Description, parse_description
from bench.generator.phones.dialog import Dialog
from bench.generator.phones.message import Message, NotSip, address, parameter, parse

_BUFFER = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with a call that comes in."""

    ours: Description | None
    """None: refuse it."""
    ring: float = 0.0
    """Seconds of ringing before the 200."""
    status: int = 486
    """The refusal."""


@dataclass(slots=True)
class _Resending:
    """A 200 to an INVITE that is sent again until its ACK comes (RFC 3261 §13.3.1.4)."""

    data: bytes
    to: tuple[str, int]
    wait: float = T1
    sent_for: float = 0.0
    timer: asyncio.TimerHandle | None = None


class UserAgent(asyncio.DatagramProtocol):
    """The phones of one address. Make it with `open`; `on_call` says what a call that comes in gets."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._prefix = secrets.token_hex(4)
        self.datagrams = 0
        """How many came."""
        self._asking = Asking(self._send, self._via, self._token, self._acknowledge_again)
        self._dialogs: dict[tuple[str, str], Dialog] = {}
        self._answers: dict[tuple[str, str, str], bytes] = {}
        """Final answers already given, for retransmitted requests; the oldest goes."""
        self._resending: dict[tuple[str, str], _Resending] = {}
        self._ringing: dict[str, tuple[Message, tuple[str, int], asyncio.TimerHandle]] = {}
        self.on_call: Callable[[Message, Description], Plan] = lambda invite, offer: Plan(None)
        self.on_answered: Callable[[Dialog, Message], None] = lambda dialog, invite: None
        self.on_moved: Callable[[Dialog], None] = lambda dialog: None

    @classmethod
    async def open(cls, host: str, server: tuple[str, int], port: int = 0) -> "UserAgent":
        """Bind the phones' socket; raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        handle.setblocking(False)
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        handle.bind((host, port))
        _, protocol = await loop.create_datagram_endpoint(lambda: cls(server), sock=handle)
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio calls this once the socket is ready."""
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    @property
    def retransmissions(self) -> int:
        """Requests and answers that were sent once more."""
        return self._asking.retransmissions

    def close(self) -> None:
        """Close the socket and forget every timer."""
        self._asking.close()
        for resending in self._resending.values():
            if resending.timer is not None:
                resending.timer.cancel()
        for _, _, timer in self._ringing.values():
            timer.cancel()
        self._transport.close()

    # What a phone does

    async def register(self, credentials: Credentials, expires: int = 3600) -> None:
        """Bind this socket as the user's contact; raises `CallFailed`."""
        user = credentials.user
        uri = f"sip:{self._server[0]}:{self._server[1]}"
        name = f"<sip:{user}@{self._server[0]}>"
        headers = [("from", f"{name};tag={self._token()}"), ("to", name), ("call-id", self._token())]
        headers += [("contact", self._contact(user)), ("expires", str(expires))]
        await self._asking.ask_as(Message(f"REGISTER {uri} SIP/2.0", headers), credentials, lambda answer: None)

    async def invite(
        self,
        caller: str,
        number: str,
        ours: Description,
        *,
        credentials: Credentials | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        timeout: float = 40,
    ) -> Dialog:
        """Call a number on the server; returns once it is answered and acknowledged. Raises `CallFailed`, cancels on a timeout."""
        uri = number if number.startswith("sip:") else f"sip:{number}@{self._server[0]}:{self._server[1]}"
        local = f"<sip:{caller}@{self.host}>;tag={self._token()}"
        dialog = Dialog(self, self._token(), local, f"<{uri}>", uri, ours)
        invite = Message(f"INVITE {uri} SIP/2.0", [("from", local), ("to", dialog.remote), ("call-id", dialog.call_id)], ours.encode())
        invite.headers += [("contact", self._contact(caller)), ("content-type", "application/sdp"), *headers]
        dialog.invited_at = time.monotonic()

        def rang(answer: Message) -> None:
            if dialog.rang_at is None and answer.status > 100:
                dialog.rang_at = time.monotonic()

        async with asyncio.timeout(timeout):
            answer, sequence = await self._asking.ask_as(invite, credentials, rang)
        dialog.answered_at = time.monotonic()
        dialog.sequence = sequence
        dialog.adopt(answer)
        dialog.theirs = parse_description(answer.body)
        self._dialogs[dialog.call_id, dialog.local_tag] = dialog
        self._acknowledge(dialog, sequence)
        return dialog

    async def bye(self, dialog: Dialog) -> None:
        """Hang up."""
        if dialog.ended.is_set():
            return
        self._end(dialog, by_remote=False)
        request = dialog.request("BYE")
        with contextlib.suppress(CallFailed):  # the far end hung up at the same moment, or is gone
            await self._asking.ask(request)

    async def info(self, dialog: Dialog, kind: str, body: bytes) -> Message:
        """Send an INFO inside the call; raises `CallFailed`."""
        request = dialog.request("INFO")
        request.headers.append(("content-type", kind))
        request.body = body
        return await self._asking.ask(request)

    async def reinvite(self, dialog: Dialog, ours: Description) -> None:
        """Offer anew inside the call (hold, resume, another port); raises `CallFailed`."""
        request = dialog.request("INVITE")
        dialog.ours = replace(ours, version=dialog.ours.version + 1)
        request.headers += [("contact", self._contact("phone")), ("content-type", "application/sdp")]
        request.body = dialog.ours.encode()
        sequence = dialog.sequence
        answer = await self._asking.ask(request)
        dialog.theirs = parse_description(answer.body)
        self._acknowledge(dialog, sequence)

    async def refer(self, dialog: Dialog, to: str) -> None:
        """Ask the far end to call somebody else instead (RFC 3515); ``to`` as in Refer-To. Raises `CallFailed`."""
        request = dialog.request("REFER")
        request.headers += [("refer-to", to), ("contact", self._contact("phone"))]
        await self._asking.ask(request)

    def _acknowledge(self, dialog: Dialog, sequence: int) -> None:
        ack = dialog.request("ACK", sequence=sequence)
        ack.headers = [("via", self._via(f"z9hG4bK{self._token()}")), ("max-forwards", "70"), *ack.headers]
        self._send(ack.encode(), next_hop(ack))

    def _acknowledge_again(self, answer: Message) -> None:
        dialog = self._dialogs.get((answer.get("call-id"), parameter(answer.get("from"), "tag")))
        if dialog is not None:
            self._acknowledge(dialog, answer.sequence[0])

    # What comes in

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        """asyncio calls this for each datagram; what is no SIP is dropped."""
        self.datagrams += 1
        try:
            message = parse(data)
            if message.status:
                self._asking.take(message)
            else:
                self._take_request(message, source)
        except (NotSip, ValueError, IndexError):
            return

    def _take_request(self, request: Message, source: tuple[str, int]) -> None:
        call_id, tag = request.get("call-id"), parameter(request.get("to"), "tag")
        if request.method == "ACK":
            self._acknowledged(call_id, tag)
            return
        key = (call_id, request.get("cseq"), request.branch)
        if key in self._answers:
            self._send(self._answers[key], source)
            return
        match request.method:
            case "INVITE" if tag:
                self._take_offer(request, source, self._dialogs.get((call_id, tag)))
            case "INVITE":
                self._take_call(request, source)
            case "CANCEL":
                self._answer(request, source, 200, "OK")
                self._cancelled(call_id)
            case "BYE":
                dialog = self._dialogs.get((call_id, tag))
                self._answer(request, source, 200 if dialog else 481, "OK" if dialog else "No Such Call")
                if dialog is not None:
                    self._end(dialog, by_remote=True)
            case "OPTIONS" | "INFO" | "NOTIFY" | "UPDATE":
                self._answer(request, source, 200, "OK")
            case _:
                self._answer(request, source, 405, "Method Not Allowed")

    def _take_call(self, invite: Message, source: tuple[str, int]) -> None:
        if invite.get("call-id") in self._ringing:
            return
        offer = parse_description(invite.body)
        plan = self.on_call(invite, offer)
        if plan.ours is None:
            self._answer(invite, source, plan.status, "Busy Here")
            return
        to = f"{invite.get('to')};tag={self._token()}"
        arrived = time.monotonic()
        if plan.ring > 0:
            self._send(self._reply(invite, 180, "Ringing", to).encode(), source)
        timer = self._loop.call_later(plan.ring, self._pick_up, invite, source, to, plan.ours.answering(offer), offer, arrived)
        self._ringing[invite.get("call-id")] = (invite, source, timer)

    def _pick_up(self, invite: Message, source: tuple[str, int], to: str, ours: Description, offer: Description, arrived: float) -> None:
        del self._ringing[invite.get("call-id")]
        dialog = Dialog(self, invite.get("call-id"), to, invite.get("from"), address(invite.get("contact")), ours, offer)
        dialog.routes = tuple(invite.all("record-route"))
        dialog.invited_at, dialog.answered_at = arrived, time.monotonic()
        self._dialogs[dialog.call_id, dialog.local_tag] = dialog
        self._accept(invite, source, dialog)
        self.on_answered(dialog, invite)

    def _take_offer(self, invite: Message, source: tuple[str, int], dialog: Dialog | None) -> None:
        if dialog is None:
            self._answer(invite, source, 481, "No Such Call")
            return
        if invite.body:
            dialog.theirs = parse_description(invite.body)
            dialog.ours = replace(dialog.ours.answering(dialog.theirs), version=dialog.ours.version + 1)
        self._accept(invite, source, dialog)
        dialog.moved.set()
        self.on_moved(dialog)

    def _accept(self, invite: Message, source: tuple[str, int], dialog: Dialog) -> None:
        reply = self._reply(invite, 200, "OK", dialog.local)
        reply.headers += [("contact", self._contact("phone")), ("content-type", "application/sdp")]
        reply.body = dialog.ours.encode()
        data = reply.encode()
        self._remember(invite, data)
        self._send(data, source)
        key = (dialog.call_id, dialog.local_tag)
        resending = _Resending(data, source)
        resending.timer = self._loop.call_later(T1, self._accept_again, key)
        self._resending[key] = resending

    def _accept_again(self, key: tuple[str, str]) -> None:
        resending = self._resending.get(key)
        if resending is None:
            return
        resending.sent_for += resending.wait
        if resending.sent_for > TIMEOUT:
            del self._resending[key]
            return
        self._asking.retransmissions += 1
        self._send(resending.data, resending.to)
        resending.wait = min(resending.wait * 2, T2)
        resending.timer = self._loop.call_later(resending.wait, self._accept_again, key)

    def _acknowledged(self, call_id: str, tag: str) -> None:
        resending = self._resending.pop((call_id, tag), None)
        if resending is not None and resending.timer is not None:
            resending.timer.cancel()
        dialog = self._dialogs.get((call_id, tag))
        if dialog is not None:
            dialog.acknowledged.set()

    def _cancelled(self, call_id: str) -> None:
        ringing = self._ringing.pop(call_id, None)
        if ringing is not None:
            invite, source, timer = ringing
            timer.cancel()
            self._answer(invite, source, 487, "Request Terminated")

    def _end(self, dialog: Dialog, *, by_remote: bool) -> None:
        self._dialogs.pop((dialog.call_id, dialog.local_tag), None)
        self._acknowledged(dialog.call_id, dialog.local_tag)
        dialog.ended_at, dialog.ended_by_remote = time.monotonic(), by_remote
        dialog.ended.set()

    # Writing

    def _answer(self, request: Message, source: tuple[str, int], status: int, reason: str) -> None:
        to = request.get("to")
        if status > 100 and not parameter(to, "tag"):
            to = f"{to};tag={self._token()}"
        data = self._reply(request, status, reason, to).encode()
        self._remember(request, data)
        self._send(data, source)

    def _remember(self, request: Message, data: bytes) -> None:
        self._answers[request.get("call-id"), request.get("cseq"), request.branch] = data
        if len(self._answers) > 4000:
            del self._answers[next(iter(self._answers))]

    @staticmethod
    def _reply(request: Message, status: int, reason: str, to: str) -> Message:
        headers = [("via", via) for via in request.all("via")]
        headers += [("record-route", route) for route in request.all("record-route")]
        headers += [("from", request.get("from")), ("to", to), ("call-id", request.get("call-id")), ("cseq", request.get("cseq"))]
        return Message(f"SIP/2.0 {status} {reason}", headers)

    def _send(self, data: bytes, to: tuple[str, int]) -> None:
        self._transport.sendto(data, to)

    def _via(self, branch: str) -> str:
        return f"SIP/2.0/UDP {self.host}:{self.port};branch={branch};rport"

    def _contact(self, user: str) -> str:
        return f"<sip:{user}@{self.host}:{self.port}>"

    def _token(self) -> str:
        return f"{self._prefix}{next(self._numbers):x}"
