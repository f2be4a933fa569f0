"""Histograms of how legs sounded: by worker and way, cumulative, and nothing of a single call."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from mediaserver.link.quality import LegQuality, Way
from mediaserver.observing.quality_metrics import EndedLegs

UNKNOWN = Way(0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0)


def text(ended: EndedLegs) -> str:
    """What a scrape gets."""

    class Only(Collector):
        """That alone."""

        collect = ended.metrics

    registry = CollectorRegistry()
    registry.register(Only())
    return generate_latest(registry).decode()


def way(mos: float, jitter: float = 0.003, loss: float = 0.0) -> Way:
    """A way with this average score."""
    return Way(loss, 0, jitter, 90.0, 4.4, mos, 4.0)


def test_scores_are_counted_by_worker_and_way() -> None:
    ended = EndedLegs()
    for mos in (4.3, 4.3, 2.9):
        ended.add(1, LegQuality(way(mos), UNKNOWN, 0.0, 0, 0.0, 0))
    told = text(ended)
    assert 'mediaserver_leg_mos_bucket{le="3.0",way="up",worker="1"} 1.0' in told
    assert 'mediaserver_leg_mos_bucket{le="4.5",way="up",worker="1"} 3.0' in told
    assert 'mediaserver_leg_mos_count{way="up",worker="1"} 3.0' in told
    assert 'way="down"' not in told


def test_a_value_on_an_edge_is_in_its_bucket() -> None:
    ended = EndedLegs()
    ended.add(0, LegQuality(way(4.5, loss=0.01), UNKNOWN, 0.0, 0, 0.0, 0))
    told = text(ended)
    assert 'mediaserver_leg_mos_bucket{le="4.25",way="up",worker="0"} 0.0' in told
    assert 'mediaserver_leg_mos_bucket{le="4.5",way="up",worker="0"} 1.0' in told
    assert 'mediaserver_leg_loss_ratio_bucket{le="0.01",way="up",worker="0"} 1.0' in told
    assert 'mediaserver_leg_loss_ratio_bucket{le="0.005",way="up",worker="0"} 0.0' in told


def test_round_trips_are_counted_where_they_are_known() -> None:
    ended = EndedLegs()
    ended.add(0, LegQuality(way(4.0), way(4.0), 0.08, 0, 0.0, 0))
    ended.add(0, LegQuality(way(4.0), way(4.0), 0.0, 0, 0.0, 0))
    told = text(ended)
    assert 'mediaserver_leg_round_trip_seconds_count{worker="0"} 1.0' in told
    assert 'mediaserver_leg_round_trip_seconds_sum{worker="0"} 0.08' in told
