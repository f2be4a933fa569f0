"""SIP messages (RFC 3261 §7): parsed from bytes, held as a list of headers, serialised to bytes.

Parsing is lazy: the head is cut into lines once, and what a header means is read when somebody asks, and remembered. `parse` demands
what every element needs to handle a message at all (§8.1.1); everything else is the business of those who use it.
A message is not changed after it was built.
"""

from collections.abc import Sequence
from typing import Final

from sip.errors import BodyTooLong, ParseError, UnsafeValue, UnsupportedVersion
from sip.headers import (
    CANONICAL,
    HIGHEST_MAX_FORWARDS,
    TOKEN,
    CSeq,
    NameAddress,
    Via,
    canonical_name,
    parse_address,
    parse_cseq,
    parse_list,
    parse_number,
    parse_parameters,
    parse_via,
)
from sip.uri import Uri

LONGEST_HEAD: Final = 32_768
MOST_HEADERS: Final = 256
LONGEST_LINE: Final = 8192
LONGEST_BODY: Final = 65_536
HIGHEST_CONTENT_LENGTH: Final = 10_000_000
HIGHEST_SECONDS: Final = 2**32 - 1

Header = tuple[str, str]
"""Name in its one spelling, value without surrounding blanks."""

_SPELT: Final = frozenset(CANONICAL.values())
_ONCE: Final = ("From", "To", "Call-ID", "CSeq", "Max-Forwards")
_VERSION: Final = "SIP/2.0"
_START_PARTS: Final = 3
_STATUS_DIGITS: Final = 3

REASONS: Final = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    429: "Provide Referrer Identity",
    439: "First Hop Lacks Outbound Support",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}
"""What each status is called (RFC 3261 §21 and its extensions)."""


class Message:
    """What requests and responses share: headers and body."""

    __slots__ = ("_cseq", "_data", "_from", "_index", "_to", "_via", "body", "headers")

    def __init__(self, headers: Sequence[Header] = (), body: bytes = b"") -> None:
        self.headers: list[Header] = list(headers)
        self.body = body
        self._index: dict[str, tuple[str, ...]] | None = None
        """Values by `_key`. Tuples, not lists: the garbage collector soon leaves them alone, and messages are many."""
        self._via: Via | None = None
        self._from: NameAddress | None = None
        self._to: NameAddress | None = None
        self._cseq: CSeq | None = None
        self._data = b""
        """As bytes, from when they were asked for: size, transaction and retransmission all want them."""

    def values(self, name: str) -> tuple[str, ...]:
        """Values of all headers of this name (any case or compact form), as they stand, in order."""
        index = self._index
        if index is None:
            index = self._index = {}
            for header, value in self.headers:
                key = _key(header)
                index[key] = (*index[key], value) if key in index else (value,)
        found = index.get(name)
        if found is None:
            # Mostly the name is spelt as it should be, and there is no such header.
            return () if name in _SPELT else index.get(_key(name), ())
        return found

    def let_go(self) -> None:
        """Forget what can be found anew, of a message that is kept and hardly asked any more."""
        self._index = self._via = self._from = self._to = self._cseq = None
        self._data = b""

    @property
    def repeats_a_header(self) -> bool:
        """Whether any header stands there more than once."""
        return self._index is None or len(self._index) < len(self.headers)

    def header(self, name: str) -> str | None:
        """The first value of this name as clean text (bytes that were not UTF-8 are replaced), or None."""
        values = self.values(name)
        if not values:
            return None
        value = values[0]
        return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def items(self, name: str) -> list[str]:
        """The values of all headers of this name, comma-separated lists taken apart."""
        values = self.values(name)
        if not values:
            return []
        return parse_list(values[0]) if len(values) == 1 else [item for value in values for item in parse_list(value)]

    def readable_items(self, name: str) -> list[str]:
        """The same, of headers that may be left out: none where they cannot be taken apart."""
        try:
            return self.items(name)
        except ParseError:
            return []

    @property
    def via(self) -> Via:
        """The topmost Via. Raises `ParseError`, as all the properties do."""
        if self._via is None:
            value = _first(self.values("Via"), "Via")
            self._via = parse_via(value if "," not in value else _first(parse_list(value), "Via"))
        return self._via

    @property
    def from_(self) -> NameAddress:
        """The From header."""
        if self._from is None:
            self._from = parse_address(_first(self.values("From"), "From"))
        return self._from

    @property
    def to(self) -> NameAddress:
        """The To header."""
        if self._to is None:
            self._to = parse_address(_first(self.values("To"), "To"))
        return self._to

    @property
    def cseq(self) -> CSeq:
        """The CSeq header."""
        if self._cseq is None:
            self._cseq = parse_cseq(_first(self.values("CSeq"), "CSeq"))
        return self._cseq

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        values = self.values("Call-ID")
        return values[0] if values else _first(values, "Call-ID")

    @property
    def contacts(self) -> list[NameAddress]:
        """The Contact headers; ``*`` is not among them."""
        return [parse_address(item) for item in self.items("Contact") if item != "*"]

    @property
    def content_type(self) -> str:
        """Type and subtype in lower case, without parameters; empty where there is none."""
        values = self.values("Content-Type")
        return parse_parameters(values[0])[0].lower() if values else ""

    @property
    def expires(self) -> int | None:
        """The Expires header in seconds; None where there is none."""
        values = self.values("Expires")
        return parse_number(values[0], "Expires", HIGHEST_SECONDS) if values else None

    def read_headers(self, lines: Sequence[str]) -> ParseError | None:
        """Take over the headers below a start line; one that is none is left out and told, so that the others can still serve an answer."""
        problem = None
        if len(lines) > MOST_HEADERS:
            problem = ParseError(f"{len(lines) - 1} headers; at most {MOST_HEADERS - 1} are accepted")
            lines = lines[:MOST_HEADERS]
        index = self._index = {}
        add, known = self.headers.append, CANONICAL.get
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            canonical = key = known(name)
            if canonical is None or key is None:
                canonical = canonical_name(name.rstrip())
                if not canonical or not colon or not TOKEN.issuperset(canonical):
                    problem = ParseError(f"not a header: {line[:60]!r}; expected Name: value")
                    continue
                key = _key(canonical)
            value = value.strip()
            add((canonical, value))
            index[key] = (*index[key], value) if key in index else (value,)
        return problem

    def start_line(self) -> str:
        """The first line, without line end."""
        raise NotImplementedError

    def serialize(self) -> bytes:
        """The message as bytes, with Content-Length last. Raises `UnsafeValue` where a value holds a line break."""
        self._data = self._data or self._written()
        return self._data

    def _written(self) -> bytes:
        lines = [
            self.start_line(),
            *[f"{name}: {value}" for name, value in self.headers if name != "Content-Length"],
            f"Content-Length: {len(self.body)}\r\n\r\n",
        ]
        head = "\r\n".join(lines)
        breaks = len(lines) + 1
        if head.count("\n") != breaks or head.count("\r") != breaks:
            raise UnsafeValue("line break inside the start line or a header")
        return head.encode("utf-8", "surrogateescape") + self.body


class Request(Message):
    """A request."""

    __slots__ = ("_request_uri", "method", "uri")

    def __init__(self, method: str, uri: str, headers: Sequence[Header] = (), body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri
        """The Request-URI as it stands."""
        self._request_uri: Uri | None = None

    def __repr__(self) -> str:
        return f"<Request {self.start_line()!r}>"

    def start_line(self) -> str:
        return f"{self.method} {self.uri} {_VERSION}"

    @property
    def request_uri(self) -> Uri:
        """The Request-URI taken apart. Raises `ParseError`, `UnsupportedScheme`."""
        if self._request_uri is None:
            self._request_uri = Uri.parse(self.uri)
        return self._request_uri

    @property
    def max_forwards(self) -> int:
        """Max-Forwards; 70 where there is none (RFC 2543 did not know it)."""
        values = self.values("Max-Forwards")
        return parse_number(values[0], "Max-Forwards", HIGHEST_MAX_FORWARDS) if values else 70


class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, headers: Sequence[Header] = (), body: bytes = b"", reason: str = "") -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason or REASONS.get(status, "")

    def __repr__(self) -> str:
        return f"<Response {self.start_line()!r}>"

    def start_line(self) -> str:
        return f"{_VERSION} {self.status} {self.reason}"


class BrokenRequest(ParseError):
    """A request that cannot be handled, but read far enough to be answered with ``status``."""

    def __init__(self, text: str, request: Request, status: int) -> None:
        super().__init__(text)
        self.request = request
        self.status = status


def parse(data: bytes) -> Request | Response:
    """Read one message: a datagram, or a message cut from a stream. Octets after the body are left out (§18.3).

    Raises `BrokenRequest` where a 4xx or 505 can be sent, `ParseError` where nothing can be done.
    """
    lines, body, problem = _cut(data)
    message, wrong_start = _start(lines[0])
    try:
        wrong_header = message.read_headers(lines)
        if first := problem or wrong_start or wrong_header:
            raise first
        _demand(message)
        message.body = _measured(message, body)
    except ParseError as error:
        if isinstance(message, Request):
            raise BrokenRequest(str(error), message, error.status) from None
        raise
    return message


def _cut(data: bytes) -> tuple[list[str], bytes, ParseError | None]:
    """Lines of the head, folded ones joined; what follows it; and what is wrong with the way it is written."""
    end = data.find(b"\r\n\r\n")
    if 0 <= end <= LONGEST_LINE:
        head = data[:end].decode("utf-8", "surrogateescape")
        lines = head.split("\r\n")
        # As nearly all are written: within all bounds, every line break a whole one, and no line begins with a blank.
        if head.count("\n") == head.count("\r") == len(lines) - 1 and min(lines) >= "!":
            return lines, data[end + 4 :], None
    head, body, problem = _cut_leniently(data, end)
    return _unfolded(head), body, problem


def _cut_leniently(data: bytes, end: int) -> tuple[str, bytes, ParseError | None]:
    """The head as text with bare line feeds for line ends, as some end their lines; what follows it, and what is wrong with it."""
    width = 4
    short_end = data.find(b"\n\n", 0, end if end >= 0 else len(data))
    if short_end >= 0:
        end, width = short_end, 2
    head, body = (data[:end], data[end + width :]) if end >= 0 else (data, b"")
    if len(head) > LONGEST_HEAD:
        raise ParseError(f"head of {len(head)} bytes; at most {LONGEST_HEAD} are accepted")
    problem = None if end >= 0 else ParseError("no empty line after the headers")
    text = head.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    if "\r" in text:
        text = text.replace("\r", " ")
        problem = ParseError("carriage return inside a line")
    if len(text) > LONGEST_LINE and (longest := max(map(len, text.split("\n")))) > LONGEST_LINE:
        problem = ParseError(f"a line of {longest} characters; at most {LONGEST_LINE} are accepted")
    return text, body, problem


def _unfolded(head: str) -> list[str]:
    """Lines of a head, folded ones joined (§7.3.1)."""
    lines = head.split("\n")
    if "\n " not in head and "\n\t" not in head:
        return lines
    whole: list[list[str]] = [[lines[0]]]
    for line in lines[1:]:
        if line[:1] in (" ", "\t"):
            whole[-1].append(line.strip())
        else:
            whole.append([line])
    return [" ".join(parts) for parts in whole]


def _start(line: str) -> tuple[Request | Response, ParseError | None]:
    """Read the start line. Blanks around its parts are forgiven (RFC 4475 §3.1.2.9 leaves that open)."""
    if line.startswith("SIP/2.0 "):
        status, _, reason = line[8:].partition(" ")
        if len(status) != _STATUS_DIGITS or status[0] not in "123456" or not (status.isascii() and status.isdigit()):
            raise ParseError(f"not a status: {status[:20]!r}; expected 100 to 699")
        return Response(int(status), reason=reason), None
    method, *parts = line.split() or [""]
    if len(parts) == _START_PARTS - 1 and parts[1] == _VERSION and TOKEN.issuperset(method):
        return Request(method, parts[0]), None
    if len(parts) < _START_PARTS - 1 or not TOKEN.issuperset(method) or not parts[-1].upper().startswith("SIP/"):
        raise ParseError(f"not a SIP message: {line[:60]!r}")
    if parts[-1].upper() != _VERSION:
        return Request(method, parts[0]), UnsupportedVersion(f"{parts[-1][:20]} is not spoken; expected {_VERSION}")
    if len(parts) >= _START_PARTS:
        return Request(method, parts[0]), ParseError(f"blank inside the Request-URI: {line[:60]!r}")
    return Request(method, parts[0]), None


def _demand(message: Request | Response) -> None:
    """Read what every element needs (§8.1.1)."""
    if message.repeats_a_header:
        for name in _ONCE:
            if len(message.values(name)) > 1:
                raise ParseError(f"several {name} headers; expected one")
    method = message.cseq.method
    if not message.call_id:
        raise ParseError("empty Call-ID")
    _ = message.via, message.from_, message.to
    if isinstance(message, Request):
        if method != message.method:
            raise ParseError(f"CSeq says {method[:20]}, the start line {message.method[:20]}; expected the same")
        _ = message.max_forwards, message.request_uri


def _measured(message: Message, body: bytes) -> bytes:
    """The body as long as Content-Length says; all there is where it says nothing."""
    values = message.values("Content-Length")
    if not values:
        return body
    if any(value != values[0] for value in values):
        raise ParseError("several Content-Length headers that differ")
    length = parse_number(values[0], "Content-Length", HIGHEST_CONTENT_LENGTH)
    if length > LONGEST_BODY:
        raise BodyTooLong(f"Content-Length is {length}; at most {LONGEST_BODY} are accepted")
    if length > len(body):
        raise ParseError(f"Content-Length is {length}, {len(body)} bytes came")
    return body[:length] if length < len(body) else body


def _first(values: Sequence[str], name: str) -> str:
    if not values:
        raise ParseError(f"no {name} header")
    return values[0]


def _key(name: str) -> str:
    """What a name is looked up by."""
    return CANONICAL.get(name) or name.lower()
