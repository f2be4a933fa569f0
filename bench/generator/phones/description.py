"""The SDP of a phone: one audio line with one codec and telephone-event, written and read."""

from dataclasses import dataclass, replace

from bench.generator.companding import PAYLOAD_TYPE

_TABLE = "\r\n"


@dataclass(frozen=True, slots=True)
class Description:
    """One side's audio."""

    address: str
    port: int
    codec: str = "PCMU"
    digits: int = 101
    """Payload type of telephone-event; -1 where there is none."""
    direction: str = "sendrecv"
    version: int = 1

    def encode(self) -> bytes:
        """As an SDP body (RFC 8866)."""
        kind = PAYLOAD_TYPE[self.codec]
        lines = [
            "v=0",
            f"o=bench 1 {self.version} IN IP4 {self.address}",
            "s=-",
            f"c=IN IP4 {self.address}",
            "t=0 0",
            f"m=audio {self.port} RTP/AVP {kind}" + (f" {self.digits}" if self.digits >= 0 else ""),
            f"a=rtpmap:{kind} {self.codec}/8000",
        ]
        if self.digits >= 0:
            lines += [f"a=rtpmap:{self.digits} telephone-event/8000", f"a=fmtp:{self.digits} 0-15"]
        lines += ["a=ptime:20", f"a={self.direction}"]
        return (_TABLE.join(lines) + _TABLE).encode()

    @property
    def remote(self) -> tuple[str, int]:
        """Where this side wants its RTP."""
        return self.address, self.port

    def answering(self, offer: "Description") -> "Description":
        """Our answer to an offer: its telephone-event number and the mirror of its direction."""
        mirror = {"sendonly": "recvonly", "recvonly": "sendonly"}
        return replace(self, digits=offer.digits, codec=offer.codec, direction=mirror.get(offer.direction, offer.direction))


def parse_description(body: bytes) -> Description:
    """The first audio line of an SDP body with its first known codec; raises ValueError without one."""
    session: dict[str, str] = {}
    audio: dict[str, str] = {}
    kinds: list[int] = []
    names: dict[int, str] = {0: "PCMU", 8: "PCMA"}
    direction, here = "sendrecv", session
    for line in body.decode().splitlines():
        key, _, value = line.partition("=")
        if key == "m":
            if kinds:
                break
            if value.startswith("audio "):
                here = audio
                words = value.split()
                audio["port"] = words[1]
                kinds = [int(word) for word in words[3:]]
        elif key == "c":
            here["address"] = value.split()[-1]
        elif key == "a" and value.startswith("rtpmap:"):
            number, _, name = value[7:].partition(" ")
            names[int(number)] = name.partition("/")[0].upper()
        elif key == "a" and value in {"sendrecv", "sendonly", "recvonly", "inactive"}:
            direction = value
    codecs = [names.get(kind, "") for kind in kinds]
    codec = next((name for name in codecs if name in PAYLOAD_TYPE), "")
    if not codec:
        raise ValueError(f"no audio line with a codec we speak: {codecs}")
    digits = next((kind for kind in kinds if names.get(kind) == "TELEPHONE-EVENT"), -1)
    return Description(audio.get("address") or session.get("address", ""), int(audio["port"]), codec, digits, direction)
