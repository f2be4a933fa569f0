"""The simulated worker itself: that it rests, as the real one does, makes no difference to what goes out when."""

import pytest

from mediaserver.worker.process import LONGEST_REST
from tests.mediaserver.worker.simulated import House, Phone


def played() -> tuple[House, Phone, Phone, Phone]:
    """A call that is supervised."""
    house = House()
    phones = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.supervise(3, 10)
    house.run(1.5)
    return house, *phones


def test_a_worker_that_rests_sends_the_same_at_the_same_times_in_fewer_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    rested, *phones = played()
    monkeypatch.setattr(House, "_may_rest", lambda _: False)
    restless, *others = played()
    assert int(rested.state.turn[0]) < int(restless.state.turn[0]) / 2
    for one, other in zip(phones[:2], others[:2], strict=True):
        assert [(packet.at, packet.payload) for packet in one.got] == [(packet.at, packet.payload) for packet in other.got]
    heard, wanted = ([packet.at for packet in supervisor.got] for supervisor in (phones[2], others[2]))
    assert heard == pytest.approx(wanted, abs=LONGEST_REST)  # his clock is set when it is looked at
