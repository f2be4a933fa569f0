"""parser: SIP messages read and written a second on one core, in the mix of a call and a registration.

This one measures the server's own code in this process: nothing is sent. Each message is other than the one before (Call-ID,
branch, tags, numbers), as on a trunk, so that no cache answers for the parser. What is counted is time of the core, not of the wall.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from bench.options import Surroundings
from bench.report import Result
from sip.message import Request, Response, parse
from sip.sdp import SessionDescription
from sip.transaction.key import server_key

T = TypeVar("T")

WANTED: Final = 20_000
"""Messages a second, read as the server reads them."""
USERS: Final = 500
"""Phones and numbers that come back; everything else of a message is new."""
_TIMES: Final = 5

_VIA = "Via: SIP/2.0/UDP 198.51.100.{low}:5060;branch=z9hG4bK-{number:08x}-{salt};rport\r\n"
_PROXY = "Via: SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bK{salt}.{number:x}.0;received=203.0.113.7\r\n"
_DIALOG = (
    'From: "Customer {user}" <sip:+4930{user:07d}@198.51.100.{low};user=phone>;tag=as{number:08x}\r\n'
    "To: <sip:100@192.0.2.1>{to_tag}\r\n"
    "Call-ID: {number:032x}@198.51.100.{low}\r\n"
    "CSeq: {sequence} {method}\r\n"
)
_CONTACT = "Contact: <sip:+4930{user:07d}@198.51.100.{low}:5060;transport=udp>\r\n"
_HEAD = _VIA + "Max-Forwards: 70\r\n" + _DIALOG
_PHONE = _CONTACT + "User-Agent: Phone 4.2\r\n"
_ALLOW = (
    "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE\r\nSupported: replaces, timer, 100rel\r\n"
)
_SDP = (
    "v=0\r\no=- {number} {number} IN IP4 198.51.100.{low}\r\ns=Media Gateway\r\nc=IN IP4 198.51.100.{low}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 8 0 9 18 97 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:9 G722/8000\r\n"
    "a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:97 iLBC/8000\r\na=fmtp:97 mode=20\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=maxptime:150\r\na=sendrecv\r\na=rtcp:{rtcp}\r\n"
)

MESSAGES: Final = {
    "INVITE": (
        "INVITE sip:100@192.0.2.1:5060;user=phone SIP/2.0\r\n"
        + _PROXY
        + _VIA
        + "Record-Route: <sip:203.0.113.7;lr;ftag=as{number:08x}>\r\nMax-Forwards: 69\r\n"
        + _DIALOG
        + _CONTACT
        + "User-Agent: Gateway 18.9.0\r\nDate: Mon, 02 Mar 2026 08:00:00 GMT\r\n"
        + _ALLOW
        + 'P-Asserted-Identity: "Customer {user}" <sip:+4930{user:07d}@198.51.100.{low}>\r\nX-Queue: support\r\n'
        + "Session-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nContent-Type: application/sdp\r\n",
        _SDP,
    ),
    "180": ("SIP/2.0 180 Ringing\r\n" + _VIA + _DIALOG + _PHONE + _ALLOW, ""),
    "200": (
        "SIP/2.0 200 OK\r\n" + _VIA + _DIALOG + _PHONE + _ALLOW + "Content-Type: application/sdp\r\n",
        _SDP,
    ),
    "ACK": (
        "ACK sip:100@192.0.2.1:5060 SIP/2.0\r\n" + _HEAD + _PHONE,
        "",
    ),
    "BYE": ("BYE sip:100@192.0.2.1:5060 SIP/2.0\r\n" + _HEAD + "User-Agent: Phone 4.2\r\n", ""),
    "REGISTER": (
        "REGISTER sip:192.0.2.1 SIP/2.0\r\n"
        + _VIA
        + "Max-Forwards: 70\r\n"
        + _DIALOG
        + 'Contact: <sip:agent{user}@198.51.100.{low}:5060;transport=udp>;expires=3600;+sip.instance="<urn:uuid:{number:032x}>"\r\n'
        + 'Authorization: Digest username="agent{user}", realm="mediaserver", nonce="{salt}{number:032x}", uri="sip:192.0.2.1", '
        + 'response="{number:032x}", algorithm=MD5, cnonce="{number:016x}", qop=auth, nc=00000001\r\n'
        + "User-Agent: Phone 4.2\r\n"
        + _ALLOW
        + "Expires: 3600\r\n",
        "",
    ),
}
"""Head and body of each message of the mix; every one is as frequent as the others."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Microseconds a message."""

    name: str
    size: int
    read: float
    written: float


async def run(around: Surroundings, *, count: int) -> Result:
    """Read and write ``count`` messages of each kind, several times; the median counts."""
    measured = []
    with around.progress.task("reading and writing", len(MESSAGES)) as advance:
        for name, (head, body) in MESSAGES.items():
            measured.append(_measure(name, [message(head, body, name, number) for number in range(count)]))
            advance(1)
    bodies = [_filled(_SDP, "SDP", number).encode() for number in range(count)]
    described = _microseconds(SessionDescription.parse, bodies)
    read = 1e6 / float(np.mean([each.read for each in measured]))
    written = 1e6 / float(np.mean([each.written for each in measured]))
    return Result(
        "parser",
        {
            "read_per_second": round(read),
            "written_per_second": round(written),
            "descriptions_per_second": round(1e6 / described),
            "messages": count * len(MESSAGES),
        },
        ("message", "bytes", "read_us", "written_us"),
        [(each.name, each.size, round(each.read, 1), round(each.written, 1)) for each in measured],
        ok=read >= WANTED,
    )


def message(head: str, body: str, name: str, number: int) -> bytes:
    """The ``number``-th message of a kind, with its length."""
    content = _filled(body, name, number)
    return (_filled(head, name, number) + f"Content-Length: {len(content)}\r\n\r\n" + content).encode()


def read_as_received(data: bytes) -> Request | Response:
    """What the server reads of every message, before anybody has asked for anything particular of it."""
    received = parse(data)
    if isinstance(received, Request):
        server_key(received, received.method)
        _ = received.items("Require"), received.to.tag, received.from_.tag
    else:
        _ = received.via.branch, received.cseq.method
    _ = received.contacts, received.items("Record-Route")
    return received


def write_anew(message: Request | Response) -> bytes:
    """Make the message and write it: one that was written keeps its octets, and would cost nothing a second time."""
    if isinstance(message, Request):
        return Request(message.method, message.uri, message.headers, message.body).serialize()
    return Response(message.status, message.headers, message.body, message.reason).serialize()


def _measure(name: str, messages: Sequence[bytes]) -> Measured:
    read = _microseconds(read_as_received, messages)
    written = _microseconds(write_anew, [parse(data) for data in messages])
    return Measured(name, round(sum(map(len, messages)) / len(messages)), read, written)


def _microseconds(work: Callable[[T], object], given: Sequence[T]) -> float:
    """Time of the core for one of them, whose result nobody keeps, as in the server; the median of several runs."""
    taken = []
    for _ in range(_TIMES):
        began = time.process_time()
        for each in given:
            work(each)
        taken.append(time.process_time() - began)
    return float(np.median(taken)) * 1e6 / len(given)


def _filled(text: str, name: str, number: int) -> str:
    method = name if name.isalpha() else "INVITE"
    return text.format(
        number=number * 7919 + 1,
        salt=f"{number * 104_729 % 1_000_003:06x}",
        user=number % USERS,
        low=number % 250 + 1,
        port=10_000 + number % 20_000 * 2,
        rtcp=10_001 + number % 20_000 * 2,
        sequence=number % 9_000 + 1,
        method=method,
        to_tag="" if name in ("INVITE", "REGISTER") else f";tag=srv{number:08x}",
    )
