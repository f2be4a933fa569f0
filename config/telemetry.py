"""The settings of traces by OpenTelemetry; off unless enabled, and nothing of it is loaded then."""

from pydantic import Field

from config.section import Section


class TelemetrySettings(Section):
    """Spans of calls, supervision, commands and what media workers do for them."""

    enabled: bool = False
    """Needs the package's extra ``otel``."""
    endpoint: str = Field("http://127.0.0.1:4318/v1/traces", pattern=r"^https?://\S+$")
    """Where spans go, by OTLP over HTTP."""
    service: str = Field("mediaserver", min_length=1, max_length=128)
    """``service.name``."""
    part: float = Field(1.0, ge=0, le=1)
    """Of the traces that begin here; one that a caller began is kept as he says."""
