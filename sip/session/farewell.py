"""Our BYE on its way, after the session itself is forgotten (the Mortal state of RFC 5407 §3.2).

Until it is answered, a BYE of theirs that crossed it gets 200 (§3.2.1), and everything else 481 (§3.2.2).
"""

from sip.message import Response
from sip.session.core import Core, DialogKey
from sip.session.exchange import Exchange
from sip.transport.flow import Flow


class Farewell:
    """Remembers a dialog until our BYE in it was answered, or nobody will."""

    __slots__ = ("_core", "_key")

    def __init__(self, core: Core, key: DialogKey) -> None:
        self._core = core
        self._key = key

    def begin(self) -> None:
        """The BYE was sent."""
        self._core.farewells.add(self._key)

    def responded(self, exchange: Exchange, response: Response, flow: Flow, now: float) -> None:
        """The answer, which matters to nobody."""
        if response.status >= 200:
            self._core.farewells.discard(self._key)

    def failed(self, exchange: Exchange, cause: str, now: float) -> None:
        """There is no answer."""
        self._core.farewells.discard(self._key)
