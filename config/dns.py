"""The settings of DNS."""

from typing import Annotated

from pydantic import Field

from config.section import Seconds, Section

NameServer = Annotated[str, Field(pattern=r"^([0-9.]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$")]


class DnsSettings(Section):
    """How hosts are found."""

    nameservers: tuple[NameServer, ...] = ()
    """``address`` or ``address:port``, IPv6 in brackets; empty: the system's own."""
    timeout: Seconds = 3
    """For one question; a silent server is asked twice in it."""
    shortest_ttl: Seconds = 5
    longest_ttl: Seconds = 3600
    """Answers are kept for their TTL within these bounds."""
    negative_ttl: Seconds = 30
    """That there is no answer is kept no longer."""
