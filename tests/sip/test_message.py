"""Messages: parsing what senders write, refusing what is none, writing what is safe."""

import contextlib
import time

import pytest

from sip.errors import ParseError, UnsafeValue, UnsupportedScheme, UnsupportedVersion
from sip.message import BrokenRequest, Request, Response, parse

INVITE = (
    b"INVITE sip:100@192.0.2.1:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.2:5061;branch=z9hG4bK-1234-1-0;rport\r\n"
    b"From: sipp <sip:sipp@192.0.2.2:5061>;tag=1234SIPpTag001\r\n"
    b"To: service <sip:100@192.0.2.1:5060>\r\n"
    b"Call-ID: 1-1234@192.0.2.2\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: sip:sipp@192.0.2.2:5061\r\n"
    b"Max-Forwards: 70\r\n"
    b"Subject: Performance Test\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)


def invite(**changes: str) -> bytes:
    """The INVITE with header lines replaced; an empty value takes the line out."""
    head, _, body = INVITE.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    for name, value in changes.items():
        key = name.replace("_", "-").lower()
        kept = [line for line in lines if line.partition(":")[0].lower() != key]
        lines = [*kept, f"{name.replace('_', '-')}: {value}"] if value else kept
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_a_request_is_read() -> None:
    message = parse(INVITE)
    assert isinstance(message, Request)
    assert (message.method, message.request_uri.user, message.request_uri.hostport) == ("INVITE", "100", ("192.0.2.1", 5060))
    assert (message.via.transport, message.via.sent_by, message.via.branch) == ("UDP", ("192.0.2.2", 5061), "z9hG4bK-1234-1-0")
    assert (message.from_.display, message.from_.tag, message.to.tag) == ("sipp", "1234SIPpTag001", "")
    assert (message.call_id, message.cseq.number, message.max_forwards) == ("1-1234@192.0.2.2", 1, 70)
    assert [contact.uri for contact in message.contacts] == ["sip:sipp@192.0.2.2:5061"]
    assert (message.header("subject"), message.header("s"), message.body) == ("Performance Test", "Performance Test", b"v=0\n")


def test_a_response_is_read() -> None:
    message = parse(INVITE.replace(b"INVITE sip:100@192.0.2.1:5060 SIP/2.0", b"SIP/2.0 183 In the  works", 1))
    assert isinstance(message, Response)
    assert (message.status, message.reason) == (183, "In the  works")


def test_what_is_written_is_what_was_read() -> None:
    assert parse(parse(INVITE).serialize()).serialize() == parse(INVITE).serialize()


def test_compact_and_odd_names_mean_the_same() -> None:
    short = INVITE.replace(b"Via:", b"v :").replace(b"From:", b"F:").replace(b"Call-ID:", b"i\t:").replace(b"CSeq", b"cSEQ")
    assert parse(short).serialize() == parse(INVITE).serialize()


def test_a_folded_line_is_found_whatever_it_begins_with() -> None:
    folded = INVITE.replace(b"Subject: Performance Test", "Subject: Performance\r\n \U0010ffff".encode())
    assert parse(folded).values("Subject") == ("Performance \U0010ffff",)
    assert len(parse(folded).headers) == len(parse(INVITE).headers)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_line_ends_of_both_kinds_read_the_same(line_end: bytes) -> None:
    mixed = INVITE.replace(b"\r\nSubject", line_end + b"Subject")
    assert parse(mixed).headers == parse(INVITE).headers


@pytest.mark.parametrize(
    ("value", "display", "uri", "tag"),
    [
        ('"Bob" <sip:b@h>;tag=1', "Bob", "sip:b@h", "1"),
        ('"Bob"<sip:b@h>;tag=1', "Bob", "sip:b@h", "1"),
        ('"" <sip:b@h>;tag=1', "", "sip:b@h", "1"),
        ('"B\\"ob" <sip:b@h>;tag=1', 'B"ob', "sip:b@h", "1"),
        ('"<Bob>" <sip:b@h>;tag=1', "<Bob>", "sip:b@h", "1"),
        ("<sip:b@h>;TAG=1", "", "sip:b@h", "1"),
        ("<sip:b@h> ; tag = 1", "", "sip:b@h", "1"),
        ("<sip:b@h;x=1>;other;tag=1", "", "sip:b@h;x=1", "1"),
        ('<sip:b@h>;tag="1"', "", "sip:b@h", "1"),
        ("<sip:b@h>;tag=", "", "sip:b@h", ""),
        ("< sip:b@h >;tag=1", "", "sip:b@h", "1"),
        ("sip:b@h;tag=1", "", "sip:b@h", "1"),
    ],
)
def test_an_address_reads_the_same_however_it_is_written(value: str, display: str, uri: str, tag: str) -> None:
    address = parse(invite(From=value)).from_
    assert (address.display, address.uri, address.tag) == (display, uri, tag)


@pytest.mark.parametrize("hostile", ["<" + ":" * 30_000, "<a:" + "b" * 30_000, '"' + "a" * 30_000, "<" * 30_000, "<a:b>" + ";tag" * 7_000])
def test_no_address_is_slow_to_read(hostile: str) -> None:
    began = time.process_time()
    with contextlib.suppress(ParseError):
        parse(invite(From=hostile))
    assert time.process_time() - began < 0.5


def test_folded_lines_are_one() -> None:
    folded = INVITE.replace(b"Subject: Performance Test", b"Subject: Performance\r\n\t  Test")
    assert parse(folded).header("Subject") == "Performance Test"


def test_octets_after_the_body_are_left_out() -> None:
    assert parse(INVITE + b"INVITE sip:x SIP/2.0\r\n\r\n").body == b"v=0\n"


def test_lists_are_cut_at_the_right_commas() -> None:
    message = parse(invite(Contact='"a, b" <sip:a@h;x=1,2>, <sip:b@h>;q=0.1', Route="<sip:r1;lr>,<sip:r2;lr>"))
    assert [(contact.display, contact.uri) for contact in message.contacts] == [("a, b", "sip:a@h;x=1,2"), ("", "sip:b@h")]
    assert message.items("Route") == ["<sip:r1;lr>", "<sip:r2;lr>"]


def test_bytes_that_are_not_text_are_kept_for_the_wire_and_cleaned_for_readers() -> None:
    message = parse(INVITE.replace(b"Performance Test", b"caf\xe9"))
    assert message.header("Subject") == "caf\ufffd"
    assert b"Subject: caf\xe9\r\n" in message.serialize()


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call_ID", "CSeq"])
def test_a_request_without_a_needed_header_can_still_be_answered(name: str) -> None:
    with pytest.raises(BrokenRequest) as caught:
        parse(invite(**{name: ""}))
    assert caught.value.status == 400
    assert caught.value.request.method == "INVITE"


@pytest.mark.parametrize(
    "changes",
    [
        {"Content_Length": "-1"},
        {"Content_Length": "5"},
        {"Content_Length": "1e3"},
        {"Content_Length": "99999999999999999999"},
        {"CSeq": "2147483648 INVITE"},
        {"CSeq": "1 OPTIONS"},
        {"CSeq": "one INVITE"},
        {"Max_Forwards": "256"},
        {"Max_Forwards": "-1"},
        {"Via": "SIP/2.0/UDP 192.0.2.2;;branch=z9hG4bK1"},
        {"Via": "SIP/2.0/UDP"},
        {"Via": "HTTP/1.1/UDP 192.0.2.2"},
        {"Via": "SIP/2.0/UDP 192.0.2.2:99999"},
        {"To": '"Open <sip:a@h>'},
        {"To": "<sip:a@h"},
        {"From": "nobody"},
    ],
)
def test_a_wrong_header_is_a_bad_request(changes: dict[str, str]) -> None:
    with pytest.raises(BrokenRequest) as caught:
        parse(invite(**changes))
    assert caught.value.status == 400


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Max-Forwards"])
def test_what_may_stand_once_may_not_stand_twice(name: str) -> None:
    line = next(line for line in INVITE.split(b"\r\n") if line.lower().startswith(name.lower().encode()))
    with pytest.raises(BrokenRequest):
        parse(INVITE.replace(line, line + b"\r\n" + line))


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"INVITE sip:a@h SIP/3.0", 505),
        (b"INVITE unknown:a SIP/2.0", 416),
        (b"INVITE <sip:a@h> SIP/2.0", 400),
        (b"INVITE sip:a@h;a b SIP/2.0", 400),
        (b"INVITE sip:a@ SIP/2.0", 400),
        (b"INVITE sip:2001:db8::1 SIP/2.0", 400),
    ],
)
def test_a_wrong_start_line_gets_its_own_answer(start: bytes, status: int) -> None:
    with pytest.raises(BrokenRequest) as caught:
        parse(INVITE.replace(b"INVITE sip:100@192.0.2.1:5060 SIP/2.0", start, 1))
    assert caught.value.status == status


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\r\n\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"SIP/2.0 99 X\r\n\r\n", b"SIP/2.0 700 X\r\n\r\n", b"\x80" * 100]
)
def test_what_is_no_sip_cannot_be_answered(data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        parse(data)
    assert not isinstance(caught.value, BrokenRequest)


def test_a_head_is_bounded_in_length_and_number() -> None:
    with pytest.raises(ParseError, match="at most"):
        parse(INVITE.replace(b"Subject:", b"X: " + b"y" * 40_000 + b"\r\nSubject:"))
    with pytest.raises(BrokenRequest, match="at most"):
        parse(INVITE.replace(b"Subject:", b"X: y\r\n" * 300 + b"Subject:"))


def test_a_carriage_return_inside_a_line_is_refused_and_never_copied() -> None:
    with pytest.raises(BrokenRequest) as caught:
        parse(INVITE.replace(b"Performance Test", b"a\rVia: x"))
    assert all("\r" not in value for _, value in caught.value.request.headers)


@pytest.mark.parametrize(
    "message",
    [
        Request("INVITE", "sip:a@h\r\nX: y", []),
        Request("INVITE", "sip:a@h", [("Subject", "a\r\nX: y")]),
        Request("INVITE", "sip:a@h", [("Sub\nject", "a")]),
        Response(200, [], b"", "OK\r\nX: y"),
    ],
)
def test_line_breaks_are_never_written(message: Request | Response) -> None:
    with pytest.raises(UnsafeValue):
        message.serialize()


def test_hostile_lines_are_read_in_linear_time() -> None:
    started = time.process_time()
    for filler in (b'"' * 20_000, b"\\" * 20_000, b"<" * 20_000, b";" * 20_000, b"," * 20_000, b'"\\' * 10_000, b"=" * 20_000):
        for name in (b"Via: SIP/2.0/UDP h;a=", b"From: ", b"Contact: ", b"Route: "):
            try:
                parse(INVITE.replace(b"Subject:", name + filler + b"\r\nSubject:")).items("Contact")
            except ParseError:
                continue
    assert time.process_time() - started < 2.0


def test_errors_know_their_status() -> None:
    assert (ParseError.status, UnsupportedVersion.status, UnsupportedScheme.status) == (400, 505, 416)
