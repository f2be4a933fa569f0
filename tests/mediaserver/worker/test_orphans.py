"""A worker whose signalling is gone: it keeps the audio for a while, and never for ever."""

import pytest

from mediaserver.link.memory import Memory
from mediaserver.link.messages import Inherit, OpenLeg
from mediaserver.link.wire import LinkEnd, encode_frame, link_pair
from mediaserver.worker.process import ORPHAN_SECONDS, Worker
from mediaserver.worker.sounds import Sounds
from mediaserver.worker.spare import Spare
from tests.mediaserver.worker.real import udp


@pytest.mark.parametrize(("legs", "seconds"), [(0, 0.0), (1, ORPHAN_SECONDS)])
def test_it_goes_at_once_without_legs_and_with_them_when_their_time_is_up(legs: int, seconds: float) -> None:
    ours, theirs = link_pair()
    worker = Worker(LinkEnd(theirs), Memory.create(4, 2, 3), Sounds(), 0.002)
    with udp() as lent:
        for leg in range(legs):
            assert ours.send(encode_frame([(1, OpenLeg(leg + 1, 1, "customer", False))]), [lent.fileno()])
        worker._one_turn(10.0)
    assert not worker._is_over(10.0)
    ours.close()
    worker._one_turn(20.0)
    assert worker._is_over(20.0 + seconds - 0.1) is (legs == 0)
    assert worker._is_over(20.0 + seconds + 0.1)


def test_a_spare_ends_with_its_link() -> None:
    ours, theirs = link_pair()
    spare = Spare(LinkEnd(theirs))
    ours.close()
    assert not spare.wait()


def test_a_spare_whose_link_ends_before_all_of_its_legs_came_takes_nothing_over() -> None:
    ours, theirs = link_pair()
    memory = Memory.create(4, 2, 3)
    spare = Spare(LinkEnd(theirs))
    assert ours.send(encode_frame([(1, Inherit(2, -1))]), [memory.fd])
    ours.close()
    assert not spare.wait()
