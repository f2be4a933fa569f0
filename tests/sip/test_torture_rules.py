"""The rules of RFC 4475 and RFC 5118 in messages of our own, over UDP and TCP."""

import pytest

from sip.events import InviteReceived, Registered
from sip.message import LONGEST_HEAD
from tests.sip.network import BOB, Network
from tests.sip.peer import SDP_OFFER, Peer

VIA = "Via: SIP/2.0/UDP 192.0.2.77:5070;branch=z9hG4bKtorture"
FROM = "From: <sip:peer@example.com>;tag=77"
TO = "To: <sip:bob@example.com>"
CALL = "Call-ID: torture"


def message(start: str, *lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([start, *lines]).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def options(*lines: str, start: str = "OPTIONS sip:bob@example.com SIP/2.0", cseq: str = "CSeq: 1 OPTIONS") -> bytes:
    given = {line.partition(":")[0].strip().lower() for line in lines}
    usual = [line for line in (VIA, FROM, TO, CALL, cseq) if line.partition(":")[0].lower() not in given]
    return message(start, *usual, *lines)


def invite(*lines: str, start: str = "INVITE sip:bob@example.com SIP/2.0", length: int | None = None) -> bytes:
    given = {line.partition(":")[0].strip().lower() for line in lines}
    usual = (VIA, FROM, TO, CALL, "CSeq: 1 INVITE", "Contact: <sip:peer@192.0.2.77>", "Content-Type: application/sdp")
    kept = [line for line in usual if line.partition(":")[0].lower() not in given]
    return message(start, *kept, *lines, f"Content-Length: {len(SDP_OFFER) if length is None else length}", body=SDP_OFFER)


def answers(data: bytes, transport: str) -> tuple[Peer, list[int]]:
    """Statuses of what Bob answers to a message that came whole."""
    peer = Peer(Network(transport=transport))
    peer.bob.agent.receive(data, peer.flow, peer.network.now)
    peer.bob.told += peer.bob.agent.events()
    peer.bob.agent.handle_timer(peer.network.now + 0.05)
    return peer, [int(sent.split(b" ")[1]) for sent, _ in peer.bob.agent.outgoing()]


ANSWERED = {
    "tortuous but right": (
        invite(
            "TO :\r\n <sip:vivekg@example.com> ;   tag2    = 19",
            'from   : "J Rosenberg \\\\\\""       <sip:j@example.com>\r\n  ;\r\n  tag = 98asjd8',
            "MaX-fOrWaRdS: 0068",
            "Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw",
            "UnknownHeaderWithUnusualValue: ;;,,;;,;",
            'm:"Quoted string \\"\\"" <sip:j@example.com> ; newparam =\r\n newvalue ; secondparam ; q = 0.33',
        ),
        100,
    ),
    "escapes in URIs": (invite(start="INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0"), 100),
    "semicolons in the user": (options(start="OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"), 200),
    "no blank before the angle bracket": (options("From: caller<sip:caller@example.com>;tag=3"), 200),
    "many kinds of transport": (options(VIA, "Via: SIP/2.0/SCTP a;branch=z9hG4bK1, SIP/2.0/UNKNOWN b;branch=z9hG4bK2"), 200),
    "blanks between the start line's parts": (options(start="OPTIONS   sip:bob@example.com  SIP/2.0  "), 200),
    "a method of odd characters": (
        options(start="!odd-Method_*+`.%it'~ sip:bob@example.com SIP/2.0", cseq="CSeq: 1 !odd-Method_*+`.%it'~"),
        405,
    ),
    "an escaped method is another method": (options(start="RE%47ISTER sip:example.com SIP/2.0", cseq="CSeq: 1 RE%47ISTER"), 405),
    "an unknown method": (options(start="NEWMETHOD sip:bob@example.com SIP/2.0", cseq="CSeq: 1 NEWMETHOD"), 405),
    "an unknown authorization scheme": (
        options("Authorization: NoOneKnows x=y", start="REGISTER sip:example.com SIP/2.0", cseq="CSeq: 1 REGISTER"),
        401,
    ),
    "unknown schemes in From and To": (options("To: <isbn:2983792873>", "From: <http://www.example.com>;tag=3"), 200),
    "no hops left at the end": (options("Max-Forwards: 0"), 200),
    "RFC 2543": (invite("Via: SIP/2.0/UDP iftgw.example.com"), 100),
    "an IPv6 reference": (options(start="OPTIONS sip:[2001:db8::10] SIP/2.0"), 200),
    "a port that looks like an address": (options(start="OPTIONS sip:[2001:db8::10:5070] SIP/2.0"), 200),
    "three colons": (options("Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8:::192.0.2.1];branch=z9hG4bKas3"), 200),
    "received without brackets": (options("Via: SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3"), 200),
    "separators too many": (invite("Via: SIP/2.0/UDP 192.0.2.15;;,;,,"), 400),
    "empty parameters of a Contact": (invite('Contact: "Joe" <sip:joe@example.org>;;;;'), 400),
    "a negative length": (invite(length=-999), 400),
    "a length beyond the end": (invite(length=9999), 400),
    "a sequence number beyond bounds": (options("CSeq: 36893488147419103232 OPTIONS"), 400),
    "an open quote": (options('To: "Mr. J. User <sip:j.user@example.com>'), 400),
    "angle brackets around the Request-URI": (options(start="OPTIONS <sip:bob@example.com> SIP/2.0"), 400),
    "a blank inside the Request-URI": (options(start="OPTIONS sip:bob@example.com; lr SIP/2.0"), 400),
    "methods that differ": (options("CSeq: 8 INVITE"), 400),
    "several values where one may be": (options(CALL, "Call-ID: another", "From: <sip:x@h>;tag=1", "from: <sip:y@h>;tag=2"), 400),
    "several lengths": (options("Content-Length: 13", "Content-Length: 5"), 400),
    "no From, To, Call-ID": (message("OPTIONS sip:bob@example.com SIP/2.0", VIA, "CSeq: 1 OPTIONS"), 400),
    "IPv6 without brackets": (options(start="OPTIONS sip:2001:db8::10 SIP/2.0"), 400),
    "another version": (options(start="OPTIONS sip:bob@example.com SIP/7.0"), 505),
    "an unknown scheme": (options(start="OPTIONS nobodyKnowsThisScheme:totallyopaque SIP/2.0"), 416),
    "a scheme for something else": (options(start="OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"), 416),
    "extensions nobody knows": (options("Require: nothingSupportsThis, nothingSupportsThisEither"), 420),
    "a body of unknown type": (invite("Content-Type: application/unknownformat"), 415),
    "nothing acceptable": (invite("Accept: text/nobodyKnowsThis"), 406),
}

DROPPED = {
    "an unusual reason": message("SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое", VIA, FROM, TO, CALL, "CSeq: 35 INVITE"),
    "no reason": message("SIP/2.0 100 ", VIA, FROM, TO, CALL, "CSeq: 35 INVITE"),
    "a status beyond bounds": message("SIP/2.0 4294967301 better not", VIA, FROM, TO, CALL, "CSeq: 35 INVITE"),
    "scalars beyond bounds": message("SIP/2.0 503 X", VIA, FROM, TO, CALL, "CSeq: 9292394834772304023312 OPTIONS", "Retry-After: 9" * 30),
    "a broadcast Via": message(
        "SIP/2.0 200 OK", VIA, "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1", FROM, TO, CALL, "CSeq: 35 INVITE"
    ),
    "no SIP": b"\x00\x01\x02\x03",
    "an endless head": b"OPTIONS sip:a@h SIP/2.0\r\nX: " + b"y" * LONGEST_HEAD,
    "a broken ACK": message("ACK sip:bob@example.com SIP/2.0", VIA, "CSeq: nonsense"),
}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("name", ANSWERED)
def test_the_rule_has_its_answer(name: str, transport: str) -> None:
    data, status = ANSWERED[name]
    assert answers(data, transport)[1] == [status]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("name", DROPPED)
def test_the_rule_is_silence_and_a_count(name: str, transport: str) -> None:
    peer, statuses = answers(DROPPED[name], transport)
    assert statuses == []
    assert sum(count for reason, count in peer.bob.agent.counters.items() if reason.startswith("dropped_")) == 1


def test_a_second_message_in_one_datagram_is_not_looked_at() -> None:
    peer, statuses = answers(options("Content-Length: 0") + b"\r\n" + invite(), "udp")
    assert statuses == [200]
    assert peer.bob.told_of(InviteReceived) == []


def test_a_bad_request_says_what_was_wrong() -> None:
    peer = Peer()
    peer.bob.agent.receive(options("Max-Forwards: many"), peer.flow, peer.network.now)
    ((answer, _),) = peer.bob.agent.outgoing()
    assert b"Warning: 399 mediaserver \"Max-Forwards is 'many'; expected a number from 0 to 255\"" in answer


def test_the_unsupported_extensions_are_named() -> None:
    peer = Peer()
    peer.bob.agent.receive(options("Require: a, b"), peer.flow, peer.network.now)
    ((answer, _),) = peer.bob.agent.outgoing()
    assert b"\r\nUnsupported: a, b\r\n" in answer


def test_an_escaped_method_registers_nobody() -> None:
    peer, _ = answers(ANSWERED["an escaped method is another method"][0], "udp")
    assert peer.bob.told_of(Registered) == []


@pytest.mark.parametrize("name", ANSWERED)
def test_the_server_is_alive_and_holds_nothing_afterwards(name: str) -> None:
    peer, _ = answers(ANSWERED[name][0], "udp")
    for event in peer.bob.told_of(InviteReceived):
        peer.bob.agent.reject(event.session, 486, peer.network.now)
    agent = peer.bob.agent
    while (due := agent.next_timer()) is not None:
        agent.handle_timer(due)
    agent.outgoing()
    assert agent.leftovers() == 0
    agent.receive(options("Call-ID: probe"), peer.flow, 10_000.0)
    assert [flow.local for _, flow in agent.outgoing()] == [BOB]
