"""DTLS-SRTP in the description (RFC 5763, RFC 8122, RFC 8842): ``a=fingerprint`` and ``a=setup``."""

import re
from dataclasses import dataclass
from typing import Final

from sip.negotiated import Dtls, Fingerprint, Setup
from sip.sdp import Attribute, Media, SdpUnusable, SessionDescription

DIGEST_BYTES: Final = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
"""Hashes that we trust; RFC 8122 §5 has md5 and sha-1 for the past."""

_FINGERPRINT: Final = re.compile(r"(?P<algorithm>[A-Za-z0-9-]+)[ \t]+(?P<digest>[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*)", re.ASCII)

ANSWERS: Final = {
    Setup.ACTPASS: Setup.ACTIVE,  # RFC 5763 §5, RFC 8842 §5.3: should be active
    Setup.ACTIVE: Setup.PASSIVE,  # RFC 4145 §4.1
    Setup.PASSIVE: Setup.ACTIVE,
    Setup.HOLDCONN: Setup.HOLDCONN,
}
"""Our part by the offer's."""


@dataclass(frozen=True, slots=True)
class RemoteDtls:
    """What the other side says of its handshake."""

    fingerprints: tuple[Fingerprint, ...]
    setup: Setup | None
    """None where it does not say."""


def dtls_in(description: SessionDescription, media: Media) -> RemoteDtls | None:
    """The section's fingerprints, else the session's, in hashes that we trust; None where there are none."""
    values = media.values("fingerprint") or [a.value or "" for a in description.attributes if a.name == "fingerprint"]
    fingerprints = tuple(fingerprint for value in values if (fingerprint := _read(value)) is not None)
    text = media.attribute("setup") or description.attribute("setup") or ""
    try:
        setup = Setup(text.lower()) if text else None
    except ValueError:
        return None
    return RemoteDtls(fingerprints, setup) if fingerprints else None


def answered(remote: RemoteDtls, before: Dtls | None) -> Dtls:
    """Our part in a handshake that the other side offers; one that is under way keeps its parts (RFC 8842 §5.3)."""
    # who says nothing begins the handshake: RFC 4145 §4.1
    offered = remote.setup or Setup.ACTIVE
    if (
        before is not None
        and before.fingerprints == remote.fingerprints
        and offered is Setup.ACTPASS
        and before.setup is not Setup.HOLDCONN
    ):
        return before
    return Dtls(remote.fingerprints, ANSWERS[offered])


def agreed(remote: RemoteDtls) -> Dtls:
    """Our part after an answer to our ``actpass``. Raises `SdpUnusable` where the answer leaves it open."""
    answer = remote.setup or Setup.PASSIVE
    if answer is Setup.ACTPASS:
        raise SdpUnusable("a=setup:actpass is no answer to actpass (RFC 4145 §4.1)")
    return Dtls(remote.fingerprints, ANSWERS[answer])


def attributes(fingerprint: Fingerprint, setup: Setup) -> tuple[Attribute, ...]:
    """Our lines."""
    return Attribute("fingerprint", str(fingerprint)), Attribute("setup", setup.value)


def _read(value: str) -> Fingerprint | None:
    line = _FINGERPRINT.fullmatch(value)
    if line is None:
        return None
    algorithm, digest = line["algorithm"].lower(), bytes.fromhex(line["digest"].replace(":", ""))
    return Fingerprint(algorithm, digest) if len(digest) == DIGEST_BYTES.get(algorithm) else None
