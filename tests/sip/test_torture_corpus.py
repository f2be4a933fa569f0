"""The torture messages of RFC 4475 and RFC 5118, each with its verdict, over UDP and TCP; read where they lie, when they lie there.

`tests/sip/test_torture_rules.py` has messages of our own for the same rules, which run everywhere.
"""

import json
from typing import Any

import pytest

from sip.events import InviteReceived
from sip.transport.flow import Flow
from sip.transport.framing import Framer
from sip.useragent import UserAgent, UserAgentSettings
from tests.sip.corpus import CORPUS, INDEX
from tests.sip.network import ANSWER, ha1_of, seeded_entropy

MESSAGES: list[dict[str, Any]] = json.loads(INDEX.read_text())["messages"]

NEVER_COMPLETE_ON_TCP = {"clerr", "baddn", "test"}
"""Their Content-Length is longer than they are, or their empty line is missing: a stream waits for the rest."""


def judge(entry: dict[str, Any], answers: list[int]) -> bool:
    """Whether final answers are as the verdict wants them."""
    wanted, silence_ok = entry["expect"]["status"], entry["expect"]["silence_ok"]
    if entry["verdict"] == "discard":
        return not answers
    if not answers:
        return bool(silence_ok)
    if wanted is not None:
        return answers[0] in wanted
    return entry["verdict"] != "accept" or answers[0] not in (400, 500, 505)


class Server:
    """A user agent that accepts every INVITE."""

    def __init__(self, transport: str) -> None:
        self.agent = UserAgent(UserAgentSettings(), ha1_of=ha1_of, entropy=seeded_entropy(7))
        self.flow = Flow(transport, ("192.0.2.1", 5060), ("192.0.2.99", 5060))
        self.framer = Framer()
        self.now = 1.0

    def answers_to(self, data: bytes) -> list[int]:
        """The status of every final answer to what one sender sent."""
        for message in [data] if self.flow.transport == "udp" else self.framer.feed(data):
            self.agent.receive(message, self.flow, self.now)
        for event in self.agent.events():
            if isinstance(event, InviteReceived):
                self.agent.accept(event.session, ANSWER, self.now)
        sent = [data.split(b" ") for data, _ in self.agent.outgoing()]
        return [int(words[1]) for words in sent if words[0] == b"SIP/2.0" and int(words[1]) >= 200]

    def is_alive(self) -> bool:
        """Whether an OPTIONS on another flow is still answered."""
        probe = (
            b"OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKprobe\r\nFrom: <sip:p@192.0.2.50>;tag=p\r\n"
            b"To: <sip:a@192.0.2.1>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        self.agent.receive(probe, Flow("udp", ("192.0.2.1", 5060), ("192.0.2.50", 5060)), self.now)
        return any(data.startswith(b"SIP/2.0 200 ") for data, _ in self.agent.outgoing())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("entry", MESSAGES, ids=lambda entry: str(entry["name"]))
def test_the_answer_is_what_the_verdict_says(entry: dict[str, Any], transport: str) -> None:
    server = Server(transport)
    answers = server.answers_to((CORPUS / entry["file"]).read_bytes())
    assert server.is_alive()
    if transport == "tcp" and entry["name"] in NEVER_COMPLETE_ON_TCP:
        assert answers == []
        return
    assert judge(entry, answers), answers


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_whole_corpus_leaves_nothing_behind(transport: str) -> None:
    server = Server(transport)
    for entry in MESSAGES:
        server.framer = Framer()
        server.answers_to((CORPUS / entry["file"]).read_bytes())
    while (due := server.agent.next_timer()) is not None:
        server.now = max(server.now, due)
        server.agent.handle_timer(server.now)
        server.agent.events()
        server.agent.outgoing()
    assert server.agent.leftovers() == 0
