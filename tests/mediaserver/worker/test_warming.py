"""An encoder that begins amid a call makes nothing audible of what its listener did not hear before it began."""

import numpy as np
import pytest

from mediaserver.link.messages import SetMode
from tests.mediaserver.worker.hearing import samples
from tests.mediaserver.worker.simulated import House
from tests.mediaserver.worker.speaking import MEDIA

AHEAD = {"G722": 22, "OPUS": 104}
"""Samples of the first mixed packet that are of the time before it."""
MOST = 60.0
"""Peak, of a whisper of 6000: where a ramp begins, coders make so much of it."""


@pytest.mark.parametrize("codec", AHEAD)
def test_what_was_whispered_to_the_agent_is_not_heard_by_the_customer_when_the_supervisor_barges(codec: str) -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer", **MEDIA[codec]), house.join(2, 10, "agent", **MEDIA[codec])
    supervisor = house.supervise(3, 10, "whisper", **MEDIA[codec])
    customer.tone, agent.tone, supervisor.tone = 433.0, 701.0, 1103.0
    agent.level, supervisor.level = 0.0, 6000.0
    house.run(1.0)
    assert [packet.payload for packet in customer.got] == agent.said[: len(customer.got)]
    begun = len(customer.got)
    house.command(SetMode(3, "barge", "agent"))
    house.run(0.3)
    passed = sum(packet.payload == said for packet, said in zip(customer.got, agent.said, strict=False))
    first = samples(customer.got[max(begun, passed) :])
    assert np.abs(first[: AHEAD[codec]]).max() < MOST
    assert np.abs(first[1600:]).max() > 4000
