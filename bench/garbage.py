"""`python -m bench.garbage SECONDS RATE SOURCE PORT TARGET PORT`: datagrams that are no audio, at a steady rate, from any source address.

Needs root: the datagrams are written with their IP and UDP headers, so that they may bear the address of a phone that is not ours.
At its end it prints how many were sent.
"""

import ctypes
import random
import socket
import struct
import sys
import time

from bench.generator import process

KINDS = ("truncated", "empty", "wrong version", "unknown payload type", "RTCP", "too long", "lies about its length", "noise")
_PREPARED = 1024
_SLOT = 0.001
_SEED = 20


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """``struct msghdr``."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):
    """``struct mmsghdr``: a message, and how much of it was sent."""

    _fields_ = (("message", _Message), ("sent", ctypes.c_uint))


def payload(kind: str, chance: random.Random) -> bytes:
    """What one datagram holds."""
    sequence = chance.randrange(65_536)
    head = struct.pack("!BBHII", 0x80, 0, sequence, chance.getrandbits(32), chance.getrandbits(32))
    match kind:
        case "truncated":
            return head[: chance.randrange(1, 12)]
        case "empty":
            return b""
        case "wrong version":
            return bytes([0x40]) + head[1:] + bytes(160)
        case "unknown payload type":
            return head[:1] + bytes([chance.randrange(35, 90)]) + head[2:] + bytes(160)
        case "RTCP":
            return struct.pack("!BBHI", 0x80, chance.randrange(200, 205), 1, chance.getrandbits(32))
        case "too long":
            return head + bytes(2000)
        case "lies about its length":
            return bytes([0xB0 | chance.randrange(16)]) + head[1:] + chance.randbytes(chance.randrange(1, 60))
    return chance.randbytes(chance.randrange(1, 400))


def datagram(source: tuple[str, int], target: tuple[str, int], content: bytes) -> bytes:
    """The whole IPv4 packet; the kernel adds what is 0 in its header, and UDP does without a checksum (RFC 768)."""
    udp = struct.pack("!HHHH", source[1], target[1], 8 + len(content), 0) + content
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0) + addresses + udp


class Flood:
    """Prepared datagrams, sent a thousandth of a second's worth at a time."""

    def __init__(self, source: tuple[str, int], target: tuple[str, int], rate: float) -> None:
        chance = random.Random(_SEED)
        self._rate = rate
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._send = ctypes.CDLL(None, use_errno=True).sendmmsg
        self._name = ctypes.create_string_buffer(struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(target[0])))
        contents = [datagram(source, target, payload(KINDS[at % len(KINDS)], chance)) for at in range(_PREPARED)]
        self._buffers = [ctypes.create_string_buffer(content, len(content)) for content in contents]
        self._vectors = [_Vector(ctypes.addressof(buffer), len(content)) for buffer, content in zip(self._buffers, contents, strict=True)]
        self._headers = (_Header * _PREPARED)(
            *(_Header(_Message(ctypes.addressof(self._name), 16, ctypes.pointer(vector), 1), 0) for vector in self._vectors)
        )

    def run(self, seconds: float) -> int:
        """Send for so long; how many were sent."""
        begun, sent = time.monotonic(), 0
        while (passed := time.monotonic() - begun) < seconds:
            wanted = min(int(passed * self._rate) - sent, _PREPARED)
            if wanted > 0:
                done = self._send(self._socket.fileno(), self._headers, wanted, 0)
                if done < 0:
                    raise OSError(ctypes.get_errno(), "sendmmsg")
                sent += done
            time.sleep(_SLOT)
        return sent


def main() -> None:
    """Arguments: see above."""
    seconds, rate, source, source_port, target, target_port = sys.argv[1:]
    process.die_with_parent()
    flood = Flood((source, int(source_port)), (target, int(target_port)), float(rate))
    print(flood.run(float(seconds)), flush=True)


if __name__ == "__main__":
    main()
