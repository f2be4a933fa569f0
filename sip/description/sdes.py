"""Keys in the description (RFC 4568): ``a=crypto`` read and written, with the suites of RFC 4568 §6.2, RFC 6188 §6 and RFC 7714 §14.

What we could not keep to is passed over, so that another line of the offer is taken, or none: master key identifiers (a packet
field that we do not write), lifetimes shorter than a long call (we do not change keys in time), and parameters that weaken.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sip.sdp import Attribute, Media

KEY_BYTES: Final = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AEAD_AES_256_GCM": 44,
    "AEAD_AES_128_GCM": 28,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AES_256_CM_HMAC_SHA1_32": 46,
}
"""Bytes of master key and salt for each suite we have."""
SUITES: Final = ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_32")
"""Those that are offered and taken where nothing else is said: what every phone has first, the short tag last."""
SHORTEST_LIFETIME: Final = 1 << 20
"""Packets: four hours at 50 a second and more."""
LONGEST_LIFETIME: Final = 1 << 48
"""RFC 4568 §6.1: no key lives longer."""

_LINE: Final = re.compile(r"(?P<tag>[0-9]{1,9})[ \t]+(?P<suite>[A-Za-z0-9_]+)[ \t]+(?P<keys>\S+)(?P<parameters>(?:[ \t]+\S+)*)", re.ASCII)
_HARMLESS: Final = re.compile(r"WSH=[0-9]{1,9}|KDR=0|-.*", re.ASCII)
"""A hint for windows, no key derivation beyond the first, and extensions that may be passed over (RFC 4568 §6.3)."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One ``a=crypto`` line."""

    tag: int
    suite: str
    key: bytes = field(repr=False)
    """Master key, then its salt."""

    def attribute(self) -> Attribute:
        """The line as it is written."""
        return Attribute("crypto", f"{self.tag} {self.suite} inline:{base64.b64encode(self.key).decode()}")


def cryptos_in(media: Media) -> tuple[Crypto, ...]:
    """The lines of a section that we could keep to, in the describer's order of preference (§5.1.1); the first of each tag."""
    cryptos: dict[int, Crypto] = {}
    for value in media.values("crypto"):
        crypto = _read(value)
        if crypto is not None:
            cryptos.setdefault(crypto.tag, crypto)
    return tuple(cryptos.values())


def offered_cryptos(suites: tuple[str, ...], key_for: Callable[[str], bytes]) -> tuple[Crypto, ...]:
    """Lines for an offer of ours."""
    return tuple(Crypto(tag, suite, key_for(suite)) for tag, suite in enumerate(suites, start=1))


def _read(value: str) -> Crypto | None:
    """``<tag> <suite> inline:<key||salt>[|<lifetime>][|<MKI>:<length>] [<parameter> ...]``."""
    line = _LINE.fullmatch(value)
    if line is None:
        return None
    suite = line["suite"].upper()
    method, _, rest = line["keys"].partition(":")
    text, *extras = rest.split("|")
    if method.lower() != "inline" or not all(_lives_long_enough(extra) for extra in extras[:1]) or len(extras) > 1:
        return None
    if not all(_HARMLESS.fullmatch(parameter) for parameter in line["parameters"].split()):
        return None
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return Crypto(int(line["tag"]), suite, key) if len(key) == KEY_BYTES.get(suite) else None


def _lives_long_enough(lifetime: str) -> bool:
    """``2^n`` or packets in decimal; an MKI in its place, which has a colon, is none."""
    exponent = lifetime.removeprefix("2^")
    if not (exponent.isascii() and exponent.isdigit() and len(exponent) <= 15):
        return False
    if exponent != lifetime:
        return SHORTEST_LIFETIME.bit_length() - 1 <= int(exponent) <= LONGEST_LIFETIME.bit_length() - 1
    return SHORTEST_LIFETIME <= int(lifetime) <= LONGEST_LIFETIME
