"""The bench's SIP phones, calling each other over loopback, and challenged by a registrar of the test's own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.generator.formats import FORMATS
from bench.generator.phones import digest
from bench.generator.phones.agent import Plan, UserAgent
from bench.generator.phones.asking import CallFailed, Credentials
from bench.generator.phones.description import Description, parse_description
from bench.generator.phones.dialog import Dialog
from bench.generator.phones.message import Message, NotSip, host_of, parameter, parse, user_of

CHALLENGE = 'Digest realm="r", nonce="n", algorithm={}, qop="auth"'


@asynccontextmanager
async def two_phones() -> AsyncIterator[tuple[UserAgent, UserAgent, list[Dialog]]]:
    """A caller, whose server is the other phone; and the calls that one has answered."""
    answering = await UserAgent.open("127.0.0.1", ("127.0.0.1", 9))
    calling = await UserAgent.open("127.0.0.1", ("127.0.0.1", answering.port))
    answered: list[Dialog] = []
    answering.on_call = lambda invite, offer: Plan(Description("127.0.0.1", 4000))
    answering.on_answered = lambda dialog, invite: answered.append(dialog)
    try:
        yield calling, answering, answered
    finally:
        calling.close()
        answering.close()


async def test_a_call_is_answered_acknowledged_and_hung_up() -> None:
    async with two_phones() as (calling, _, answered):
        dialog = await calling.invite("anna", "robert", Description("127.0.0.1", 4100))
        assert dialog.remote_media == ("127.0.0.1", 4000)
        await asyncio.wait_for(answered[0].acknowledged.wait(), 30)
        assert answered[0].remote_media == ("127.0.0.1", 4100)
        await dialog.bye()
        assert answered[0].ended.is_set()
        assert answered[0].ended_by_remote


async def test_the_one_who_was_called_may_hang_up() -> None:
    async with two_phones() as (calling, _, answered):
        dialog = await calling.invite("anna", "robert", Description("127.0.0.1", 4100))
        await asyncio.wait_for(answered[0].acknowledged.wait(), 30)
        await answered[0].bye()
        await asyncio.wait_for(dialog.ended.wait(), 30)


async def test_ringing_is_seen_before_the_answer() -> None:
    async with two_phones() as (calling, answering, _):
        answering.on_call = lambda invite, offer: Plan(Description("127.0.0.1", 4000), ring=0.05)
        dialog = await calling.invite("anna", "robert", Description("127.0.0.1", 4100))
        assert dialog.rang_at is not None
        assert dialog.answered_at is not None
        assert dialog.invited_at <= dialog.rang_at <= dialog.answered_at


async def test_a_refusal_is_raised_with_its_status() -> None:
    async with two_phones() as (calling, answering, _):
        answering.on_call = lambda invite, offer: Plan(None, status=486)
        with pytest.raises(CallFailed, match="486") as failure:
            await calling.invite("anna", "robert", Description("127.0.0.1", 4100))
        assert failure.value.status == 486


async def test_a_call_given_up_while_it_rings_is_cancelled() -> None:
    async with two_phones() as (calling, answering, answered):
        answering.on_call = lambda invite, offer: Plan(Description("127.0.0.1", 4000), ring=5)
        with pytest.raises(TimeoutError):
            await calling.invite("anna", "robert", Description("127.0.0.1", 4100), timeout=0.2)
        async with asyncio.timeout(30):
            while answering._ringing:
                await asyncio.sleep(0.01)
        assert answered == []


async def test_an_offer_inside_the_call_moves_the_media() -> None:
    async with two_phones() as (calling, answering, answered):
        moved: list[Dialog] = []
        answering.on_moved = moved.append
        dialog = await calling.invite("anna", "robert", Description("127.0.0.1", 4100))
        await calling.reinvite(dialog, Description("127.0.0.1", 4300, direction="sendonly"))
        assert moved == answered
        assert answered[0].remote_media == ("127.0.0.1", 4300)
        assert answered[0].ours.direction == "recvonly"
        assert dialog.theirs is not None
        assert dialog.theirs.direction == "recvonly"


async def test_info_inside_the_call_is_answered() -> None:
    async with two_phones() as (calling, _, _):
        dialog = await calling.invite("anna", "robert", Description("127.0.0.1", 4100))
        answer = await calling.info(dialog, "application/dtmf-relay", b"Signal=5\r\nDuration=100\r\n")
        assert answer.status == 200


class Registrar(asyncio.DatagramProtocol):
    """Challenges each first request and checks the second's digest by the phone's own arithmetic turned round."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self.lost = 1
        self.requests: list[Message] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        request = parse(data)
        if self.lost:
            self.lost -= 1
            return
        self.requests.append(request)
        authorised = "response=" in request.get("authorization")
        headers = [(name, value) for name, value in request.headers if name in {"via", "from", "to", "call-id", "cseq"}]
        if not authorised:
            headers.append(("www-authenticate", CHALLENGE.format(self.algorithm)))
        reply = Message(f"SIP/2.0 {'200 OK' if authorised else '401 Unauthorized'}", headers)
        self.transport.sendto(reply.encode(), source)  # type: ignore[attr-defined]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_a_phone_registers_with_digest_and_sends_a_lost_request_again(algorithm: str) -> None:
    loop = asyncio.get_running_loop()
    transport, registrar = await loop.create_datagram_endpoint(lambda: Registrar(algorithm), local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    phone = await UserAgent.open("127.0.0.1", ("127.0.0.1", port))
    await phone.register(Credentials("robert", "secret"))
    assert [request.sequence for request in registrar.requests] == [(1, "REGISTER"), (2, "REGISTER")]
    assert f"algorithm={algorithm}" in registrar.requests[1].get("authorization")
    assert f"robert@127.0.0.1:{phone.port}" in registrar.requests[1].get("contact")
    assert phone.retransmissions == 1
    phone.close()
    transport.close()


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_of_rfc_7616_section_3_9_1(algorithm: str, response: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda length: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    challenge = f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="{nonce}"'
    answer = digest.respond([challenge], method="GET", uri="/dir/index.html", user="Mufasa", secret="Circle of Life")
    assert f'response="{response}"' in answer


def test_the_stronger_challenge_is_answered_and_an_unknown_one_is_not() -> None:
    both = [CHALLENGE.format("MD5"), CHALLENGE.format("SHA-256")]
    assert "algorithm=SHA-256" in digest.respond(both, method="REGISTER", uri="sip:x", user="u", secret="s")
    with pytest.raises(ValueError, match="no digest challenge"):
        digest.respond([CHALLENGE.format("TOKEN")], method="REGISTER", uri="sip:x", user="u", secret="s")


def test_a_message_reads_back_as_it_was_written() -> None:
    headers = [("via", "SIP/2.0/UDP h:1;branch=z9hG4bKx"), ("call-id", "c"), ("cseq", "1 INVITE")]
    message = Message("INVITE sip:a@b SIP/2.0", headers, b"body")
    read = parse(message.encode())
    assert (read.method, read.uri, read.branch, read.sequence, read.body) == ("INVITE", "sip:a@b", "z9hG4bKx", (1, "INVITE"), b"body")


def test_compact_and_folded_headers_are_understood() -> None:
    read = parse(b"SIP/2.0 180 Ringing\r\nv: SIP/2.0/UDP h\r\nt: <sip:a@b>\r\n ;tag=9\r\n\r\n")
    assert read.status == 180
    assert read.reason == "Ringing"
    assert parameter(read.get("to"), "tag") == "9"


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"INVITE sip:a SIP/2.0\r\n"])
def test_what_is_no_sip_says_so(data: bytes) -> None:
    with pytest.raises(NotSip):
        parse(data)


def test_parts_of_a_uri() -> None:
    assert user_of("sip:*1robert@127.0.0.1:5062;transport=udp") == "*1robert"
    assert host_of("sip:*1robert@127.0.0.1:5062;transport=udp") == ("127.0.0.1", 5062)
    assert host_of("sip:127.0.0.1") == ("127.0.0.1", 5060)


def test_a_description_reads_back_and_is_answered_by_its_mirror() -> None:
    ours = Description("127.0.0.9", 4002, "PCMA", 96, "sendonly")
    read = parse_description(ours.encode())
    assert (read.remote, read.codec, read.digits, read.direction) == (("127.0.0.9", 4002), "PCMA", 96, "sendonly")
    answer = Description("127.0.0.1", 1).answering(read)
    assert (answer.codec, answer.digits, answer.direction) == ("PCMA", 96, "recvonly")


def test_a_description_without_a_codec_of_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="no audio line"):
        parse_description(b"v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n")


@pytest.mark.parametrize("codec", FORMATS)
def test_a_description_in_any_codec_is_read_as_it_was_written(codec: str) -> None:
    read = parse_description(Description("127.0.0.3", 4000, codec, digits=101).encode())
    assert (read.codec, read.payload_type, read.digits) == (codec, FORMATS[codec].payload_type, 101)


def test_an_answer_is_in_our_codec_under_the_offers_number() -> None:
    offer = parse_description(
        b"v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 0 98 100 99\r\na=rtpmap:98 opus/48000/2\r\n"
        b"a=rtpmap:100 telephone-event/8000\r\na=rtpmap:99 telephone-event/48000\r\n"
    )
    ours = Description("127.0.0.3", 4000, "opus").answering(offer)
    assert (ours.codec, ours.payload_type, ours.digits) == ("opus", 98, 99)
    other = Description("127.0.0.3", 4000, "G722").answering(offer)
    assert (other.codec, other.payload_type, other.digits) == ("PCMU", 0, 100)


@pytest.mark.parametrize(("codec", "digits"), [("opus", 99), ("PCMU", 100)])
async def test_a_phone_that_is_rung_presses_digits_under_the_number_beside_its_own_codec(codec: str, digits: int) -> None:
    offer = parse_description(
        b"v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP 98 0 100 99\r\na=rtpmap:98 opus/48000/2\r\n"
        b"a=rtpmap:100 telephone-event/8000\r\na=rtpmap:99 telephone-event/48000\r\n"
    )
    phones = await UserAgent.open("127.0.0.3", ("127.0.0.4", 5060))
    ours = Description("127.0.0.3", 4000, codec).answering(offer)
    dialog = Dialog(phones, "call", "sip:us@127.0.0.3", "sip:them@127.0.0.4", "sip:them@127.0.0.4", ours, offer)
    phones.close()
    assert (dialog.codec, dialog.digits, ours.digits) == (codec, digits, digits)
