"""A phone made of the project's own user agent over a real socket: signalling only, for one who consults and then joins two calls.

Phones at hand put the first call on hold before they consult, and baresip records nothing after a re-INVITE; this one holds nobody, so
that baresip can record what everybody hears across the transfer.
"""

import asyncio
import os
import socket
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

from sip.events import Accepted, Event, InviteReceived, SessionEnded
from sip.message import Request, parse
from sip.sdp import SessionDescription
from sip.session.settings import Invitation, UserAgentSettings
from sip.transport.flow import Flow
from sip.transport.listeners import Listener
from sip.transport.shell import SipShell
from sip.useragent import UserAgent
from tests.interop.tools import PATIENCE

T = TypeVar("T", bound=Event)


class OwnPhone:
    """One phone on loopback; ``with`` opens and closes it."""

    def __init__(self, user: str, secret: str, server: tuple[str, int], port: int) -> None:
        self._user = user
        self._secret = secret
        self._server = server
        self.port = port
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        """Where its audio is sent to, and stays: bound, so that no other phone takes the port."""
        self._media.bind(("127.0.0.1", 0))
        self._agent = UserAgent(UserAgentSettings(), ha1_of=lambda user, algorithm: None, entropy=os.urandom)
        self._receive = self._agent.receive
        self._agent.receive = self._take  # type: ignore[method-assign]
        self._shell = SipShell(self._agent, on_event=self._heard)
        self._events: list[Event] = []
        self._news = asyncio.Event()
        self.notices: list[int] = []
        """The status in each NOTIFY."""

    async def __aenter__(self) -> Self:
        await self._shell.open([Listener("udp", "127.0.0.1", self.port)])
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._shell.close()
        self._media.close()

    async def answers(self) -> int:
        """Answer the next call; its session."""
        session = (await self._next(InviteReceived)).session
        self._agent.accept(session, self._description(), self._now())
        self._shell.settle()
        return session

    async def dials(self, number: str) -> int:
        """Call a number at the server, and wait until it is answered; its session."""
        uri = f"sip:{number}@{self._server[0]}:{self._server[1]}"
        invitation = Invitation(
            request_uri=uri,
            from_uri=f"sip:{self._user}@{self._server[0]}",
            to_uri=uri,
            flows=(self._shell.flow_to("udp", self._server),),
            offer=self._description(),
            user=self._user,
            secret=self._secret,
        )
        self._agent.invite(invitation, self._now())
        self._shell.settle()
        return (await self._next(Accepted)).session

    def joins(self, first: int, second: int) -> None:
        """Ask in the first call that its other party be connected to that of the second (RFC 3515, 3891)."""
        sessions = self._agent._core.sessions
        asked, named = sessions[first], sessions[second].dialog
        assert asked.dialog is not None
        assert named is not None
        replaces = quote(f"{named.call_id};to-tag={named.remote_tag};from-tag={named.local_tag}", safe="")
        headers = [
            ("Refer-To", f"<sip:expert@{self._server[0]}:{self._server[1]}?Replaces={replaces}>"),
            ("Contact", f"<sip:127.0.0.1:{self.port}>"),
        ]
        asked.ask_in(asked.dialog, asked, "REFER", self._now(), headers, b"")
        self._shell.settle()

    async def is_hung_up(self) -> None:
        """Wait until the server ends a call."""
        await self._next(SessionEnded)

    def _take(self, data: bytes, flow: Flow, now: float) -> bool:
        """NOTIFYs are answered here: user agents of the project do not subscribe."""
        if not data.startswith(b"NOTIFY "):
            return self._receive(data, flow, now)
        request = parse(data)
        assert isinstance(request, Request)
        self.notices.append(int(request.body.split()[1]))
        self._agent._core.reply_anyhow(request, flow, 200)
        return True

    def _heard(self, event: Event, now: float) -> None:
        self._events.append(event)
        self._news.set()

    async def _next(self, kind: type[T]) -> T:
        async with asyncio.timeout(PATIENCE):
            while True:
                for event in self._events:
                    if isinstance(event, kind):
                        self._events.remove(event)
                        return event
                self._news.clear()
                await self._news.wait()

    def _description(self) -> SessionDescription:
        return SessionDescription.parse(
            b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            b"m=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n" % self._media.getsockname()[1]
        )

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
