"""Journeys through the simulated network: what is lost, late, doubled and overtaken is what was asked for, each time the same."""

import numpy as np
import pytest

from bench.simulator.delaying import Jitter, NormalJitter, SpikeJitter, UniformJitter
from bench.simulator.losing import BurstLoss, UniformLoss
from bench.simulator.path import CLEAN, Path, send_times

SENT = send_times(50_000, 0.02)


def test_a_clean_path_delivers_everything_when_it_is_sent() -> None:
    journey = CLEAN.carry(SENT, seed=1)
    assert np.array_equal(journey.packet, np.arange(len(SENT)))
    assert np.array_equal(journey.arrival, SENT)
    assert not len(journey.lost)


@pytest.mark.parametrize("loss", [UniformLoss(0.15), BurstLoss(0.15, burst=4.0), BurstLoss(0.15, burst=4.0, lost_when_bad=0.5)])
def test_the_share_that_is_asked_for_is_lost(loss: UniformLoss | BurstLoss) -> None:
    journey = Path(loss=loss).carry(SENT, seed=1)
    assert len(journey.lost) / len(SENT) == pytest.approx(0.15, abs=0.01)


def test_bursts_are_as_long_as_asked_for_and_single_losses_are_not() -> None:
    def mean_run(loss: UniformLoss | BurstLoss) -> float:
        lost = np.zeros(len(SENT) + 2, int)
        lost[Path(loss=loss).carry(SENT, seed=2).lost + 1] = 1
        return float(lost.sum() / (np.diff(lost) == 1).sum())

    assert mean_run(BurstLoss(0.05, burst=5.0)) == pytest.approx(5.0, rel=0.1)
    assert mean_run(UniformLoss(0.05)) == pytest.approx(1.0 / 0.95, rel=0.05)


def test_a_path_that_loses_nothing_or_everything_says_so() -> None:
    assert not len(Path(loss=BurstLoss(0.0, burst=3.0)).carry(SENT, seed=1).lost)
    assert len(Path(loss=UniformLoss(1.0)).carry(SENT, seed=1).packet) == 0


@pytest.mark.parametrize("jitter", [UniformJitter(0.06), NormalJitter(0.01), SpikeJitter(0.06, every=2.0)])
def test_nothing_is_later_than_its_jitter_allows(jitter: Jitter) -> None:
    journey = Path(jitter=jitter).carry(SENT, seed=3)
    late = journey.arrival - SENT[journey.packet]
    assert late.min() >= 0.0
    assert 0.04 < late.max() <= 0.06 + 1e-9
    assert np.all(np.diff(journey.arrival) >= 0)


def test_jitter_overtakes_unless_order_is_kept() -> None:
    overtaking = Path(jitter=UniformJitter(0.06)).carry(SENT, seed=4)
    ordered = Path(jitter=UniformJitter(0.06), keeps_order=True).carry(SENT, seed=4)
    assert np.any(np.diff(overtaking.packet) < 0)
    assert np.array_equal(ordered.packet, np.arange(len(SENT)))


def test_packets_of_a_spike_arrive_together() -> None:
    journey = Path(jitter=SpikeJitter(0.2, every=5.0)).carry(SENT, seed=5)
    late = journey.arrival - SENT[journey.packet]
    spiked = np.flatnonzero(late > 0.15)
    assert len(spiked)
    assert np.all(np.isclose(journey.arrival[spiked], journey.arrival[spiked + 1]) | (late[spiked] < 0.17))
    assert np.median(late) == 0.0


def test_the_same_seed_is_the_same_journey_and_loses_the_same_packets_under_other_jitter() -> None:
    path = Path(loss=UniformLoss(0.05), jitter=UniformJitter(0.06), duplicates=0.01)
    first, again = path.carry(SENT, seed=6), path.carry(SENT, seed=6)
    assert np.array_equal(first.packet, again.packet)
    assert np.array_equal(first.arrival, again.arrival)
    assert not np.array_equal(first.packet, path.carry(SENT, seed=7).packet)
    assert np.array_equal(first.lost, Path(loss=UniformLoss(0.05)).carry(SENT, seed=6).lost)


def test_duplicates_come_on_the_heels_of_the_first() -> None:
    journey = Path(duplicates=0.1).carry(SENT, seed=8)
    assert len(journey.packet) / len(SENT) == pytest.approx(1.1, abs=0.01)
    assert np.array_equal(journey.first_arrival(), SENT)


def test_a_lost_packet_has_no_arrival() -> None:
    journey = Path(loss=UniformLoss(0.5)).carry(SENT, seed=9)
    assert np.array_equal(np.flatnonzero(np.isinf(journey.first_arrival())), journey.lost)


def test_what_should_arrive_in_a_pause_arrives_at_its_end() -> None:
    journey = Path(pauses=((10.0, 0.5),)).carry(SENT, seed=1)
    assert not np.any((journey.arrival >= 10.0) & (journey.arrival < 10.5))
    assert int((journey.arrival == 10.5).sum()) == 26
    assert np.array_equal(journey.packet, np.arange(len(SENT)))


def test_a_fast_clock_sends_more_packets_in_the_same_time() -> None:
    hour = send_times(180_019, 0.02, drift_ppm=100)
    assert hour[-1] == pytest.approx(3600.0, abs=0.02)
    assert send_times(3, 0.02, start=5.0).tolist() == [5.0, 5.02, 5.04]
