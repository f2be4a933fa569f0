"""What an Opus encoder puts into FEC follows the losses that its leg reports."""

import pytest

from mixer.coders.opus import OpusEncoder
from mixer.coders.opus_packet import tells_of_the_one_before
from tests.mediaserver.worker.simulated import House
from tests.mediaserver.worker.speaking import MEDIA


@pytest.mark.parametrize(("loss", "expected"), [(0.0, 5), (0.02, 5), (0.12, 15), (0.9, 30)])
def test_the_encoder_expects_what_was_reported_within_bounds(monkeypatch: pytest.MonkeyPatch, loss: float, expected: int) -> None:
    house = House()
    house.join(1, 10, "customer").tone = 433.0
    agent = house.join(2, 10, "agent", **MEDIA["OPUS"], parameters="useinbandfec=1")
    house.run(0.3)
    told: list[int] = []
    monkeypatch.setattr(OpusEncoder, "expect_loss", lambda _, percent: told.append(percent))
    house.run(0.1)
    assert told == []
    house.state.report.far_at[agent.row], house.state.report.loss[agent.row] = house.now, loss
    house.run(0.3)
    assert told == [expected]


def test_who_wants_no_fec_gets_none_whatever_is_lost() -> None:
    house = House()
    house.join(1, 10, "customer").tone = 433.0
    agent = house.join(2, 10, "agent", **MEDIA["OPUS"])
    house.state.report.far_at[agent.row], house.state.report.loss[agent.row] = house.now, 0.3
    house.run(0.5)
    assert not any(tells_of_the_one_before(packet.payload) for packet in agent.got)
