"""Where spans go: by OTLP over HTTP, from a thread of the exporter's own, in batches that are dropped where nobody takes them."""

from collections.abc import Callable
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from config.telemetry import TelemetrySettings
from mediaserver.observing.telemetry import Telemetry

PATIENCE: Final = 2.0
"""Seconds for one batch."""


def exporting(settings: TelemetrySettings, server: str, clock: Callable[[], float]) -> Telemetry:
    """Traces that go to the settings' endpoint. server: names this process."""
    # Imported late: it is of the extra `otel`, while what is above comes with the tests too.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    resource = Resource.create({"service.name": settings.service, "service.instance.id": server})
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(settings.part)), resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=settings.endpoint, timeout=PATIENCE)
    provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=PATIENCE * 1000))
    return Telemetry(provider, clock)
