"""The lite side of ICE for one leg (RFC 8445 §2.5): checks are answered, and who is on the other side chooses the pair. Sans-IO.

Rules:
- only checks that are signed with our password count; what is not is dropped and counted, never answered;
- the newest nomination holds. A worse pair (by its priority) takes the place of one that is still being nominated only when that one has
  been quiet for `QUIET`: there are sides that nominate every pair that works;
- each genuine check from the chosen address is the other side's consent to be sent to (RFC 7675 §5); we send none of our own, so that
  consent ends when no check came for the time that the leg's settings say;
- new credentials (a restart) begin anew: the pair in use stays until another is nominated under them (RFC 8445 §9), and checks under
  the old ones are answered for `GRACE`.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from mediaserver.signalling.browser.stun import StunError, read_check, role_conflict, success
from rtp.latch import Address
from sip.negotiated import Ice

QUIET: Final = 0.5
"""Seconds."""
GRACE: Final = 10.0
"""Seconds."""
MOST_PROVED: Final = 16
"""Addresses that are remembered as proved."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What checks to us are signed with."""

    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, ice: Ice) -> "Credentials":
        """Of what was agreed on."""
        return cls(f"{ice.local.ufrag}:{ice.remote.ufrag}", ice.local.password)


class IceAgent:
    """Answers checks, and knows which address was chosen."""

    def __init__(self, ice: Ice, now: float) -> None:
        self.nominated: Address | None = None
        """The other side's address of the chosen pair."""
        self.heard_at = now
        """When the last check came from there; before that, when it began."""
        self.checks = 0
        """Genuine ones."""
        self._credentials = Credentials.of(ice)
        self._former: Credentials | None = None
        self._former_until = 0.0
        self._priority = -1
        self._nominated_at = 0.0
        self._proved: OrderedDict[Address, None] = OrderedDict()

    def restart(self, ice: Ice, now: float) -> bool:
        """Take what was agreed on again; whether that begins anew."""
        fresh = Credentials.of(ice)
        if fresh == self._credentials:
            return False
        self._former, self._former_until = self._credentials, now + GRACE
        self._credentials = fresh
        self._priority, self.heard_at = -1, now
        return True

    def is_proved(self, address: Address) -> bool:
        """Whether a genuine check came from an address: only such is ever sent anything but answers."""
        return address in self._proved

    def receive(self, data: bytes, source: Address, now: float) -> bytes:
        """A STUN message from an address: what to answer. Raises `StunError` where it is to be dropped."""
        try:
            check, credentials, is_former = read_check(data, self._credentials.user, self._credentials.password), self._credentials, False
        except StunError as error:
            if error.reason != "user" or self._former is None or now > self._former_until:
                raise
            check, credentials, is_former = read_check(data, self._former.user, self._former.password), self._former, True
        if check.is_controlled:
            return role_conflict(check, credentials.password)
        self.checks += 1
        self._prove(source)
        if check.nominates and not is_former:
            self._nominate(source, check.priority, now)
        if source == self.nominated:
            self.heard_at = now
        return success(check, source, credentials.password)

    def _prove(self, source: Address) -> None:
        self._proved[source] = None
        self._proved.move_to_end(source)
        if len(self._proved) > MOST_PROVED:
            self._proved.popitem(last=False)

    def _nominate(self, source: Address, priority: int, now: float) -> None:
        if source != self.nominated and priority < self._priority and now - self._nominated_at < QUIET:
            return
        self.nominated, self._priority, self._nominated_at = source, priority, now
