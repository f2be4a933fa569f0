"""All trunks: found by name, by their registration and by where a call comes from; started and stopped together."""

from collections.abc import Iterable, Iterator

from config.trunks import TrunkSettings
from mediaserver.signalling.trunks.line import Line
from mediaserver.signalling.trunks.means import Means
from sip.errors import SipError
from sip.message import Request
from sip.telephone import number_in
from sip.uri import Uri


class Trunks:
    """Every trunk of the settings."""

    def __init__(self, settings: Iterable[TrunkSettings], means: Means) -> None:
        self._means = means
        self._lines = {trunk.name: Line(trunk, means) for trunk in settings}
        self._index()

    def _index(self) -> None:
        self._by_contact = {line.registering.contact_user: line for line in self if line.registering is not None}
        self._by_user = {line.settings.auth_user: line for line in self if line.settings.auth_user is not None}
        self._by_certificate = {name.lower(): line for line in self for name in line.settings.tls_names}

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines.values())

    def take(self, settings: Iterable[TrunkSettings]) -> None:
        """Other settings: a trunk that is as it was goes on; one that changed is begun anew; one that is gone ends its registration.

        Calls keep the place that they have on an old trunk, and count for its caps no more.
        """
        before, self._lines = self._lines, {}
        for trunk in settings:
            line = before.get(trunk.name)
            self._lines[trunk.name] = line if line is not None and line.settings == trunk else Line(trunk, self._means)
        self._index()
        kept = set(map(id, self))
        for line in before.values():
            if id(line) not in kept:
                line.stop()
        known = set(map(id, before.values()))
        for line in self:
            if id(line) not in known:
                line.start()

    def start(self) -> None:
        """Register and watch, all of them."""
        for line in self:
            line.start()

    def stop(self) -> None:
        """Take registrations back, and watch no more."""
        for line in self:
            line.stop()

    def get(self, name: str) -> Line | None:
        """By name."""
        return self._lines.get(name)

    def registered_as(self, uri: str) -> Line | None:
        """The trunk whose registrar was told this Contact of ours."""
        try:
            return self._by_contact.get(Uri.parse(uri).user)
        except SipError:
            return None

    def of_user(self, user: str) -> Line | None:
        """The trunk that logs in as this user."""
        return self._by_user.get(user)

    def of_certificate(self, names: Iterable[str]) -> Line | None:
        """The trunk that shows a certificate with one of these names."""
        return next((line for name in names if (line := self._by_certificate.get(name.lower())) is not None), None)

    def of_registrar(self, address: str, request: Request) -> Line | None:
        """The trunk that is registered at this address; where there are several, the one whose account is called."""
        found = [line for line in self if line.registering is not None and address in line.registering.addresses]
        if len(found) > 1:
            called = {number_in(request.uri), number_in(request.to.uri)}
            found = [line for line in found if line.settings.user in called]
        return found[0] if len(found) == 1 else None
