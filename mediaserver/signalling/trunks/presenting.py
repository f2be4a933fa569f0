"""What the next leg is told of a caller: From, asserted identity, privacy, diversions, history, passed headers. Pure.

- Everything is said under an address of ours: hosts of the other leg reach nobody (topology hiding).
- A private caller is ``Anonymous`` to everybody; a trusted trunk gets his asserted number with ``Privacy: id`` (RFC 3325 §9.1, §9.3).
- P-Asserted-Identity goes to trusted trunks only, and only what somebody vouched for.
- Diversions and history that are private go to trusted trunks only.
"""

from dataclasses import dataclass, replace

from config.trunks import TrunkSettings
from mediaserver.signalling.trunks.callers import Caller
from mediaserver.signalling.trunks.numbers import Numbering
from sip.identity.asserted import assertion
from sip.identity.diversion import diversion_header
from sip.identity.history import history_header, went_on, without_users
from sip.identity.privacy import ANONYMOUS, ANONYMOUS_NAME, ANONYMOUS_URI
from sip.message import Header
from sip.telephone import is_number_text
from sip.uri import Uri


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told."""

    host: str
    """Our name toward him."""
    port: int | None = None
    trunk: TrunkSettings | None = None
    """None: a phone."""
    numbering: Numbering | None = None
    number: str = ""
    """By which he is called."""

    @property
    def is_trusted(self) -> bool:
        """Whether he is told what is private."""
        return self.trunk is not None and self.trunk.trusted

    def address(self, number: str) -> str:
        """A number as a URI of ours."""
        is_phone = self.trunk is not None and self.trunk.numbers.user_phone and is_number_text(number)
        return str(Uri("sip", number, self.host, self.port, (("user", "phone"),) if is_phone else ()))

    def written(self, number: str) -> str:
        """A caller's number as he wants it."""
        return number if self.numbering is None else self.numbering.outward("caller", number)


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a leg's INVITE names the caller."""

    from_uri: str
    from_display: str
    headers: tuple[Header, ...]


def present(caller: Caller, listener: Listener) -> Presentation:
    """What a listener is told of a caller."""
    headers = (*_identity(caller, listener), *_diversions(caller, listener), *_history(caller, listener), *caller.passed)
    if caller.is_private:
        return Presentation(ANONYMOUS_URI, ANONYMOUS_NAME, headers)
    number = listener.written(caller.number) or ANONYMOUS
    return Presentation(listener.address(number), caller.display, headers)


def referral(number: str, listener: Listener) -> Header:
    """Which agent transferred the call to the listener (RFC 3892 §2.1), under an address of ours."""
    return "Referred-By", f"<{listener.address(listener.written(number))}>"


def _identity(caller: Caller, listener: Listener) -> list[Header]:
    number = listener.written(caller.number)
    if not (listener.is_trusted and caller.is_asserted and number):
        return []
    privacy: list[Header] = [("Privacy", "id")] if caller.is_private else []
    return [assertion(number, caller.display, listener.host), *privacy]


def _diversions(caller: Caller, listener: Listener) -> list[Header]:
    if caller.hides_history and not listener.is_trusted:
        return []
    told = [diversion for diversion in caller.diversions if listener.is_trusted or not diversion.is_private]
    return [diversion_header(replace(diversion, number=listener.written(diversion.number)), listener.host) for diversion in told]


def _history(caller: Caller, listener: Listener) -> list[Header]:
    """With our own hop, where the call came with a history (RFC 7044 §7.3)."""
    if not caller.history:
        return []
    entries = went_on(caller.history, caller.called, listener.number)
    told = entries if listener.is_trusted or not caller.hides_history else without_users(entries)
    return [history_header(entry, listener.host) for entry in told]
