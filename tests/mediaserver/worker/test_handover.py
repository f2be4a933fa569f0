"""From packets passed through to a mix and back, in codecs with a state: what the other party hears goes on as if nothing had been."""

import numpy as np
import pytest

from mediaserver.link.messages import CloseLeg, SetMode, SetMuted
from tests.mediaserver.worker.hearing import samples, tone_level
from tests.mediaserver.worker.simulated import House, Phone
from tests.mediaserver.worker.speaking import MEDIA

UNHEARD_DB = 1.5
WINDOW, HOP = 640, 160


class Tone:
    """A customer who holds a tone, an agent who hears it, and a supervisor who says nothing."""

    def __init__(self, codec: str, tone: float, *, listens: bool) -> None:
        self.tone, self.media = tone, MEDIA[codec]
        self.house = House()
        self.customer, self.agent = self.house.join(1, 10, "customer", **self.media), self.house.join(2, 10, "agent", **self.media)
        self.customer.tone, self.agent.level = tone, 0.0
        if listens:
            self.supervise("listen")
        self.house.run(1.0)

    def supervise(self, mode: str) -> Phone:
        """Let the supervisor come, silent."""
        supervisor = self.house.supervise(3, 10, mode, **self.media)
        supervisor.level, supervisor.tone = 0.0, 400.0
        return supervisor

    def unsteadiness_db(self, seconds: float = 0.5) -> float:
        """How much louder or softer than usual the tone has been for the agent, at most, from just before now until then."""
        begun = len(self.agent.got) - 6
        self.house.run(seconds)
        heard = samples(self.agent.got[begun:])
        levels = [tone_level(heard[at : at + WINDOW], self.tone, 16_000) for at in range(0, len(heard) - WINDOW, HOP)]
        return float(np.abs(20 * np.log10(np.array(levels) / np.median(levels))).max())


@pytest.mark.parametrize("codec", ["G722", "OPUS"])
@pytest.mark.parametrize("tone", [301.0, 433.0, 701.0, 1103.0])
def test_a_tone_goes_on_when_a_listening_supervisor_is_heard(codec: str, tone: float) -> None:
    call = Tone(codec, tone, listens=True)
    call.house.command(SetMode(3, "barge", "agent"))
    assert call.unsteadiness_db() < UNHEARD_DB


@pytest.mark.parametrize(("codec", "tone"), [("G722", 301.0), ("G722", 433.0), ("G722", 1103.0), ("OPUS", 433.0), ("OPUS", 701.0)])
def test_a_tone_goes_on_when_he_is_heard_no_more(codec: str, tone: float) -> None:
    call = Tone(codec, tone, listens=True)
    call.house.command(SetMode(3, "barge", "agent"))
    call.house.run(0.5)
    call.house.command(SetMode(3, "listen", "agent"))
    assert call.unsteadiness_db() < UNHEARD_DB


@pytest.mark.parametrize("codec", ["G722", "OPUS"])
def test_a_tone_goes_on_when_a_supervisor_comes_who_is_heard_and_when_he_goes(codec: str) -> None:
    call = Tone(codec, 701.0, listens=False)
    call.supervise("barge")
    assert call.unsteadiness_db() < UNHEARD_DB
    call.house.command(CloseLeg(3))
    assert call.unsteadiness_db() < UNHEARD_DB


@pytest.mark.parametrize("codec", ["G722", "OPUS"])
def test_packets_are_as_they_came_again_once_the_supervisor_is_heard_no_more(codec: str) -> None:
    call = Tone(codec, 701.0, listens=True)
    call.house.command(SetMode(3, "barge", "agent"))
    call.house.run(0.5)
    call.house.command(SetMode(3, "listen", "agent"))
    call.house.run(0.5)
    assert [packet.payload for packet in call.agent.got[-20:]] == call.customer.said[-20:]


@pytest.mark.parametrize(("codec", "makes_up"), [("G722", False), ("OPUS", True)])
def test_the_delay_that_keeps_the_phase_ends_where_what_came_before_is_missing(codec: str, *, makes_up: bool) -> None:
    call = Tone(codec, 701.0, listens=True)
    call.house.command(SetMode(3, "barge", "agent"))
    call.house.run(0.5)
    offset = call.house.state.mix.offset[call.agent.row]
    before = int(offset[0])
    assert before > 0
    call.customer.next_packet()
    call.house.run(0.1)
    assert offset[0] == (before if makes_up else 0)


@pytest.mark.parametrize("codec", ["G722", "OPUS"])
def test_what_an_agent_said_while_muted_is_not_heard_when_he_is_muted_no_more(codec: str) -> None:
    house = House()
    customer, agent = house.join(1, 10, "customer", **MEDIA[codec]), house.join(2, 10, "agent", **MEDIA[codec])
    supervisor = house.supervise(3, 10, "barge", **MEDIA["L16 wide"])
    customer.level = supervisor.level = 0.0
    customer.tone = supervisor.tone = 400.0
    agent.tone, agent.level = 701.0, 0.0
    house.run(0.5)
    house.command(SetMuted(2, True))
    house.run(0.2)
    agent.level = 6000.0
    house.run(0.5)
    agent.level = 0.0
    house.run(0.06)
    begun = len(supervisor.got), len(customer.got)
    house.command(SetMuted(2, False))
    house.run(0.5)
    for phone, first in zip((supervisor, customer), begun, strict=True):
        assert np.abs(samples(phone.got[first:])).max() < 60
