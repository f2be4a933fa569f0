"""Traces, where the settings want them: what keeps them is put where calls, workers, webhooks and commands tell of themselves."""

from typing import TYPE_CHECKING

from mediaserver.signalling.house import House
from mediaserver.webhooks.envelopes import Envelopes

if TYPE_CHECKING:
    from mediaserver.observing.telemetry import Telemetry


class TracesMissing(RuntimeError):
    """Traces are wanted, and what keeps them is not installed."""


def keep_traces(house: House, envelopes: Envelopes) -> "Telemetry | None":
    """Who keeps traces; None, with nothing loaded, where they are off. Raises `TracesMissing`."""
    settings = house.settings.telemetry
    if not settings.enabled:
        return None
    try:
        from mediaserver.observing.exporting import exporting
    except ImportError as error:
        raise TracesMissing(f'telemetry.enabled: {error.name} is not installed; pip install "mediaserver[otel]"') from None
    telemetry = exporting(settings, house.server_id, house.clock)
    attach(telemetry, house, envelopes)
    return telemetry


def attach(telemetry: "Telemetry", house: House, envelopes: Envelopes) -> None:
    """Have calls, workers and webhooks tell it."""
    house.observers.append(telemetry.happened)
    house.media.asked = telemetry.asked
    envelopes.trace_of = telemetry.traceparent
