"""A real worker process on its real link, and phones that are sockets. For the tests that need a kernel."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mediaserver.link.memory import Memory
from mediaserver.link.messages import Admit, Applied, Command, Inherit, OpenLeg, Refused, SetMedia
from mediaserver.link.wire import encode_frame, link_pair

PATIENCE = 30.0
"""Seconds after which a wait has failed."""


def udp(host: str = "127.0.0.1") -> socket.socket:
    """A UDP socket on a free port of an address of this machine; of ``::``, for IPv4 as well."""
    end = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    if end.family == socket.AF_INET6:
        end.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
    end.bind((host, 0))
    end.setblocking(False)
    return end


@dataclass
class RealLeg:
    """A leg: the port that was lent for it, and the phone at the other end."""

    leg: int
    lent: socket.socket
    phone: socket.socket
    row: int = -1
    sequence: int = 0
    got: list[bytes] = field(default_factory=list)
    to: tuple[str, int] | None = None
    """Where the phone sends to, if not to the address that the port is bound to."""

    def packet(self, payload: bytes) -> bytes:
        """The next RTP packet of the phone."""
        self.sequence += 1
        head = b"\x80\x00" + self.sequence.to_bytes(2, "big") + (160 * self.sequence).to_bytes(4, "big")
        return head + self.leg.to_bytes(4, "big") + payload

    def say(self, payload: bytes, end: socket.socket | None = None) -> None:
        """Send a packet from the phone, or from another socket."""
        (end or self.phone).sendto(self.packet(payload), self.to or self.lent.getsockname())

    def listen(self) -> list[bytes]:
        """Payloads that the phone got since it was asked last."""
        fresh = []
        while True:
            try:
                fresh.append(self.phone.recv(2000)[12:])
            except BlockingIOError:
                break
        self.got += fresh
        return fresh


class RealWorker:
    """The process, its memory, its link."""

    def __init__(self) -> None:
        self.memory = Memory.create(16, 8, 6)
        self.link, theirs = link_pair()
        arguments = ["--link-fd", str(theirs.fileno())]
        self.process = subprocess.Popen([sys.executable, "-m", "mediaserver.worker", *arguments], pass_fds=(theirs.fileno(),))
        theirs.close()
        self.messages: list[object] = []
        self._request = 0
        self.command(Inherit(0, -1), descriptors=(self.memory.fd,))

    def __enter__(self) -> "RealWorker":
        return self

    def __exit__(self, *_: object) -> None:
        self.link.close()
        self.process.kill()
        self.process.wait()
        self.memory.close()

    def command(self, *commands: Command, descriptors: tuple[int, ...] = ()) -> list[Applied | Refused]:
        """Send commands in one frame and wait for their answers, in the order of the commands."""
        numbers = range(self._request + 1, self._request + 1 + len(commands))
        self._request += len(commands)
        assert self.link.send(encode_frame(zip(numbers, commands, strict=True)), descriptors)
        self.wait(lambda: len(self._answers(numbers)) == len(commands))
        return sorted(self._answers(numbers), key=lambda answer: answer.request)

    def join(
        self,
        leg: int,
        call: int,
        role: str,
        *,
        strict: bool = False,
        lent: socket.socket | None = None,
        phone: socket.socket | None = None,
    ) -> RealLeg:
        """A leg with a port and a phone of its own, admitted."""
        real = RealLeg(leg, lent or udp(), phone or udp())
        commands = (OpenLeg(leg, call, role, strict), self.media(real), Admit(leg, True))
        opened, *_ = self.command(*commands, descriptors=(real.lent.fileno(),))
        assert isinstance(opened, Applied)
        real.row = opened.row
        return real

    def media(self, leg: RealLeg, phone: socket.socket | None = None) -> SetMedia:
        """SetMedia that signals the address of the leg's phone, or of another socket."""
        host, port = (phone or leg.phone).getsockname()[:2]
        return SetMedia(leg.leg, host, port, "PCMU", 0, 0, 20, 101, 101, True, True)

    def wait(self, is_done: Callable[[], bool]) -> None:
        """Read the link until something is so."""
        until = time.monotonic() + PATIENCE
        while not is_done():
            assert time.monotonic() < until, "waited in vain"
            self.read()
            time.sleep(0.002)

    def read(self) -> None:
        """Read what waits on the link."""
        while (frame := self.link.receive()) is not None:
            self.messages += [message for _, message, _ in frame]

    def _answers(self, numbers: range) -> list[Applied | Refused]:
        return [message for message in self.messages if isinstance(message, Applied | Refused) and message.request in numbers]
