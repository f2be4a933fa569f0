"""How a leg's packets are carried: what we say of it in our section, and what comes of both sides' words (keys, handshake, ICE)."""

from collections.abc import Callable
from dataclasses import dataclass

from sip.description import dtls, ice
from sip.description.profiles import Keying, Terms
from sip.description.sdes import KEY_BYTES, Crypto, offered_cryptos
from sip.description.stream import Stream
from sip.negotiated import Dtls, Fingerprint, Ice, IceCredentials, NegotiatedMedia, Sdes, Setup
from sip.sdp import Attribute, SdpUnusable


@dataclass(frozen=True, slots=True)
class Carriage:
    """What our section says about the way of its packets."""

    protocol: str
    cryptos: tuple[Crypto, ...] = ()
    handshake: tuple[Fingerprint, Setup] | None = None
    """Our fingerprint and part in a DTLS handshake."""
    ice: IceCredentials | None = None
    is_mismatched: bool = False
    """ICE was offered, but something rewrote the address: it is declined (RFC 8839 §4.2.5)."""
    rtcp_mux: bool = False
    more_hosts: tuple[str, ...] = ()

    def attributes(self, address: str, port: int) -> tuple[Attribute, ...]:
        """Its lines."""
        lines = [Attribute("rtcp-mux")] if self.rtcp_mux else []
        lines += [crypto.attribute() for crypto in self.cryptos]
        if self.handshake is not None:
            lines += dtls.attributes(*self.handshake)
        if self.ice is not None:
            lines += ice.attributes(self.ice, (address, *self.more_hosts), port)
        if self.is_mismatched:
            lines.append(Attribute("ice-mismatch"))
        return tuple(lines)


@dataclass(frozen=True, slots=True)
class Carried:
    """What both sides' words come to."""

    security: Sdes | Dtls | None = None
    ice: Ice | None = None


class Keyring:
    """Our SDES keys of one leg: made when first needed, then kept, so that an answer said again says the same."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self._keys: dict[str, bytes] = {}

    def key(self, suite: str) -> bytes:
        """Our master key and salt for a suite."""
        if suite not in self._keys:
            self._keys[suite] = self._entropy(KEY_BYTES[suite])
        return self._keys[suite]


def answering(stream: Stream, keying: Keying, terms: Terms, keyring: Keyring, before: NegotiatedMedia | None) -> tuple[Carriage, Carried]:
    """What we answer to a section that is keyed so, and what that comes to. ``before``: what was agreed until now."""
    cryptos: tuple[Crypto, ...] = ()
    handshake = None
    security: Sdes | Dtls | None = None
    if keying is Keying.SDES:
        theirs = next(crypto for crypto in stream.cryptos if crypto.suite in terms.suites)
        cryptos = (Crypto(theirs.tag, theirs.suite, keyring.key(theirs.suite)),)  # RFC 4568 §5.1.2: the tag and suite that we take
        security = Sdes(theirs.suite, cryptos[0].key, theirs.key)
    elif keying is Keying.DTLS and stream.dtls is not None and terms.fingerprint is not None:
        held = before.security if before is not None else None
        security = dtls.answered(stream.dtls, held if isinstance(held, Dtls) else None)
        handshake = (terms.fingerprint, security.setup)
    takes_ice = stream.ice is not None and (keying is Keying.DTLS or terms.ice_for_all)
    agreed = _ice(stream, terms, before) if takes_ice else None
    is_mismatched = takes_ice and agreed is None
    carriage = Carriage(
        stream.protocol, cryptos, handshake, agreed.local if agreed else None, is_mismatched, stream.rtcp_mux, terms.more_hosts
    )
    return carriage, Carried(security, agreed)


def offering(protocol: str, keyings: tuple[Keying, ...], terms: Terms, keyring: Keyring, before: NegotiatedMedia | None) -> Carriage:
    """What we offer; inside a call no other way than the one agreed on."""
    cryptos: tuple[Crypto, ...] = ()
    handshake = None
    if Keying.SDES in keyings:
        held = before.security if before is not None else None
        suites = (held.suite,) if isinstance(held, Sdes) else terms.suites
        cryptos = offered_cryptos(suites, keyring.key)
    if Keying.DTLS in keyings and terms.fingerprint is not None:
        handshake = (terms.fingerprint, Setup.ACTPASS)  # RFC 8842 §5.2
    if before is not None:
        return Carriage(protocol, cryptos, handshake, before.ice.local if before.ice else None, rtcp_mux=before.rtcp_mux)
    credentials = ice.fresh_credentials(terms.entropy) if Keying.DTLS in keyings else None
    return Carriage(protocol, cryptos, handshake, credentials, rtcp_mux=Keying.DTLS in keyings)


def concluding(stream: Stream, offered: Carriage, keyings: tuple[Keying, ...]) -> Carried:
    """What an answer to our section comes to. Raises `SdpUnusable` where it is secured otherwise than we offered, or not at all."""
    agreed = None
    if stream.ice is not None and offered.ice is not None and not stream.ice.is_mismatched:
        agreed = Ice(offered.ice, stream.ice.credentials, stream.ice.candidates, stream.ice.is_lite)
    possible = stream.keyings & set(keyings)
    if Keying.DTLS in possible and stream.dtls is not None:
        return Carried(dtls.agreed(stream.dtls), agreed)
    ours = {(crypto.tag, crypto.suite): crypto.key for crypto in offered.cryptos}
    for theirs in stream.cryptos if Keying.SDES in possible else ():
        if (theirs.tag, theirs.suite) in ours:
            return Carried(Sdes(theirs.suite, ours[theirs.tag, theirs.suite], theirs.key), agreed)
    if Keying.NONE in possible:
        return Carried(None, agreed)
    raise SdpUnusable(f"answered with {stream.protocol} and no key that fits the offer; offered was {offered.protocol}")


def _ice(stream: Stream, terms: Terms, before: NegotiatedMedia | None) -> Ice | None:
    """ICE with who offers it; with new credentials of ours where theirs are new (RFC 8839 §4.4.2). None: declined."""
    remote = stream.ice
    if remote is None or remote.is_mismatched:
        return None
    held = before.ice if before is not None else None
    local = held.local if held is not None and held.remote == remote.credentials else ice.fresh_credentials(terms.entropy)
    return Ice(local, remote.credentials, remote.candidates, remote.is_lite)
