"""What a trace shows of secrets: nothing."""

import pytest

from sip.masking import mask

HEAD = b"INVITE sip:100@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCall-ID: a1\r\n"


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (
            b'Authorization: Digest username="anna", realm="m", nonce="n0nce", uri="sip:m", response="0123abcd", cnonce="c0de"',
            b'Authorization: Digest username="anna", realm="m", nonce="***", uri="sip:m", response="***", cnonce="***"',
        ),
        (b'proxy-authorization :Digest username="a",response=abc', b'proxy-authorization :Digest username="a",response=***'),
        (b'Authorization: Digest username="a",\r\n response="folded"', b'Authorization: Digest username="a",\r\n response="***"'),
        (b"Authorization: Bearer eyJhbGciOi.J9.x", b"Authorization: Bearer ***"),
        (b"Authorization: Basic YW5uYTpzZWNyZXQ=", b"Authorization: Basic ***"),
        (b'Authentication-Info: rspauth="feed", nextnonce="beef"', b'Authentication-Info: rspauth="***", nextnonce="***"'),
        (b"From: <sip:anna:pa55@example.org>;tag=1", b"From: <sip:anna:***@example.org>;tag=1"),
        (b"To: <sip:*1robert*4711@example.org>", b"To: <sip:*1robert****@example.org>"),
        (b"To: <sip:%2a1robert%2A4711@example.org>", b"To: <sip:%2a1robert%2A***@example.org>"),
        (b"To: <sip:881robert*4711@example.org>", b"To: <sip:881robert****@example.org>"),
        (b"To: <sip:%231robert%2a4711@example.org>", b"To: <sip:%231robert%2a***@example.org>"),
        (b'To: "*1robert*4711" <sip:*1robert*4711@example.org>', b'To: "*1robert****" <sip:*1robert****@example.org>'),
        (b"To: <sip:*1robert@example.org>\r\nContact: *", b"To: <sip:*1robert@example.org>\r\nContact: *"),
    ],
)
def test_a_secret_in_a_header_is_masked(secret: bytes, shown: bytes) -> None:
    assert mask(HEAD + secret + b"\r\n\r\n") == HEAD + shown + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("kind", "secret", "shown"),
    [
        (
            b"application/sdp",
            b"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:32\r\n",
            b"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***|2^20|1:32\r\n",
        ),
        (b"application/sdp", b"v=0\r\nk=base64:c2VjcmV0\r\na=ice-pwd:pwpwpw\r\n", b"v=0\r\nk=***\r\na=ice-pwd:***\r\n"),
        (b"application/sdp", b"v=0\r\na=key-mgmt:mikey AQAFgM\r\n", b"v=0\r\na=key-mgmt:mikey ***\r\n"),
        (b"application/dtmf-relay", b"Signal= 5\r\nDuration= 160\r\n", b"Signal= ***\r\nDuration= 160\r\n"),
        (b"application/dtmf", b"7", b"***"),
        (b"application/kpml-response+xml", b'<kpml-response digits="4711"/>', b'<kpml-response digits="***"/>'),
        (b"message/sipfrag", b"SIP/2.0 200 OK\r\nAuthorization: Bearer abc\r\n", b"SIP/2.0 200 OK\r\nAuthorization: Bearer ***\r\n"),
    ],
)
def test_a_secret_in_a_body_is_masked(kind: bytes, secret: bytes, shown: bytes) -> None:
    head = HEAD + b"Content-Type: " + kind + b"\r\n\r\n"
    assert mask(head + secret) == head + shown


def test_a_compact_content_type_says_that_digits_follow() -> None:
    assert mask(b"INFO sip:a@b SIP/2.0\r\nc: application/dtmf\r\n\r\n#") == b"INFO sip:a@b SIP/2.0\r\nc: application/dtmf\r\n\r\n***"


def test_what_holds_no_secret_stays_as_it_is() -> None:
    plain = HEAD + b"Accept: */*, application/*\r\nContact: <sip:*1@192.0.2.1:5060>\r\n\r\nv=0\r\na=fingerprint:sha-256 AB:CD\r\n"
    assert mask(plain) == plain


def test_numbers_keep_their_last_two_digits_where_they_are_masked() -> None:
    masked = mask(b"INVITE sip:+4930123456@h SIP/2.0\r\nFrom: <tel:030-99887;x=1>\r\nTo: <sip:anna@h>\r\n\r\n", numbers=True)
    assert masked == b"INVITE sip:+xxxxxxxx56@h SIP/2.0\r\nFrom: <tel:xxx-xxx87;x=1>\r\nTo: <sip:anna@h>\r\n\r\n"


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\xff\xfe*\x00:*a*", b"Authorization", b"inline:", b"a" * 70_000])
def test_any_octets_can_be_masked(data: bytes) -> None:
    assert isinstance(mask(data, numbers=True), bytes)
