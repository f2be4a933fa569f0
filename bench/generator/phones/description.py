"""The SDP of a phone: one audio line with one codec and telephone-event, written and read."""

from dataclasses import dataclass, replace

from bench.generator.formats import FORMATS, format_named
from bench.generator.secrecy import Crypto

_TABLE = "\r\n"


@dataclass(frozen=True, slots=True)
class Description:
    """One side's audio."""

    address: str
    port: int
    codec: str = "PCMU"
    """The one that is written; of a description that was read, the first that we speak."""
    digits: int = 101
    """Payload type of telephone-event; -1 where there is none."""
    direction: str = "sendrecv"
    version: int = 1
    number: int = -1
    """Payload type of the codec; -1: as the table has it."""
    codecs: tuple[tuple[str, int, int], ...] = ()
    """Of a description that was read: all codecs that we speak, each with its payload type and that of its telephone-event."""
    cryptos: tuple[Crypto, ...] = ()
    """Keys of what this side sends: none, or the one of ours; of a description that was read, all of which we have the suite."""
    profile: str = ""
    """Of the audio line; empty: ``RTP/SAVP`` with keys, else ``RTP/AVP``."""

    @property
    def payload_type(self) -> int:
        """Under which this side wants to receive its codec."""
        return FORMATS[self.codec].payload_type if self.number < 0 else self.number

    def encode(self) -> bytes:
        """As an SDP body (RFC 8866)."""
        kind, form = self.payload_type, FORMATS[self.codec]
        lines = [
            "v=0",
            f"o=bench 1 {self.version} IN IP4 {self.address}",
            "s=-",
            f"c=IN IP4 {self.address}",
            "t=0 0",
            f"m=audio {self.port} {self._written_profile} {kind}" + (f" {self.digits}" if self.digits >= 0 else ""),
            f"a=rtpmap:{kind} {form.rtpmap}",
        ]
        if self.codec == "opus":
            lines.append(f"a=fmtp:{kind} useinbandfec=1; maxplaybackrate=16000")
        if self.digits >= 0:
            lines += [f"a=rtpmap:{self.digits} telephone-event/{form.clock_rate}", f"a=fmtp:{self.digits} 0-15"]
        lines += [f"a=crypto:{crypto.encode()}" for crypto in self.cryptos]
        lines += ["a=ptime:20", f"a={self.direction}"]
        return (_TABLE.join(lines) + _TABLE).encode()

    @property
    def _written_profile(self) -> str:
        return self.profile or ("RTP/SAVP" if self.cryptos else "RTP/AVP")

    @property
    def remote(self) -> tuple[str, int]:
        """Where this side wants its RTP."""
        return self.address, self.port

    def answering(self, offer: "Description") -> "Description":
        """Our answer to an offer: our codec, else its first, under its numbers, its line of our suite, and the mirror of its direction."""
        mirror = {"sendonly": "recvonly", "recvonly": "sendonly"}
        offered = {codec: (number, digits) for codec, number, digits in offer.codecs} or {offer.codec: (offer.number, offer.digits)}
        codec = self.codec if self.codec in offered else offer.codec
        number, digits = offered[codec]
        direction = mirror.get(offer.direction, offer.direction)
        cryptos = tuple(
            replace(crypto, tag=theirs.tag) for crypto in self.cryptos for theirs in offer.cryptos if theirs.suite == crypto.suite
        )[:1]
        return replace(self, codec=codec, number=number, digits=digits, direction=direction, cryptos=cryptos, profile=offer.profile)


def parse_description(body: bytes) -> Description:
    """The first audio line of an SDP body with the codecs that we speak; raises ValueError without one."""
    session: dict[str, str] = {}
    audio: dict[str, str] = {}
    kinds: list[int] = []
    names: dict[int, str] = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}
    direction, here = "sendrecv", session
    cryptos: list[Crypto] = []
    for line in body.decode().splitlines():
        key, _, value = line.partition("=")
        if key == "m":
            if kinds:
                break
            if value.startswith("audio "):
                here = audio
                words = value.split()
                audio["port"], audio["profile"] = words[1:3]
                kinds = [int(word) for word in words[3:]]
        elif key == "c":
            here["address"] = value.split()[-1]
        elif key == "a" and value.startswith("rtpmap:"):
            kind, _, name = value[7:].partition(" ")
            names[int(kind)] = name
        elif key == "a" and value.startswith("crypto:"):
            crypto = Crypto.parse(value[7:])
            cryptos += [crypto] if crypto is not None else []
        elif key == "a" and value in {"sendrecv", "sendonly", "recvonly", "inactive"}:
            direction = value
    codecs = _spoken(kinds, names)
    if not codecs:
        raise ValueError(f"no audio line with a codec we speak: {[names.get(kind, '') for kind in kinds]}")
    address = audio.get("address") or session.get("address", "")
    codec, number, digits = codecs[0]
    return Description(
        address,
        int(audio["port"]),
        codec,
        digits,
        direction,
        number=number,
        codecs=codecs,
        cryptos=tuple(cryptos),
        profile=audio["profile"],
    )


def _spoken(kinds: list[int], names: dict[int, str]) -> tuple[tuple[str, int, int], ...]:
    """The codecs that we speak, with their numbers and those of the telephone-event at their clock, else of any."""
    events = {names[kind].partition("/")[2]: kind for kind in reversed(kinds) if names.get(kind, "").lower().startswith("telephone-event")}
    forms = ((format_named(names[kind]), kind) for kind in kinds if kind in names)
    return tuple(
        (form.name, kind, events.get(str(form.clock_rate), next(iter(events.values()), -1))) for form, kind in forms if form is not None
    )
