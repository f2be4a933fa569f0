"""What the control API needs of the house; the signalling process provides it. Every method checks permission itself."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from control_api.acting import Acting
from control_api.discretion import OPEN, Discretion, event_without
from control_api.governing import Governing, Policies
from control_api.past import Past
from control_api.permissions import Identity, Refusal
from mixer.modes import Mode, Role


@dataclass(frozen=True, slots=True)
class Supervision:
    """A supervisor's leg in a call."""

    call: str
    leg: int
    mode: Mode
    state: str
    """``ringing`` until his phone answers, then ``joined``."""
    answer: str = ""
    """To his browser's offer, where he came by one."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A change that the audio already shows."""

    turn: int
    """The media turn in which it took effect."""


@dataclass(frozen=True, slots=True)
class HouseEvent:
    """Something that happened, for those who may see the call. The API numbers it per client."""

    kind: str
    """As `mediaserver.call.actions.Publish.kind`, or ``meters``."""
    tenant: str
    call: str
    agent: str
    team: str
    tell: Callable[[], dict[str, Any]]
    """Makes the body; asked only where somebody may see the event."""
    identity: str = ""
    """Whose alone it is; empty: everybody's who may see the call."""
    discretion: Discretion = OPEN
    """Who of these may see who listens."""

    @property
    def body(self) -> dict[str, Any]:
        """JSON-ready; ``call.*`` and ``supervisor.*`` hold the call's model under ``call``."""
        return self.tell()

    def without(self, hidden: frozenset[int]) -> dict[str, Any] | None:
        """The body without supervisors' legs that somebody may not see; None: nothing is left of it."""
        return event_without(self.kind, self.body, hidden)


class Witness(Protocol):
    """Who writes down what is asked of the API and not otherwise seen; before the answer."""

    def refused(self, who: Acting, command: str, refusal: Refusal, about: Mapping[str, Any]) -> None:
        """A command was refused; ``about``: its fields, as far as they could be read."""

    def done(self, who: Acting, command: str, about: Mapping[str, Any]) -> None:
        """A command that concerns no call's legs was carried out."""

    def denied(self, way: str, address: str, code: str, why: str) -> None:
        """A client was not let in."""


class Blind:
    """A witness of nothing, for an API without a house."""

    def refused(self, who: Acting, command: str, refusal: Refusal, about: Mapping[str, Any]) -> None:
        """Nothing is written."""

    def done(self, who: Acting, command: str, about: Mapping[str, Any]) -> None:
        """Nothing is written."""

    def denied(self, way: str, address: str, code: str, why: str) -> None:
        """Nothing is written."""


class Desk(Protocol):
    """The commands. Each raises `Refusal`; none has an effect when it does."""

    @property
    def governing(self) -> Governing:
        """Identities that are not in the configuration."""

    @property
    def policies(self) -> Policies:
        """What tenants have otherwise in their policies."""

    @property
    def past(self) -> Past:
        """What was kept."""

    def withheld(self, identity: Identity) -> Collection[str]:
        """Commands that the policy of the identity's tenant switches off."""

    def calls(self, identity: Identity) -> Sequence[dict[str, Any]]:
        """Every live call the identity may see, as `control_api.messages.CallModel` fields."""

    def call(self, identity: Identity, call: str) -> dict[str, Any]:
        """One call, live or ended in the last minute."""

    def agents(self, identity: Identity) -> Sequence[dict[str, Any]]:
        """Every agent the identity may see, on a call or not, as `control_api.rest.looks.AgentModel` fields."""

    async def supervise(
        self, identity: Identity, *, call: str | None, agent: str | None, mode: Mode, target: Role, phone: str | None
    ) -> Supervision:
        """Ring the identity's phone (or ``phone``, one of his own contacts or numbers) into a call; by agent if he has exactly one call."""

    async def join(
        self, identity: Identity, *, call: str | None, agent: str | None, mode: Mode, target: Role, offer: str, remote: str
    ) -> Supervision:
        """Let the identity's browser, which makes this offer from an address, into a call; it is joined at once."""

    def reoffer(self, identity: Identity, *, leg: int, offer: str) -> str:
        """The answer to another offer of the browser of his own supervising leg."""

    def candidate(self, identity: Identity, *, leg: int, candidate: str) -> None:
        """That browser found another address of its own; empty: there are no more."""

    def ice_servers(self, identity: Identity) -> dict[str, Any]:
        """Servers that help browsers to be reached, as `control_api.browser_messages.IceServersResult` fields."""

    def came(self, who: Acting) -> None:
        """A client is there; this very object stands for it."""

    def parted(self, who: Acting) -> None:
        """That client is gone: the talks that were taken by it are free at once."""

    def attended(self, identity: Identity, *, is_here: bool) -> None:
        """The identity has a client now, or none any more."""

    async def set_mode(self, identity: Identity, *, leg: int, mode: Mode, target: Role) -> Applied:
        """Change the mode of his own supervising leg (or any he may see, with the right `admin`)."""

    async def mute(self, identity: Identity, *, leg: int, muted: bool) -> Applied:
        """Mute or unmute a supervising leg."""

    async def volumes(self, identity: Identity, *, leg: int, hears: float | None, heard: float | None) -> Applied:
        """Set a supervising leg's volumes: linear gain 0.0 to 4.0."""

    async def leave(self, identity: Identity, *, leg: int) -> None:
        """End a supervising leg of his own."""

    async def hand_over(self, identity: Identity, *, leg: int, to: int) -> Applied:
        """Give one's talk to another supervisor of the call, in one turn."""

    async def take_over(self, identity: Identity, *, leg: int, drops_agent: bool = False) -> Applied:
        """Talk in the agent's stead (right `take_over`); or drop him."""

    async def give_back(self, identity: Identity, *, leg: int) -> Applied:
        """Let the agent talk again."""

    async def invite(self, identity: Identity, *, call: str, number: str) -> int:
        """Ring a third one into a call (right `originate`; outside numbers need theirs); the number of his leg."""

    async def ask_help(self, identity: Identity, *, call: str | None, agent: str | None, text: str | None) -> str:
        """Say that a call's agent needs help, or (None) none any more; the call's id."""

    async def follow(
        self,
        identity: Identity,
        *,
        agent: str | None,
        team: str | None,
        pick: str,
        calls: int | None,
        current: bool,
        seconds: float,
        phone: str | None,
        offer: str | None,
        remote: str,
    ) -> dict[str, Any]:
        """Have a leg, a phone's or a browser's that makes this offer from an address, wait for calls and join each in listen; as
        `control_api.supervision_models.FollowModel` fields."""

    async def unfollow(self, identity: Identity, *, follow: int) -> None:
        """Follow no more; who waits hangs up, who is in a call stays there."""

    def follows(self, identity: Identity) -> Sequence[dict[str, Any]]:
        """Whom the identity follows, as `control_api.supervision_models.FollowModel` fields."""

    async def hang_up(self, identity: Identity, *, call: str, leg: int) -> None:
        """Hang up one leg of a call (right `hang_up`)."""

    async def end(self, identity: Identity, *, call: str) -> None:
        """End a call (right `end`)."""

    async def originate(self, identity: Identity, *, agent: str, number: str) -> dict[str, Any]:
        """Ring an agent, then a number for him (right `originate`; outside numbers need theirs)."""

    async def message(self, identity: Identity, *, call: str | None, agent: str | None, text: str) -> dict[str, Any]:
        """Send a text to the phones of an agent to whom he may whisper; as `control_api.call_models.MessageResult` fields."""

    async def note(self, identity: Identity, *, call: str, text: str, seconds: float | None) -> dict[str, Any]:
        """Write about a call, live or over, at a moment of it; as `control_api.annotation_models.NoteModel` fields."""

    async def notes(self, identity: Identity, *, call: str) -> Sequence[dict[str, Any]]:
        """The notes about a call, live or over."""

    async def flag(self, identity: Identity, *, call: str, label: str, seconds: float | None) -> dict[str, Any]:
        """Put a flag on a call, live or over, at a moment of it; as `control_api.messages.FlagModel` fields."""

    async def unflag(self, identity: Identity, *, call: str, flag: str) -> None:
        """Take a flag of one's own back, or with the right `admin` anybody's."""

    async def flags(self, identity: Identity, *, call: str) -> Sequence[dict[str, Any]]:
        """The flags of a call, live or over, that stand."""

    async def trace(self, identity: Identity, *, call: str, after: int) -> dict[str, Any]:
        """The SIP messages of a call, as `control_api.call_models.TraceResult` fields (right `trace`)."""

    def bans(self, identity: Identity) -> Sequence[dict[str, Any]]:
        """Who is kept out for wrong passwords, as `control_api.access_models.BanModel` fields (right `admin`)."""

    async def lift_ban(self, identity: Identity, *, source: str, user: str) -> None:
        """Let somebody in again (right `admin`)."""

    def resend(self, identity: Identity, *, webhook: str) -> dict[str, Any]:
        """Deliver again what a webhook told of the tenant in vain, as `control_api.access_models.ResendResult` fields (right `admin`)."""

    def link(self, identity: Identity, *, call: str, seconds: float | None) -> dict[str, Any]:
        """A listen-in link, as `control_api.access_models.LinkResult` fields (right `links`, and listen)."""

    def sessions(self, identity: Identity) -> Sequence[dict[str, Any]]:
        """Who is signed in, as `control_api.access_models.SessionModel` fields (right `admin`)."""

    def withdraw(self, identity: Identity, *, session: str) -> None:
        """End a session: one's own, or with the right `admin` any of the tenant."""

    def shut_out(self, identity: Identity, *, name: str) -> None:
        """End whatever access somebody has, and give him none (right `admin`)."""

    def let_in(self, identity: Identity, *, name: str) -> None:
        """Take `shut_out` back (right `admin`)."""

    def subscribe(self, listener: Callable[[HouseEvent], None], wants_meters: Callable[[], bool]) -> Callable[[], None]:
        """Hear every event from now on, synchronously, and meters while they are wanted; returns what ends it."""

    def is_ready(self) -> bool:
        """Whether new calls are taken: workers live, SIP bound, not draining."""

    def health(self) -> dict[str, Any]:
        """Small facts for ``/healthz``."""
