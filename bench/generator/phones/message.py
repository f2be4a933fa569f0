"""SIP messages as the phones need them: split, look up, write. Only as strict as a phone must be."""

from dataclasses import dataclass, field

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "k": "supported",
}


class NotSip(ValueError):
    """The bytes are no SIP message."""


@dataclass(slots=True)
class Message:
    """A request or an answer. Header names are lower case; order and repeats are kept."""

    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def status(self) -> int:
        """The status code; 0 for a request."""
        return int(self.start[8:11]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def reason(self) -> str:
        """The reason phrase of an answer."""
        return self.start[12:]

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.start.partition(" ")[0]

    @property
    def uri(self) -> str:
        """The Request-URI."""
        return self.start.split(" ")[1]

    def get(self, name: str) -> str:
        """The first value of a header, or empty."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every value of a header, in order."""
        return [value for key, value in self.headers if key == name]

    @property
    def sequence(self) -> tuple[int, str]:
        """CSeq: number and method."""
        number, _, method = self.get("cseq").partition(" ")
        return int(number), method.strip()

    @property
    def branch(self) -> str:
        """The branch of the topmost Via."""
        return parameter(self.get("via").partition(",")[0], "branch")

    def encode(self) -> bytes:
        """The message as bytes, with its Content-Length."""
        lines = [self.start, *(f"{name.title() if name != 'call-id' else 'Call-ID'}: {value}" for name, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode() + self.body


def parse(data: bytes) -> Message:
    """A datagram as a message; raises `NotSip`."""
    head, separator, body = data.partition(b"\r\n\r\n")
    try:
        lines = head.decode().replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
    except UnicodeDecodeError as error:
        raise NotSip("the header is not UTF-8") from error
    if not separator or "SIP/2.0" not in lines[0]:
        raise NotSip("no start line, or no end of the header")
    headers = []
    for line in lines[1:]:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        name = _COMPACT.get(name, name)
        if name != "content-length":
            headers.append((name, value.strip()))
    return Message(lines[0], headers, body)


def parameter(value: str, name: str) -> str:
    """A ``;name=value`` parameter of a header value, outside its angle brackets; empty where there is none."""
    for part in value.rpartition(">")[2].split(";")[1:]:
        key, _, content = part.partition("=")
        if key.strip().lower() == name:
            return content.strip()
    return ""


def address(value: str) -> str:
    """The URI of a From, To, Contact or Record-Route value."""
    if "<" in value:
        return value.partition("<")[2].partition(">")[0]
    return value.partition(";")[0].strip()


def user_of(uri: str) -> str:
    """The user part of a SIP URI."""
    return uri.partition(":")[2].partition("@")[0].partition(";")[0]


def host_of(uri: str) -> tuple[str, int]:
    """Host and port of a SIP URI with a numeric host."""
    rest = uri.partition(":")[2]
    rest = rest.rpartition("@")[2].partition(";")[0].partition("?")[0]
    host, _, port = rest.partition(":")
    return host, int(port or 5060)
