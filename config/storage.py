"""Where what happened is kept: the database, the journal before it, and the audit log's signed head."""

from pydantic import Field, SecretStr, field_validator

from config.section import Section


class StorageSettings(Section):
    """Calls, supervision, notes, and the audit log."""

    url: SecretStr = SecretStr("")
    """``postgresql://user:password@host/name``, or ``sqlite:///path``; empty: SQLite in the folder."""

    @field_validator("url")
    @classmethod
    def _is_known(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value() and not url.get_secret_value().startswith(("postgresql://", "sqlite:///")):
            raise ValueError("begins with postgresql:// or sqlite:///")
        return url

    folder: str = ""
    """Where the journal is kept; empty: the service's state folder, and where there is none a temporary one that goes with the server."""
    journal_megabytes: int = Field(256, ge=1, le=100_000)
    """What the journal may hold while the database is away; when it is full, nobody new may supervise."""


class AuditSettings(Section):
    """The audit log's signed head: how many entries there are, and the last one's seal."""

    head: str = ""
    """The file it is written to, best on another disk; empty: in the storage folder."""
    head_every: float = Field(5, gt=0, le=10)
    """Seconds."""
    send_to: str = Field("", pattern=r"^$|^https?://\S+$")
    """Where each head is sent by POST; empty: nowhere."""
