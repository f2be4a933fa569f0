"""The metrics of trunks: whether their targets are up, whether we are registered, and how many calls they carry."""

from collections.abc import Iterator

from prometheus_client.core import Metric

from mediaserver.observing.families import metric
from mediaserver.signalling.trunks.trunks import Trunks


def trunk_metrics(trunks: Trunks) -> Iterator[Metric]:
    """Every family, fresh."""
    up = metric("trunk_up")
    registered = metric("trunk_registered")
    calls = metric("trunk_calls")
    for line in trunks:
        for place in line.places:
            up.add_metric([line.name, place.name], float(place.watch.is_up))
        if line.registering is not None:
            registered.add_metric([line.name], float(line.registering.is_registered))
        calls.add_metric([line.name, "in"], line.caps.inward.calls)
        calls.add_metric([line.name, "out"], line.caps.outward.calls)
    yield from (up, registered, calls)
