"""Offers of every kind between SIPp and SIPp: each is answered as RFC 3264 and its company ask, and the call goes on."""

from pathlib import Path

import pytest

from tests.interop.conftest import Servers
from tests.interop.server import Server
from tests.interop.test_sipp import agent, customer, run

HERE = "c=IN IP[media_ip_type] [media_ip]"
CODECS = "a=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15"
AUDIO = f"m=audio [media_port] RTP/AVP 0 8 101\n{CODECS}\na=ptime:20"
TALKS = "m=audio [1-9][0-9]* RTP/AVP 0 101.*a=ptime:20.*a=sendrecv"
KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
CRYPTO = f"a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31"
FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(f"{byte:02X}" for byte in range(32))
OUR_KEY = "a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:[A-Za-z0-9+/]{40}"


def offer(*media: str, connection: str = HERE) -> str:
    """A session from its c= line on."""
    return "\n".join([connection, "t=0 0", *media])


USUAL = offer(AUDIO)

# what the customer offers second, what that must be answered with, and what the agent lives through meanwhile
CHANGES = {
    "hold by sendonly": (offer(AUDIO, "a=sendonly"), "a=(recvonly|inactive)", "agent_is_held_once"),
    "hold by inactive": (offer(AUDIO, "a=inactive"), "a=inactive", "agent_is_held_once"),
    "hold by zeros": (offer(AUDIO, connection="c=IN IP4 0.0.0.0"), "a=(recvonly|inactive)", "agent_is_held_once"),
    "hold by zeros of the line": (offer(AUDIO + "\nc=IN IP4 0.0.0.0"), "a=(recvonly|inactive)", "agent_is_held_once"),
    "hold by port zero": (offer(AUDIO.replace("[media_port]", "0")), "m=audio 0 RTP/AVP 0 8 101", "agent_is_held_once"),
    "another codec": (offer(AUDIO.replace("AVP 0 8", "AVP 8")), "m=audio [1-9][0-9]* RTP/AVP 8 101", "agent_answers"),
    "another port": (offer(AUDIO.replace("[media_port]", "[media_port+2]")), TALKS, "agent_answers"),
    "another packet time": (offer(AUDIO.replace("ptime:20", "ptime:40")), "a=ptime:40.*a=sendrecv", "agent_answers"),
    "video added": (offer(AUDIO, "m=video 40000 RTP/AVP 96 34", "a=rtpmap:96 H264/90000"), "m=video 0 RTP/AVP 96 34", "agent_answers"),
}

# what the customer offers first, and what that must be answered with by default
FIRST = {
    "several lines": (
        offer("m=video 40000 RTP/AVP 31", AUDIO, "m=audio 40002 RTP/AVP 8", "m=image 40004 udptl t38"),
        "m=video 0 RTP/AVP 31.*m=audio [1-9][0-9]* RTP/AVP 0 101.*m=audio 0 RTP/AVP 8.*m=image 0 UDPTL t38",
    ),
    "feedback profile": (offer(AUDIO.replace("AVP", "AVPF"), "a=rtcp-fb:* nack"), "m=audio [1-9][0-9]* RTP/AVPF 0 101"),
    "packet time at most": (offer(AUDIO, "a=maxptime:10"), "a=ptime:10"),
    "digits at a clock of their own": (offer(AUDIO.replace("event/8000", "event/48000")), "m=audio [1-9][0-9]* RTP/AVP 0[^ 0-9]"),
    "digits at two clocks": (
        offer(AUDIO.replace("8 101", "8 100 101"), "a=rtpmap:100 telephone-event/16000"),
        "m=audio [1-9][0-9]* RTP/AVP 0 101[^ 0-9].*a=rtpmap:101 telephone-event/8000",
    ),
    "one port for both": (offer(AUDIO, "a=rtcp-mux", "a=rtcp:40001"), "a=rtcp-mux"),
    "best effort": (offer(AUDIO, CRYPTO), TALKS),
    "secured line beside a plain one": (
        offer("m=audio 40002 RTP/SAVP 8", CRYPTO, AUDIO),
        "m=audio 0 RTP/SAVP 8.*m=audio [1-9][0-9]* RTP/AVP 0 101",
    ),
    "secured": (offer(AUDIO.replace("RTP/AVP", "RTP/SAVP"), CRYPTO), f"m=audio [1-9][0-9]* RTP/SAVP 0 101.*{OUR_KEY}"),
    "handshake": (
        offer(
            "a=group:BUNDLE 0 1",
            AUDIO.replace("RTP/AVP", "UDP/TLS/RTP/SAVPF"),
            *(FINGERPRINT, "a=setup:actpass", "a=mid:0", "a=rtcp-mux", "a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1"),
            *("m=video 9 UDP/TLS/RTP/SAVPF 96", FINGERPRINT, "a=setup:actpass", "a=mid:1", "a=rtcp-mux"),
        ),
        "a=group:BUNDLE 0.*a=ice-lite.*m=audio [1-9][0-9]* UDP/TLS/RTP/SAVPF 0 101.*a=mid:0.*a=rtcp-mux.*a=fingerprint:sha-256 .*"
        "a=setup:active.*a=ice-ufrag:.*a=candidate:.* typ host.*m=video 0 UDP/TLS/RTP/SAVPF 96.*a=mid:1",
    ),
}


def offers(first: str, answer: str, then: str = "", then_answer: str = "", last: str = "", last_answer: str = "") -> dict[str, str]:
    """The keys of ``customer_offers``; what is not said is said again."""
    return {
        "first_offer": first,
        "first_answer": answer,
        "then_offer": then or first,
        "then_answer": then_answer or answer,
        "last_offer": last or first,
        "last_answer": last_answer or answer,
    }


@pytest.mark.parametrize("change", CHANGES)
async def test_a_later_offer_is_answered_and_taken_back(server: Server, tmp_path: Path, change: str) -> None:
    then, answer, called = CHANGES[change]
    keys = offers(USUAL, TALKS, then, answer, USUAL, "a=sendrecv")
    await run(agent(server, tmp_path, called), customer(server, tmp_path, "customer_offers", keys=keys))


@pytest.mark.parametrize("kind", FIRST)
async def test_an_offer_is_answered_the_same_each_time(server: Server, tmp_path: Path, kind: str) -> None:
    first, answer = FIRST[kind]
    await run(agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, "customer_offers", keys=offers(first, answer)))


async def test_offers_survive_lost_messages(server: Server, tmp_path: Path) -> None:
    keys = offers(*FIRST["secured"])
    await run(
        agent(server, tmp_path, "agent_answers", calls=4, within=40),
        customer(server, tmp_path, "customer_offers", keys=keys, calls=4, options=("-lost", "5"), within=40),
        calls=4,
    )


@pytest.mark.parametrize("calling", ["customer_delayed_offer", "customer_asks_for_an_offer"])
async def test_a_delayed_offer_is_answered_in_the_ack(server: Server, tmp_path: Path, calling: str) -> None:
    await run(agent(server, tmp_path, "agent_answers"), customer(server, tmp_path, calling))


@pytest.mark.parametrize(
    "refused",
    [
        offer("m=audio [media_port] RTP/AVP 18", "a=rtpmap:18 G729/8000"),
        offer("m=video 40000 RTP/AVP 31"),
        offer("m=audio 0 RTP/AVP 0"),
        offer("m=audio [media_port] RTP/SAVP 0"),
        offer("m=audio [media_port] RTP/SAVP 0", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" + KEY),
        offer("m=audio [media_port] RTP/AVP 0", connection="c=IN IP4 224.2.1.1/127"),
    ],
    ids=["codec", "video alone", "switched off", "no key", "unknown suite", "multicast"],
)
async def test_what_cannot_be_agreed_on_is_488(server: Server, tmp_path: Path, refused: str) -> None:
    await run(customer(server, tmp_path, "customer_offer_is_refused", keys={"offer": refused}))


async def test_the_policy_refuse_takes_plain_packets_only(servers: Servers, tmp_path: Path) -> None:
    plain = servers(security="refuse")
    secured, _ = FIRST["secured"]
    await run(customer(plain, tmp_path / "secured", "customer_offer_is_refused", keys={"offer": secured}))
    best_effort, answer = FIRST["best effort"]
    await run(
        agent(plain, tmp_path, "agent_answers"),
        customer(plain, tmp_path / "best effort", "customer_offers", keys=offers(best_effort, answer)),
    )


# what an agent is offered under a policy, and what he may answer
OFFERED = "m=audio [1-9][0-9]* {profile} 0 8 96 9 101 97.*a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:[A-Za-z0-9+/]{{40}}"
ANSWERED = f"m=audio [media_port] {{profile}} 0 101\na=rtpmap:101 telephone-event/8000\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
AGREED = {
    "prefer, keys": ("prefer", "RTP/AVP", offer(ANSWERED.format(profile="RTP/AVP"))),
    "prefer, plain": ("prefer", "RTP/AVP", USUAL),
    "require, keys": ("require", "RTP/SAVP", offer(ANSWERED.format(profile="RTP/SAVP"))),
}


@pytest.mark.parametrize("kind", AGREED)
async def test_the_policies_prefer_and_require_offer_keys_and_take_them(servers: Servers, tmp_path: Path, kind: str) -> None:
    policy, profile, answer = AGREED[kind]
    secure = servers(security=policy)
    first, _ = FIRST["best effort"]
    keys = {"offered": OFFERED.format(profile=profile), "answer": answer}
    await run(
        agent(secure, tmp_path, "agent_agrees", keys=keys),
        customer(secure, tmp_path, "customer_offers", keys=offers(first, f"m=audio [1-9][0-9]* RTP/AVP 0 101.*{OUR_KEY}")),
    )


async def test_an_agent_who_answers_a_secured_offer_in_the_clear_is_hung_up(servers: Servers, tmp_path: Path) -> None:
    secure = servers(security="require")
    keys = {"offered": OFFERED.format(profile="RTP/SAVP"), "answer": USUAL}
    first, _ = FIRST["best effort"]
    await run(
        agent(secure, tmp_path, "agent_agrees", keys=keys),
        customer(secure, tmp_path, "customer_calls_in_vain", keys={"offer": first, "status": "488"}),
    )
