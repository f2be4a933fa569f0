"""What phones, PBXes, browsers and carriers offer, written in their manner, and what each is answered by default."""

from dataclasses import dataclass

import pytest

from sip.negotiated import PCMA, PCMU, Codec, Direction, Dtls, Sdes
from sip.sdp import SessionDescription
from tests.sip.description.leg import answered, ours

KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
FINGERPRINT = ":".join(f"{byte:02X}" for byte in range(64, 96))


@dataclass(frozen=True, slots=True)
class Offered:
    """One offer, and what it comes to."""

    who: str
    body: str
    codec: Codec
    lines: tuple[str, ...]
    """Each m-line of the answer: kind, protocol, and ``+`` where it is taken."""
    digits: int | None
    """Its number for telephone-event."""
    ptime_ms: int = 20
    security: type[Sdes] | type[Dtls] | None = None
    direction: Direction = Direction.SENDRECV
    ice: bool = False
    mux: bool = False


PHONES = [
    Offered(
        "Yealink T46, SRTP off",
        """\
v=0
o=- 20147 20147 IN IP4 192.168.1.45
s=SDP data
c=IN IP4 192.168.1.45
t=0 0
m=audio 11798 RTP/AVP 9 0 8 18 101
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
""",
        PCMU,
        ("audio RTP/AVP +",),
        101,
    ),
    Offered(
        "Yealink T46, SRTP optional: a secured line beside a plain one",
        f"""\
v=0
o=- 20148 20148 IN IP4 192.168.1.45
s=SDP data
c=IN IP4 192.168.1.45
t=0 0
m=audio 11800 RTP/SAVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}
a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}
a=rtpmap:101 telephone-event/8000
a=sendrecv
m=audio 11802 RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=sendrecv
""",
        PCMA,
        ("audio RTP/SAVP", "audio RTP/AVP +"),
        101,
    ),
    Offered(
        "Yealink T54, SRTP compulsory",
        f"""\
v=0
o=- 20149 20149 IN IP4 192.168.1.45
s=SDP data
c=IN IP4 192.168.1.45
t=0 0
m=audio 11804 RTP/SAVP 8 101
a=rtpmap:8 PCMA/8000
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}
a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}
a=crypto:3 F8_128_HMAC_SHA1_80 inline:{KEY}
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
""",
        PCMA,
        ("audio RTP/SAVP +",),
        101,
        security=Sdes,
    ),
    Offered(
        "Polycom VVX, video first asked off, direction before the formats",
        """\
v=0
o=- 1417176216 1417176216 IN IP4 10.0.0.23
s=Polycom IP Phone
c=IN IP4 10.0.0.23
b=AS:2304
t=0 0
a=sendrecv
m=audio 2224 RTP/AVP 9 102 0 8 18 127
a=rtpmap:9 G722/8000
a=rtpmap:102 G7221/16000
a=fmtp:102 bitrate=32000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:127 telephone-event/8000
m=video 2226 RTP/AVP 109 34
b=TIAS:448000
a=rtpmap:109 H264/90000
a=fmtp:109 profile-level-id=42800d; max-mbps=40500
a=rtpmap:34 H263/90000
a=sendrecv
""",
        PCMU,
        ("audio RTP/AVP +", "video RTP/AVP"),
        127,
    ),
    Offered(
        "Cisco SPA504G, thirty milliseconds and events of its own",
        """\
v=0
o=- 88641 88641 IN IP4 192.168.0.77
s=-
c=IN IP4 192.168.0.77
t=0 0
m=audio 16470 RTP/AVP 0 2 8 18 96 97 98 101
a=rtpmap:0 PCMU/8000
a=rtpmap:2 G726-32/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:18 G729a/8000
a=rtpmap:96 G726-40/8000
a=rtpmap:97 G726-24/8000
a=rtpmap:98 G726-16/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:30
a=sendrecv
""",
        PCMU,
        ("audio RTP/AVP +",),
        101,
        ptime_ms=30,
    ),
    Offered(
        "Grandstream GXP2170, best effort after RFC 8643 and ICE for the asking",
        f"""\
v=0
o=agent1 8000 8000 IN IP4 10.1.1.9
s=SIP Call
c=IN IP4 10.1.1.9
t=0 0
m=audio 5004 RTP/AVP 0 8 9 97 101
a=sendrecv
a=rtpmap:0 PCMU/8000
a=ptime:20
a=rtpmap:8 PCMA/8000
a=rtpmap:9 G722/8000
a=rtpmap:97 iLBC/8000
a=fmtp:97 mode=30
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^32
a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^32
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp-mux
""",
        PCMU,
        ("audio RTP/AVP +",),
        101,
        mux=True,
    ),
    Offered(
        "Snom D785, key with an identifier first, a plain one after it",
        f"""\
v=0
o=root 512203377 512203377 IN IP4 172.16.4.20
s=call
c=IN IP4 172.16.4.20
t=0 0
m=audio 58272 RTP/SAVP 9 8 0 3 99 112 18 101
a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31|1:1
a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:3 GSM/8000
a=rtpmap:99 G726-32/8000
a=rtpmap:112 AAL2-G726-32/8000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
""",
        PCMA,
        ("audio RTP/SAVP +",),
        101,
        security=Sdes,
    ),
    Offered(
        "Zoiper, codecs without a map and no ptime",
        """\
v=0
o=Zoiper 0 12345678 IN IP4 192.168.2.14
s=Zoiper
c=IN IP4 192.168.2.14
t=0 0
m=audio 54321 RTP/AVP 106 9 98 101 0 8 3
a=rtpmap:106 opus/48000/2
a=fmtp:106 sprop-maxcapturerate=16000; minptime=20; useinbandfec=1
a=rtpmap:98 telephone-event/48000
a=fmtp:98 0-16
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=sendrecv
a=rtcp-mux
""",
        PCMU,
        ("audio RTP/AVP +",),
        101,
        mux=True,
    ),
    Offered(
        "Linphone, feedback profile, ICE, two clocks for digits, a second bandwidth of lines",
        """\
v=0
o=alice 3724 2146 IN IP4 192.168.1.30
s=Talk
c=IN IP4 192.168.1.30
t=0 0
a=ice-pwd:31ec21eb38b2ec6d36e8dc7b
a=ice-ufrag:9a5bf5d7
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics
a=record:off
m=audio 7078 RTP/AVPF 96 97 98 0 8 101 99
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:97 speex/16000
a=fmtp:97 vbr=on
a=rtpmap:98 speex/8000
a=rtpmap:101 telephone-event/48000
a=rtpmap:99 telephone-event/8000
a=candidate:1 1 UDP 2130706431 192.168.1.30 7078 typ host
a=candidate:1 2 UDP 2130706430 192.168.1.30 7079 typ host
a=rtcp-fb:* trr-int 5000
a=rtcp-fb:* ccm tmmbr
m=video 9078 RTP/AVPF 96
a=rtpmap:96 VP8/90000
a=rtcp-fb:* nack pli
""",
        PCMU,
        ("audio RTP/AVPF +", "video RTP/AVPF"),
        99,
    ),
    Offered(
        "baresip, rtcp said outright, bandwidth and tool",
        """\
v=0
o=- 3218765432 1234567890 IN IP4 10.2.3.4
s=-
c=IN IP4 10.2.3.4
t=0 0
a=tool:baresip 3.1.0
m=audio 22150 RTP/AVP 8 0 101
b=AS:125
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtcp:22151
a=sendrecv
a=label:1
a=rtcp-rsize
a=ssrc:2183736456 cname:sip:alice@10.2.3.4
a=ptime:20
""",
        PCMA,
        ("audio RTP/AVP +",),
        101,
    ),
    Offered(
        "pjsip, bandwidth beside the line, ssrc and rtcp with an address",
        """\
v=0
o=- 3838122465 3838122465 IN IP4 192.0.2.88
s=pjmedia
b=AS:84
t=0 0
a=X-nat:0
m=audio 4006 RTP/AVP 98 97 8 0 120
c=IN IP4 192.0.2.88
b=TIAS:64000
a=rtcp:4007 IN IP4 192.0.2.88
a=sendrecv
a=rtpmap:98 speex/16000
a=rtpmap:97 speex/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:120 telephone-event/8000
a=fmtp:120 0-16
a=ssrc:1342131223 cname:5a4b1d8f
""",
        PCMA,
        ("audio RTP/AVP +",),
        120,
    ),
    Offered(
        "Asterisk chan_pjsip, its order and maxptime",
        """\
v=0
o=- 1829348371 1829348371 IN IP4 203.0.113.5
s=Asterisk
c=IN IP4 203.0.113.5
t=0 0
m=audio 17206 RTP/AVP 8 0 9 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:9 G722/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:140
a=sendrecv
""",
        PCMA,
        ("audio RTP/AVP +",),
        101,
    ),
    Offered(
        "FreeSWITCH, its suites and comfort noise",
        f"""\
v=0
o=FreeSWITCH 1700000000 1700000001 IN IP4 198.51.100.20
s=FreeSWITCH
c=IN IP4 198.51.100.20
t=0 0
m=audio 27654 RTP/SAVP 102 9 0 8 103 101 13
a=rtpmap:102 opus/48000/2
a=fmtp:102 useinbandfec=1; maxaveragebitrate=30000; maxplaybackrate=48000; ptime=20; minptime=10; maxptime=40
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:103 telephone-event/48000
a=fmtp:103 0-15
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=rtpmap:13 CN/8000
a=crypto:1 AEAD_AES_256_GCM_8 inline:{KEY}
a=crypto:2 AES_256_CM_HMAC_SHA1_80 inline:{KEY}{KEY[:24]}
a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{KEY}
a=crypto:4 AES_CM_128_NULL_AUTH inline:{KEY}
a=ptime:20
""",
        PCMU,
        ("audio RTP/SAVP +",),
        101,
        security=Sdes,
    ),
    Offered(
        "Chrome through JsSIP, a hidden address, bundle and a video line",
        f"""\
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS 3c2f
m=audio 52811 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 198.51.100.31
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:2212553321 1 udp 2113937151 8f1e7a55-6f7c-4f1c-9c5a-6d5e3f1d2c3b.local 52811 typ host generation 0 network-cost 999
a=candidate:842163049 1 udp 1677729535 198.51.100.31 52811 typ srflx raddr 0.0.0.0 rport 0 generation 0 network-cost 999
a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:3c2f 5d6a
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1001 cname:4TOk42mSjXCkVIa6
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=ice-ufrag:EsAw
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
a=mid:1
a=bundle-only
a=rtcp-mux
a=rtpmap:96 VP8/90000
""",
        PCMU,
        ("audio UDP/TLS/RTP/SAVPF +", "video UDP/TLS/RTP/SAVPF"),
        126,
        security=Dtls,
        ice=True,
        mux=True,
    ),
    Offered(
        "Firefox, no address yet, fingerprint above the lines",
        f"""\
v=0
o=mozilla...THIS_IS_SDPARTA-99.0 5893743258843 0 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 {FINGERPRINT}
a=group:BUNDLE 0
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 0.0.0.0
a=sendrecv
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
a=ice-pwd:85a0ce9b0c5a5dbb3a5c1ab5d2f02b01
a=ice-ufrag:e1ba2ac5
a=mid:0
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:2655508255 cname:{{735484ea-4f6c-f74a-bd66-7425f8476c2e}}
""",
        PCMU,
        ("audio UDP/TLS/RTP/SAVPF +",),
        101,
        security=Dtls,
        ice=True,
        mux=True,
    ),
    Offered(
        "Twilio, plain trunk",
        """\
v=0
o=root 1234567890 1234567890 IN IP4 203.0.113.61
s=Media Gateway
c=IN IP4 203.0.113.61
t=0 0
m=audio 14234 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a=maxptime:150
a=sendrecv
""",
        PCMU,
        ("audio RTP/AVP +",),
        101,
    ),
    Offered(
        "Teams through its SBC: keys with a lifetime, lite ICE, its own attributes, on hold",
        f"""\
v=0
o=- 133374 0 IN IP4 198.51.100.90
s=session
c=IN IP4 198.51.100.90
b=CT:10000000
t=0 0
a=ice-lite
m=audio 50124 RTP/SAVP 104 9 103 111 18 0 8 97 101 13 118
a=x-signaling-fb:* x-message app send:dsh recv:dsh
a=rtcp:50124
a=rtcp-mux
a=ice-ufrag:9HGP
a=ice-pwd:CqzhWXkW1ysTTVRuPz4Kq0Ti
a=candidate:1 1 UDP 2130706431 198.51.100.90 50124 typ srflx raddr 10.0.0.1 rport 50124
a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31
a=rtpmap:104 SILK/16000
a=rtpmap:9 G722/8000
a=rtpmap:103 SILK/8000
a=rtpmap:111 SIREN/16000
a=fmtp:111 bitrate=16000
a=rtpmap:18 G729/8000
a=fmtp:18 annexb=no
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:97 RED/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=rtpmap:13 CN/8000
a=rtpmap:118 CN/16000
a=ptime:20
a=inactive
""",
        PCMU,
        ("audio RTP/SAVP +",),
        101,
        security=Sdes,
        direction=Direction.INACTIVE,
        mux=True,
    ),
    Offered(
        "a fax machine's gateway: audio now, T.38 beside it",
        """\
v=0
o=gw 1 1 IN IP4 192.0.2.200
s=-
c=IN IP4 192.0.2.200
t=0 0
m=image 49170 udptl t38
a=T38FaxVersion:0
a=T38FaxRateManagement:transferredTCF
m=audio 49172 RTP/AVP 8
a=ptime:10
""",
        PCMA,
        ("image UDPTL", "audio RTP/AVP +"),
        None,
        ptime_ms=10,
    ),
]


@pytest.mark.parametrize("line_end", ["\r\n", "\n"], ids=["CRLF", "LF"])
@pytest.mark.parametrize("offered", PHONES, ids=lambda offered: offered.who)
def test_a_phones_offer_is_answered_as_it_expects(offered: Offered, line_end: str) -> None:
    offer = SessionDescription.parse(offered.body.replace("\n", line_end).encode())
    answer, media = answered(ours(), offer)
    lines = tuple(f"{line.kind} {line.protocol}" + (" +" if line.port else "") for line in answer.media)
    assert lines == offered.lines
    assert (media.codec, media.ptime_ms, media.send_digit_payload_type) == (offered.codec, offered.ptime_ms, offered.digits)
    assert (type(media.security) if media.security is not None else None) == offered.security
    assert (media.direction, media.ice is not None, media.rtcp_mux) == (offered.direction, offered.ice, offered.mux)


@pytest.mark.parametrize("offered", PHONES, ids=lambda offered: offered.who)
def test_nothing_of_the_phone_but_its_names_and_numbers_is_in_the_answer(offered: Offered) -> None:
    offer = SessionDescription.parse(offered.body.encode())
    text = answered(ours(), offer)[0].serialize().decode()
    told = {offer.origin.username, str(offer.origin.session_id), offer.name, *(offer.address_of(media) or "" for media in offer.media)}
    secret = {
        value for name in ("crypto", "fingerprint", "ice-pwd", "ssrc", "msid") for media in offer.media for value in media.values(name)
    }
    for found in (told | secret) - {"-", "", "0.0.0.0"}:
        assert len(found) < 5 or found not in text


@pytest.mark.parametrize("offered", PHONES, ids=lambda offered: offered.who)
def test_a_phone_that_is_held_and_taken_back_gets_the_same_answer(offered: Offered) -> None:
    leg = ours()
    offer = SessionDescription.parse(offered.body.encode())
    first, talking = answered(leg, offer)
    second, again = answered(leg, offer)
    assert (second, again) == (first, talking)
    assert [(line.kind, line.protocol) for line in leg.make_offer(direction=Direction.SENDONLY).media] == [
        (line.kind, line.protocol) for line in offer.media
    ]
