"""Whatever arrives: the parser raises its documented errors only, and a user agent answers, drops and counts, but never raises."""

import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip.errors import ParseError
from sip.events import Event, InviteReceived, OfferReceived, ReferReceived, SubscribeReceived
from sip.headers import parse_address, parse_cseq, parse_list, parse_parameters, parse_via
from sip.message import LONGEST_BODY, Request, parse
from sip.subscription.settings import EventPackage, SubscriptionSettings
from sip.transport.flow import Flow
from sip.transport.framing import Framer
from sip.uri import Uri
from sip.useragent import Invitation, UserAgent, UserAgentSettings
from tests.sip.network import ANSWER, OFFER, ha1_of, seeded_entropy

US, THEM = ("192.0.2.2", 5060), ("192.0.2.77", 5070)
BODY = OFFER.serialize()
SUBSCRIPTIONS = SubscriptionSettings((EventPackage("dialog", "application/dialog-info+xml"),), most=10, interval=0.3)

PIECES = st.sampled_from(
    [
        "sip:",
        "a@b",
        "<",
        ">",
        '"',
        "\\",
        ";",
        "=",
        ",",
        "tag",
        "branch=z9hG4bK",
        " ",
        "\t",
        "SIP/2.0/UDP",
        "[",
        "]",
        "::",
        ":",
        "%",
        "%0a",
        "ä",
        "\udc80",
    ]
)
TEXT = st.lists(PIECES | st.text(max_size=4), max_size=24).map("".join)


@given(TEXT)
@pytest.mark.parametrize(
    "read", [parse_via, parse_cseq, parse_address, parse_parameters, parse_list, Uri.parse], ids=lambda read: str(read.__qualname__)
)
def test_header_readers_raise_parse_errors_only(read: object, text: str) -> None:
    assert callable(read)
    with suppress(ParseError):
        read(text)


@given(TEXT.filter(lambda text: "\n" not in text))
def test_a_uri_that_was_read_can_be_written_and_read_again(text: str) -> None:
    try:
        uri = Uri.parse("sip:" + text)
    except ParseError:
        return
    assert Uri.parse(str(uri)) == uri


MORE = {
    "INVITE": ("Replaces: call1;to-tag=0000000000000004;from-tag=t1;early-only",),
    "REFER": (
        "Refer-To: <sip:c@192.0.2.3;method=INVITE?Replaces=call1%40x%3Bto-tag%3Da%3Bfrom-tag%3Db&X=y>",
        'Referred-By: "P" <sip:peer@192.0.2.77>;cid=1@x',
        "Refer-Sub: true",
    ),
    "SUBSCRIBE": ("Event: dialog;id=7", "Expires: 600", "Accept: application/dialog-info+xml, */*;q=0.1"),
}


def a_request(method: str, number: int) -> bytes:
    """A good request that touches a call named by a small number, so that what is mutated meets live state."""
    lines = [
        f"{method} sip:bob@192.0.2.2 SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.77:5070;rport;branch=z9hG4bK{method}{number % 7}",
        f"From: <sip:peer@192.0.2.77>;tag=t{number % 3}",
        "To: <sip:bob@192.0.2.2>" + (f";tag={number % 5:016x}" if number % 4 == 0 else ""),
        f"Call-ID: call{number % 3}",
        f"CSeq: {number % 11} {method}",
        "Contact: <sip:peer@192.0.2.77:5070>",
        "Max-Forwards: 70",
        "Record-Route: <sip:192.0.2.77;lr>, <sip:192.0.2.78>",
        'Authorization: Digest username="alice", realm="mediaserver", nonce="0", uri="sip:b", response="1"',
        *MORE.get(method, ()),
        "Content-Type: application/sdp",
        f"Content-Length: {len(BODY)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + BODY


def mutated(data: bytes, seed: int, times: int) -> bytes:
    """Cut, doubled, swapped and overwritten in a few places."""
    source = random.Random(seed)
    buffer = bytearray(data)
    for _ in range(times):
        at, width = source.randrange(len(buffer) + 1), source.randrange(12)
        match source.randrange(5):
            case 0:
                del buffer[at : at + width]
            case 1:
                buffer[at:at] = buffer[at : at + width * 4]
            case 2:
                buffer[at:at] = source.choice([b"\r\n", b"\n", b"\r", b'"', b"<", b",", b";", b"\0", b"\xff", b" ", b":", b"%", b"\r\n "])
            case 3:
                buffer[at : at + 1] = bytes([source.randrange(256)])
            case _:
                buffer[at:at] = source.randbytes(width)
        if not buffer:
            buffer = bytearray(b"x")
    return bytes(buffer)


METHODS = st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "UPDATE", "REFER", "SUBSCRIBE", "FOO"])
MUTATED = st.builds(mutated, st.builds(a_request, METHODS, st.integers(0, 999)), st.integers(0, 2**32), st.integers(0, 6))


@given(MUTATED | st.binary(max_size=300))
@settings(max_examples=300)
def test_the_parser_raises_parse_errors_only_and_what_it_takes_can_be_sent(data: bytes) -> None:
    try:
        message = parse(data)
    except ParseError:
        return
    again = parse(message.serialize())
    assert [header for header in again.headers if header[0] != "Content-Length"] == [
        header for header in message.headers if header[0] != "Content-Length"
    ]
    assert again.body == message.body
    assert again.start_line() == message.start_line()
    _ = message.header("Subject"), message.via.sent_by, message.from_.tag


class Owner:
    """Reacts to events at random, and answers our own requests at random, so that all states are met."""

    def __init__(self, seed: int, transport: str) -> None:
        self.random = random.Random(seed)
        self.agent = UserAgent(UserAgentSettings(max_dialogs=20, subscriptions=SUBSCRIPTIONS), ha1_of=ha1_of, entropy=seeded_entropy(seed))
        self.flow = Flow(transport, US, THEM)
        self.now = 1.0
        self.sessions = [0]
        self.subscriptions = [0]
        self.refers = [0]

    def take(self, data: bytes) -> None:
        self.agent.receive(data, self.flow, self.now)
        self.settle()

    def settle(self) -> None:
        for event in self.agent.events():
            self.react(event)
        for data, _ in self.agent.outgoing():
            # An answer to something broken copies what is broken; what we say of ourselves is always right.
            message = None if data.startswith(b"SIP/2.0 ") else parse(data)
            if isinstance(message, Request) and message.method != "ACK" and self.random.random() < 0.7:
                self.agent.receive(
                    mutated(self.answer_to(message), self.random.randrange(2**32), self.random.choice([0, 0, 1, 3])), self.flow, self.now
                )

    def answer_to(self, request: Request) -> bytes:
        status = self.random.choice([100, 180, 200, 200, 302, 401, 407, 408, 481, 486, 487, 491, 503])
        keep = [f"{name}: {value}" for name, value in request.headers if name in ("Via", "From", "Call-ID", "CSeq")]
        to = f"To: {request.values('To')[0]};tag=x{self.random.randrange(3)}"
        challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", stale=true, qop="auth"'
        rest = [
            "Contact: <sip:p@192.0.2.77>;q=0.5",
            'Record-Route: "x" <sip:192.0.2.77;lr>',
            'Content-Type: application/sdp;a="b"',
            "Retry-After: 5",
        ]
        lines = [f"SIP/2.0 {status} X", *keep, to, challenge, *rest, f"Content-Length: {len(BODY)}"]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + BODY

    def react(self, event: Event) -> None:
        if isinstance(event, InviteReceived | OfferReceived):
            self.sessions.append(event.session)
        elif isinstance(event, SubscribeReceived):
            self.subscriptions.append(event.subscription)
        elif isinstance(event, ReferReceived):
            self.refers.append(event.refer)

    def act(self) -> None:
        """Do something that an owner may do."""
        agent, now, session = self.agent, self.now, self.random.choice(self.sessions[-8:])
        subscription, refer = self.random.choice(self.subscriptions[-8:]), self.random.choice(self.refers[-4:])
        match self.random.randrange(18):
            case 0:
                agent.accept(session, ANSWER, now)
            case 1:
                agent.reject(session, 486, now)
            case 2:
                agent.progress(session, 183, now, description=ANSWER)
            case 3:
                agent.end(session, now)
            case 4:
                agent.reoffer(session, OFFER, now)
            case 5:
                agent.challenge(session, now)
            case 6:
                agent.info(session, "application/dtmf", b"1", now)
            case 7:
                agent.acknowledge(session, ANSWER, now)
            case 8:
                agent.flow_lost(self.flow, now)
            case 9:
                agent.accept_subscription(subscription, 300, now)
            case 10:
                agent.notify(subscription, "application/dialog-info+xml", b"<x/>", now)
            case 11:
                agent.reject_subscription(subscription, 404, now)
            case 12:
                agent.end_subscription(subscription, "noresource", now)
            case 13:
                agent.challenge_subscription(subscription, now)
            case 14:
                agent.accept_refer(session, refer, now)
            case 15:
                agent.notify_refer(session, refer, self.random.choice([180, 200, 486]), now)
            case 16:
                agent.reject_refer(session, refer, 603, now)
            case _:
                self.sessions.append(
                    agent.invite(Invitation("sip:p@192.0.2.77", "sip:b@h", "sip:p@h", (self.flow,), OFFER, user="u", secret="s"), now)
                )
        self.settle()

    def run_out(self) -> None:
        """Let every timer fire."""
        for session in self.sessions:
            self.agent.end(session, self.now)
        self.random.random = lambda: 1.0  # type: ignore[method-assign]
        self.settle()
        while (due := self.agent.next_timer()) is not None:
            self.now = max(due, self.now)
            self.agent.handle_timer(self.now)
            self.settle()


@given(st.lists(MUTATED, max_size=25), st.integers(0, 2**32), st.sampled_from(["udp", "tcp"]))
@settings(max_examples=150, deadline=None)
def test_a_user_agent_never_raises_and_holds_nothing_in_the_end(messages: list[bytes], seed: int, transport: str) -> None:
    owner = Owner(seed, transport)
    for message in messages:
        owner.take(message)
        owner.act()
        owner.now += owner.random.choice([0.0, 0.01, 0.6, 5.0])
        owner.agent.handle_timer(owner.now)
        owner.settle()
    owner.run_out()
    assert owner.agent.live_sessions == 0
    assert owner.agent.leftovers() == 0
    assert owner.agent.in_hand == 0


@given(st.lists(MUTATED | st.binary(max_size=60) | st.just(b"\r\n\r\n"), max_size=8), st.randoms(use_true_random=False))
def test_a_stream_cut_anywhere_gives_the_same_messages(parts: list[bytes], source: random.Random) -> None:
    data = b"".join(parts)
    whole, pieces = Framer(), Framer()
    wanted = whole.feed(data)
    got: list[bytes] = []
    position = 0
    while position < len(data):
        width = source.randrange(1, 80)
        got += pieces.feed(data[position : position + width])
        position += width
    assert got == wanted
    assert (pieces.pings, pieces.broken, pieces.skipped) == (whole.pings, whole.broken, whole.skipped)
    assert all(len(message) <= LONGEST_BODY + 40_000 for message in got)
