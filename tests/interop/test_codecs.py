"""Codecs between SIPp and SIPp: the callers' reach the agent in their order, and what he takes is what the caller is answered with."""

from pathlib import Path

import pytest

from tests.interop.conftest import Servers
from tests.interop.server import Server
from tests.interop.test_offers import offer, offers
from tests.interop.test_sipp import agent, customer, run

EVERY = ("opus", "G722", "L16/16000", "PCMU", "PCMA")
RTPMAPS = {
    111: "opus/48000/2",
    96: "opus/48000/2",
    9: "G722/8000",
    97: "L16/16000",
    0: "PCMU/8000",
    110: "telephone-event/48000",
    99: "telephone-event/48000",
    101: "telephone-event/8000",
}
OURS = "minptime=10;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000"


@pytest.fixture(scope="module")
def wide(servers: Servers) -> Server:
    """A server that speaks every codec."""
    return servers(codecs=EVERY)


def speaking(*numbers: int, ptime_ms: int = 20, more: tuple[str, ...] = ()) -> str:
    """A session in these payload types."""
    formats = " ".join(map(str, numbers))
    rtpmaps = [f"a=rtpmap:{number} {RTPMAPS[number]}" for number in numbers]
    return offer(f"m=audio [media_port] RTP/AVP {formats}", *rtpmaps, *more, f"a=ptime:{ptime_ms}")


OPUS = speaking(111, 0, 110, 101, more=("a=fmtp:111 useinbandfec=1;stereo=0",))
WIDE = speaking(111, 9, 0, 101)
SLOW = speaking(111, ptime_ms=60)
SAMPLES = speaking(97, ptime_ms=60)

# what the customer offers, what the agent must find in our offer and answers with, what the customer must be answered with
CALLS = {
    "opus on both legs": (
        OPUS,
        f"RTP/AVP 96 0 .*a=rtpmap:96 opus/48000/2.*a=fmtp:96 {OURS}",
        speaking(96, 99),
        f"RTP/AVP 111 110[^ 0-9].*a=rtpmap:111 opus/48000/2.*a=fmtp:111 {OURS}.*a=rtpmap:110 telephone-event/48000",
    ),
    "G.722 on both legs": (WIDE, "a=rtpmap:9 G722/8000", speaking(9, 101), "RTP/AVP 9 101[^ 0-9].*a=rtpmap:9 G722/8000"),
    "the agent has G.711 alone": (WIDE, "a=rtpmap:0 PCMU/8000", speaking(0, 101), "RTP/AVP 0 101[^ 0-9]"),
    "opus to G.711": (speaking(111, 110), "RTP/AVP 96 9 ", speaking(0, 101), "RTP/AVP 111 110[^ 0-9].*a=rtpmap:111 opus"),
    "opus in packets of 60 ms": (SLOW, "a=ptime:60", speaking(96, ptime_ms=60), "a=ptime:60"),
    "samples in packets that fit": (SAMPLES, "L16/16000.*a=ptime:40.*a=maxptime:40", speaking(0), "a=ptime:40"),
}


@pytest.mark.parametrize("call", CALLS)
async def test_what_the_agent_takes_is_answered_to_the_customer(wide: Server, tmp_path: Path, call: str) -> None:
    offered, found, taken, answer = CALLS[call]
    keys = {"offered": found, "answer": taken}
    await run(agent(wide, tmp_path, "agent_agrees", keys=keys), customer(wide, tmp_path, "customer_offers", keys=offers(offered, answer)))


async def test_a_call_changes_from_opus_to_g711_and_back(wide: Server, tmp_path: Path) -> None:
    opus, plain = speaking(111, 110), speaking(0, 101)
    taken = {"offered": "a=rtpmap:96 opus/48000/2", "answer": speaking(96, 99)}
    told = offers(opus, "RTP/AVP 111 110[^ 0-9]", plain, "RTP/AVP 0 101[^ 0-9]", opus, "RTP/AVP 111 110[^ 0-9]")
    await run(agent(wide, tmp_path, "agent_agrees", keys=taken), customer(wide, tmp_path, "customer_offers", keys=told))
