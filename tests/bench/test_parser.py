"""The parser bench: what it reads are messages that the server takes, each another one."""

import pytest

from bench.options import Surroundings
from bench.progress import Progress
from bench.runs import parser
from bench.runs.parser import MESSAGES, message, read_as_received
from sip.sdp import SessionDescription


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_of_the_mix_is_read_and_written_as_it_was(name: str) -> None:
    data = message(*MESSAGES[name], name, 5)
    received = read_as_received(data)
    assert received.serialize() == data
    assert (received.contacts == []) == (name == "BYE")


def test_the_invite_is_as_large_as_those_of_trunks() -> None:
    received = read_as_received(message(*MESSAGES["INVITE"], "INVITE", 5))
    assert len(received.headers) >= 15
    assert len(received.serialize()) >= 1000
    assert SessionDescription.parse(received.body).media[0].kind == "audio"


def test_no_two_messages_share_call_branch_and_tag() -> None:
    received = [read_as_received(message(*MESSAGES["BYE"], "BYE", number)) for number in range(200)]
    for found in ({each.call_id for each in received}, {each.via.branch for each in received}, {each.to.tag for each in received}):
        assert len(found) == 200


async def test_the_figures_are_told_for_each_message_and_for_all() -> None:
    around = Surroundings(None, 0, None, Progress(quiet=True), "PCMU")
    result = await parser.run(around, count=3)
    assert [row[0] for row in result.rows] == list(MESSAGES)
    assert result.figures["messages"] == 18
    assert result.ok == (result.figures["read_per_second"] >= parser.WANTED)
