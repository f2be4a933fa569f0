"""Where fuzzing begins: good messages of ours, and the words of the language."""

from typing import Final

from mediaserver.link.messages import AdoptLegs, Applied, DigitReceived, OpenLeg, SetVolumes
from mediaserver.link.wire import encode_frame
from rtp.rtcp.building import build
from rtp.rtcp.packets import (
    DelaySinceReference,
    ExtendedReport,
    Goodbye,
    ReceiverReferenceTime,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    VoipMetrics,
)
from sip.content import SDP
from tests.sip.network import ANSWER, OFFER
from tests.sip.test_fuzz import a_request

METHODS: Final = (
    *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO"),
    *("PRACK", "UPDATE", "REFER", "SUBSCRIBE", "NOTIFY", "MESSAGE"),
)
_RESPONSE: Final = b"\r\n".join(
    (
        b"SIP/2.0 401 Unauthorized",
        b"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1;received=192.0.2.9;rport=5",
        b'From: "A" <sip:a@h>;tag=1',
        b"To: sip:b@h;tag=2",
        b"Call-ID: c",
        b"CSeq: 1 INVITE",
        b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=SHA-256',
        b"\r\n",
    )
)
_EXTENSIONS: Final = b"\r\n".join(
    (
        b"Require: 100rel, replaces",
        b"Supported: timer, path",
        b"Session-Expires: 90;refresher=uac",
        b"Min-SE: 90",
        b"RSeq: 7",
        b"RAck: 7 1 INVITE",
        b"Refer-To: <sip:x@h?Replaces=c%3Bto-tag%3Da%3Bfrom-tag%3Db>",
        b"Referred-By: <sip:r@h>",
        b"Replaces: c;to-tag=a;from-tag=b",
        b"Event: dialog",
        b"Expires: 60",
        b"Session-ID: a8ea6a5b00000000a8ea6a5b00000000;remote=00000000000000000000000000000000",
        b"Path: <sip:p;lr>",
        b"P-Asserted-Identity: <tel:+491>",
        b"Privacy: id",
        b"Diversion: <sip:d@h>;reason=busy",
        b"History-Info: <sip:h@h>;index=1",
        b"",
    )
)
_SDP: Final = b"\r\n".join(
    (
        b"v=0\r\no=- 1 2 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\na=group:BUNDLE 0",
        b"m=audio 9 UDP/TLS/RTP/SAVPF 111 0 126",
        b"a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\na=rtpmap:126 telephone-event/48000",
        b"a=rtcp-mux\r\na=mid:0\r\na=setup:actpass\r\na=fingerprint:sha-256 AB:CD",
        b"a=ice-ufrag:abcd\r\na=ice-pwd:abcdabcdabcdabcdabcdab\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host",
        b"m=video 0 RTP/AVP 96",
        b"m=audio 4000 RTP/SAVP 0",
        b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        b"",
    )
)
RTCP: Final = [
    build(
        [
            SenderReport(1, 2 << 32, 3, 4, 5, (ReportBlock(6, 7, -8, 9, 10, 11, 12),)),
            SourceDescription(((1, b"name"),)),
            ExtendedReport(1, (ReceiverReferenceTime(3 << 32), DelaySinceReference(6, 7, 8), VoipMetrics(6, *range(8)))),
            Goodbye((1,), b"over"),
        ]
    ),
    build([ReceiverReport(1)]),
]
PAYLOADS: Final = [
    bytes.fromhex("4882a47ed6ec9f"),
    bytes.fromhex("43830303") + b"onetwothree",
    bytes.fromhex("4bc3ff0103") + bytes(range(60)),
    bytes.fromhex("a10b") + bytes(range(40)),
]
"""Opus: one frame, three packed ones, three with padding, and two of CELT. To G.722 every byte is one."""
RTP: Final = [
    bytes.fromhex("80000001000000a000000001") + bytes(range(160)),
    bytes.fromhex("b180000200000140000000010000000abede000100000000") + bytes(160) + bytes.fromhex("00000004"),
    bytes.fromhex("80e500030000014000000001058a0320"),
    bytes.fromhex("80c90001000000010000000100000000"),
    bytes.fromhex("800d00040000014000000001") + b"\x40",
]
"""A packet of PCMU; one with a contributor, an extension and padding; the end of a digit; an RTCP report; comfort noise."""
LINK: Final = [
    encode_frame([(1, OpenLeg(1, 2, "agent", False)), (2, SetVolumes(1, 0.5, 1.0))]),
    encode_frame([(0, Applied(1, 2, 3)), (0, DigitReceived(1, "5", 80)), (3, AdoptLegs(bytes(8), bytes(8), bytes(8)))]),
]
_WORDS: Final = (
    *("SIP/2.0", "sip:", "sips:", "tel:", ";tag=", ";branch=z9hG4bK", ";lr", ";q=", ";expires=", "*", "%00"),
    *("\\x0d\\x0a", "\\x0d\\x0a ", "\\x0d\\x0a\\x0d\\x0a", "\\x0a%%\\x0a"),
    *("Via: ", "v: ", "Contact: ", "m: ", "Content-Length: ", "l: ", "Require: ", "Replaces: ", "Refer-To: "),
    *("RAck: ", "Event: ", "Route: ", "Authorization: Digest "),
    *("a=", "m=audio ", "c=IN IP4 ", "IN IP6 ", "RTP/AVP", "RTP/SAVP", "a=crypto:1 ", "a=rtpmap:", "a=sendonly", "0.0.0.0"),
)
DICTIONARY: Final = "\n".join(f'"{word}"' for word in (*METHODS, *_WORDS))


def seeds(target: str) -> list[bytes]:
    """Good input for a target."""
    requests = [a_request(method, number) for number, method in enumerate(METHODS)]
    full = a_request("INVITE", 1).replace(b"Max-Forwards", _EXTENSIONS + b"Max-Forwards")
    match target:
        case "message" | "masking":
            return [*requests, full, _RESPONSE]
        case "stream":
            return [requests[0] + b"\r\n\r\n" + requests[4], full + _RESPONSE]
        case "endpoint":
            # The separator of `tests.fuzz.targets`, which must not be imported before it is instrumented.
            together = b"\n%%\n".join(requests)
            return [together, b"\n%%\n".join([full, *requests[2:5]]), *requests]
        case "sdp":
            return [OFFER.serialize(), ANSWER.serialize(), _SDP]
        case "digest":
            return [
                b'Digest username="alice", realm="mediaserver", nonce="0", uri="sip:h", response="1", qop=auth, nc=00000001, cnonce="c"',
                b'Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=SHA-256, stale=true',
            ]
        case "rtcp":
            return RTCP
        case "payload":
            return PAYLOADS
        case "header":
            return RTP
        case "event":
            return [packet[12:] for packet in RTP]
        case "turn" | "secured":
            # As `tests.fuzz.media` cuts them; that one must not be imported before it is instrumented.
            together = b"".join(len(packet).to_bytes(2, "big") + packet for packet in RTP)
            return [codec + together for codec in (b"", *(bytes([number]) for number in range(6)))]
        case "link":
            return LINK
        case _:
            lines = full.decode("latin-1").split("\r\n")
            return [line.partition(": ")[2].encode() for line in lines if ": " in line] + [SDP.encode()]
