"""What is too long or too many is refused as the RFCs want it; what just fits is not. And no value of ours can hold another header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.bounds import MOST
from sip.errors import SipError
from sip.message import LONGEST_BODY, LONGEST_HEAD, LONGEST_LINE, MOST_HEADERS, Request, Response
from sip.session.core import display_address
from sip.transport.flow import Flow
from sip.transport.framing import Framer
from sip.uri import LONGEST, Uri
from sip.useragent import Invitation, OutsideRequest
from tests.sip.network import BOB, OFFER, Network
from tests.sip.peer import PEER, SDP_OFFER, Peer, statuses


def options(*headers: str, uri: str = "sip:bob@192.0.2.2", transport: str = "udp") -> list[int]:
    return statuses(Peer(Network(transport=transport)).say("OPTIONS", uri=uri, headers=headers))


def listed(name: str, count: int) -> tuple[str, ...]:
    """So many values of a header, on two lines."""
    value = {
        "Via": "SIP/2.0/UDP h{};branch=z9hG4bK{}",
        "Require": "100rel",
        "Supported": "x{}{}",
    }.get(name, "<sip:h{};lr>")
    own = {"Via": 1, "Contact": 1}.get(name, 0)
    values = [value.format(number, number) for number in range(count - own)]
    return (f"{name}: {values[0]}", f"{name}: {','.join(values[1:])}")


@pytest.mark.parametrize("name", list(MOST))
def test_a_list_is_bounded(name: str) -> None:
    assert options(*listed(name, MOST[name])) == [200]
    assert options(*listed(name, MOST[name] + 1)) == [400]


def test_commas_inside_quotes_are_no_values() -> None:
    assert options(f'Contact: "{"," * 200}" <sip:a@h>') == [200]


def test_the_number_of_headers_is_bounded() -> None:
    usual = 8
    assert options(*[f"X-{number}: a" for number in range(MOST_HEADERS - 1 - usual)]) == [200]
    assert options(*[f"X-{number}: a" for number in range(MOST_HEADERS)]) == [400]


def test_the_length_of_a_line_is_bounded() -> None:
    assert options("X: " + "a" * (LONGEST_LINE - 3)) == [200]
    assert options("X: " + "a" * LONGEST_LINE) == [400]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_head_beyond_bounds_gets_no_answer(transport: str) -> None:
    assert options(*[f"X-{number}: {'a' * 1000}" for number in range(LONGEST_HEAD // 1000 + 1)], transport=transport) == []


def test_the_length_of_the_request_uri_is_bounded() -> None:
    assert options(uri="sip:" + "a" * (LONGEST - 6) + "@h") == [200]
    assert options(uri="sip:" + "a" * LONGEST + "@h") == [414]


def test_a_body_that_is_announced_too_long_is_413_and_ends_the_stream() -> None:
    head = (
        b"MESSAGE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.77;branch=z9hG4bKlong\r\nFrom: <sip:a@h>;tag=1\r\n"
        b"To: <sip:bob@h>\r\nCall-ID: long\r\nCSeq: 1 MESSAGE\r\nContent-Length: %d\r\n\r\n" % (LONGEST_BODY + 1)
    )
    framer, peer = Framer(), Peer(Network(transport="tcp"))
    (message,) = framer.feed(head)
    assert framer.broken == "body_too_long"
    assert statuses(peer.send(message)) == [413]


def test_parts_inside_parts_are_not_looked_into() -> None:
    inner = b"--b2\r\nContent-Type: application/sdp\r\n\r\n" + SDP_OFFER + b"\r\n--b2--"
    body = b"--b1\r\nContent-Type: multipart/alternative;boundary=b2\r\n\r\n" + inner + b"\r\n--b1--\r\n"
    peer = Peer()
    assert statuses(peer.say("INVITE", headers=('Content-Type: multipart/mixed;boundary="b1"',), body=body)) == [415]


@pytest.mark.parametrize("text", ["(" * 2000 + ")" * 2000, "\\" * 4000, '"' * 4001])
def test_nested_comments_cost_nothing(text: str) -> None:
    assert options(f"User-Agent: {text}", f"Subject: {text}") == [200]


# -- header injection

EVIL = st.text(alphabet=st.sampled_from('ab:<>;,"\\ \t\r\n\0\x0b\x0c\x85\u2028é'), max_size=30)


def injected(data: bytes) -> bool:
    """Whether bytes hold a header that we did not make. A Route can be ours: a strict router puts the target there (§12.2.1.1)."""
    return any(line.lower().startswith((b"x-evil", b"record-route:")) for line in data.replace(b"\r", b"\n").split(b"\n"))


@given(EVIL, st.sampled_from(["name", "value", "reason", "uri"]))
def test_no_value_makes_another_line(text: str, where: str) -> None:
    evil = text + "\r\nX-Evil: 1"
    headers = [("Subject", "a"), (evil, "b") if where == "name" else ("X", evil)] if where in ("name", "value") else []
    request = Request("OPTIONS", evil if where == "uri" else "sip:a@h", headers)
    message = Response(486, headers, reason=evil) if where == "reason" else request
    with pytest.raises(SipError, match="line break"):
        message.serialize()


@given(EVIL)
def test_no_field_of_an_invitation_can_smuggle_in_a_header(text: str) -> None:
    evil = text + "\r\nX-Evil: 1"
    for field in ("request_uri", "from_uri", "to_uri", "from_display", "headers", "route"):
        peer = Peer()
        wishes = {"request_uri": "sip:a@192.0.2.77", "from_uri": "sip:b@h", "to_uri": "sip:a@h", "offer": OFFER}
        wishes |= {field: {"headers": (("Subject", evil),), "route": (f"<sip:{evil}>",)}.get(field, evil)}
        try:
            peer.bob.agent.invite(Invitation(flows=(Flow("udp", BOB, PEER),), **wishes), peer.network.now)  # type: ignore[arg-type]
        except SipError:
            assert peer.bob.agent.live_sessions == 0
        assert not any(injected(data) for data, _ in peer.bob.agent.outgoing())


@given(EVIL)
def test_no_field_of_a_request_outside_dialogs_can_smuggle_in_a_header(text: str) -> None:
    evil = text + "\r\nX-Evil: 1"
    for field in ("method", "request_uri", "from_uri", "to_uri", "from_display", "content_type", "call_id"):
        peer = Peer()
        wishes = {"method": "MESSAGE", "request_uri": "sip:a@192.0.2.77", "from_uri": "sip:b@h", "to_uri": "sip:a@h"} | {field: evil}
        try:
            asked = OutsideRequest(flows=(Flow("udp", BOB, PEER),), body=b"x", **wishes)  # type: ignore[arg-type]
            peer.bob.agent.request(asked, peer.network.now)
        except SipError:
            assert peer.bob.agent.outgoing() == []
        assert not any(injected(data) for data, _ in peer.bob.agent.outgoing())


@given(EVIL, st.sampled_from(["From", "To", "Call-ID", "Via", "Record-Route", "Contact", "Subject"]))
def test_what_a_request_says_is_never_a_header_of_its_answer(text: str, name: str) -> None:
    """Line ends inside a received header make two headers of it there already, or a broken message; our answer copies no more."""
    peer = Peer()
    peer.send(
        (
            f"OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\n"
            f"To: <sip:bob@h>\r\nCall-ID: inject\r\nCSeq: 1 OPTIONS\r\n{name}: {text}\r\n X-Evil: 1\r\n\r\n"
        ).encode()
    )
    assert not any(injected(carried.message.serialize()) for carried in peer.network.carried)


@given(st.text(max_size=40))
def test_a_display_name_is_one_line_that_reads_back(text: str) -> None:
    request = Request("OPTIONS", "sip:a@h", [("From", display_address(text, "sip:a@h"))])
    assert request.serialize().count(b"\r\n") == 4
    assert request.from_.uri == "sip:a@h"


@given(st.text(max_size=40))
def test_a_user_part_is_escaped_into_one_word(user: str) -> None:
    uri = str(Uri("sip", user, "h"))
    assert not set(uri) & set(' \r\n\t<>"')
    assert Uri.parse(uri) == Uri("sip", user, "h")
