"""Session-ID (RFC 7989): the same pair of UUIDs at both ends of a call, however many servers with dialogs of their own lie between.

Of each dialog one half is what we say for our side, the other what the peer said for his. A server in the middle says to each side what
it heard from the other. The older form without ``remote`` (RFC 7329) is read as the peer's half (§11).
"""

from collections.abc import Callable
from typing import Final

from sip.message import Header, Message

NIL: Final = "0" * 32
"""Nothing is known of that side yet (§5)."""

_DIGITS: Final = frozenset("0123456789abcdef")
_LENGTH: Final = 32


def new_uuid(entropy: Callable[[int], bytes]) -> str:
    """A random UUID, version 4 (RFC 4122 §4.4), as 32 digits."""
    octets = bytearray(entropy(16))
    octets[6] = octets[6] & 0x0F | 0x40
    octets[8] = octets[8] & 0x3F | 0x80
    return octets.hex()


def read_uuid(text: str) -> str:
    """A UUID as the header has it, or empty."""
    uuid = text.strip().lower()
    return uuid if len(uuid) == _LENGTH and _DIGITS.issuperset(uuid) else ""


class SessionId:
    """The two halves of one dialog."""

    __slots__ = ("_heard", "header", "local", "remote")

    def __init__(self, local: str) -> None:
        self.local = local
        """What we say for our side."""
        self.remote = ""
        """What the peer said for his; empty: nothing yet."""
        self._heard = ""
        self.header: Header = ("Session-ID", f"{local};remote={NIL}")

    def hear(self, message: Message) -> None:
        """Take the peer's half from a message of his; what is no UUID changes nothing."""
        values = message.values("Session-ID")
        if not values or values[0] == self._heard:
            return
        self._heard = values[0]
        uuid = read_uuid(values[0].partition(";")[0])
        if uuid and uuid != NIL:
            self.remote = uuid
            self._write()

    def say(self, local: str) -> None:
        """Speak for another one from now on: who is behind us was learnt, or is somebody else."""
        if local != self.local:
            self.local = local
            self._write()

    def _write(self) -> None:
        self.header = ("Session-ID", f"{self.local};remote={self.remote or NIL}")
