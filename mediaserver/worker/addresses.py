"""Addresses as the shared arrays hold them: 16 bytes of IPv6, IPv4 mapped."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import numpy as np

from rtp.arrays import Bytes


@lru_cache(maxsize=1024)
def packed(host: str) -> Bytes:
    """An address as the arrays hold it."""
    parsed = ip_address(host)
    raw = parsed.packed if parsed.version == 6 else bytes(10) + b"\xff\xff" + parsed.packed
    return np.frombuffer(raw, dtype=np.uint8)


@lru_cache(maxsize=1024)
def unpacked(raw: bytes) -> str:
    """And back: as sockets write it."""
    parsed = IPv6Address(raw)
    return str(parsed.ipv4_mapped or parsed)
