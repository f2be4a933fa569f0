"""One call as a phone sees it: the dialog's names and numbers, and what was agreed."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.generator.phones.description import Description
from bench.generator.phones.message import Message, address, parameter
from bench.generator.secrecy import Keys

if TYPE_CHECKING:
    from bench.generator.phones.agent import UserAgent


@dataclass(slots=True, eq=False)
class Dialog:
    """RFC 3261 §12, without forks: the first final answer wins."""

    agent: "UserAgent"
    call_id: str
    local: str
    """Our From or To value, tag included."""
    remote: str
    target: str
    """The remote's Contact URI."""
    ours: Description
    theirs: Description | None = None
    routes: tuple[str, ...] = ()
    sequence: int = 1
    invited_at: float = 0.0
    """Monotonic: when the INVITE left, or came."""
    rang_at: float | None = None
    answered_at: float | None = None
    """When the 200 came, or left."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when either side has ended it."""
    ended_at: float | None = None
    ended_by_remote: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at each accepted re-INVITE."""
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    """Of a call that came in: its ACK has come."""

    @property
    def remote_media(self) -> tuple[str, int]:
        """Where our RTP goes; raises where nothing was agreed."""
        if self.theirs is None:
            raise RuntimeError("the call has no media yet")
        return self.theirs.remote

    @property
    def codec(self) -> str:
        """What was agreed on; raises where nothing was."""
        if self.theirs is None:
            raise RuntimeError("the call has no media yet")
        agreed = {codec for codec, _, _ in self.theirs.codecs}
        return self.ours.codec if self.ours.codec in agreed else self.theirs.codec

    @property
    def payload_types(self) -> tuple[int, int]:
        """Of the codec: what the remote wants to receive it under, and what we do."""
        numbers = {} if self.theirs is None else {codec: number for codec, number, _ in self.theirs.codecs}
        return numbers.get(self.codec, self.ours.payload_type), self.ours.payload_type

    @property
    def keys(self) -> Keys | None:
        """What SRTP was agreed on; None for plain RTP."""
        theirs = () if self.theirs is None else self.theirs.cryptos
        agreed = ((our, their) for our in self.ours.cryptos for their in theirs if (our.tag, our.suite) == (their.tag, their.suite))
        return next((Keys(our.suite, our.key, their.key) for our, their in agreed), None)

    @property
    def digits(self) -> int:
        """Payload type of our digits: what the remote takes beside the codec that was agreed on."""
        if self.theirs is None:
            return -1
        return next((digits for codec, _, digits in self.theirs.codecs if codec == self.codec), self.theirs.digits)

    def request(self, method: str, *, sequence: int | None = None) -> Message:
        """A request inside the dialog; takes the next number unless told one."""
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        headers = [("from", self.local), ("to", self.remote), ("call-id", self.call_id), ("cseq", f"{sequence} {method}")]
        headers += [("route", route) for route in self.routes]
        return Message(f"{method} {self.target} SIP/2.0", headers)

    def adopt(self, answer: Message) -> None:
        """Take the remote's tag, Contact and route set from a 2xx (RFC 3261 §12.1.2)."""
        self.remote = answer.get("to")
        self.target = address(answer.get("contact")) or self.target
        self.routes = tuple(reversed(answer.all("record-route")))

    @property
    def local_tag(self) -> str:
        """Our tag, which names the dialog among ours."""
        return parameter(self.local, "tag")

    async def bye(self) -> None:
        """End the call; an answer of any kind, or none, ends it all the same."""
        await self.agent.bye(self)
