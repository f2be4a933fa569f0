"""What the Python client can ask of live calls, and of the server, in types. `control_api.client.ControlClient` has these methods too."""

from typing import Any

from control_api.access_models import BansResult, LinkResult, ResendResult, SessionsResult
from control_api.annotation_models import FlagsResult, NoteModel, NotesResult
from control_api.browser_messages import AnswerResult, IceServersResult
from control_api.call_models import CallResult, CallsResult, HelpResult, InvitedResult, MessageResult, TraceResult
from control_api.client_commands import PastCommands
from control_api.messages import CallModel, FlagModel
from control_api.supervision_models import AppliedResult, FollowModel, FollowsResult, SupervisionResult
from mixer.modes import Mode, Role


class LiveCommands(PastCommands):
    """Calls that are live, their supervision, notes and flags; texts, traces, who is let in and who is not."""

    async def list(self) -> tuple[CallModel, ...]:
        """Every live call that we may see."""
        return CallsResult.model_validate(await self.ask("list")).calls

    async def get(self, call: str) -> CallModel:
        """One call, live or ended in the last minute."""
        return CallResult.model_validate(await self.ask("get", call=call)).call

    async def supervise(
        self,
        *,
        call: str | None = None,
        agent: str | None = None,
        mode: Mode | str = Mode.LISTEN,
        target: Role | str = Role.AGENT,
        phone: str | None = None,
        offer: str | None = None,
    ) -> SupervisionResult:
        """Have our phone rung into a call; `joined` waits for its answer. With a WebRTC ``offer`` no phone rings: we are joined at once."""
        result = await self.ask("supervise", call=call, agent=agent, mode=str(mode), target=str(target), phone=phone, offer=offer)
        return SupervisionResult.model_validate(result)

    async def reoffer(self, leg: int, offer: str) -> str:
        """The answer to another WebRTC offer for a leg of ours: a restart of ICE, or another direction."""
        return AnswerResult.model_validate(await self.ask("reoffer", leg=leg, offer=offer)).answer

    async def candidate(self, leg: int, candidate: str) -> None:
        """Tell a candidate that came after the offer; empty: there are no more."""
        await self.ask("candidate", leg=leg, candidate=candidate)

    async def ice_servers(self) -> IceServersResult:
        """STUN and TURN servers for our WebRTC."""
        return IceServersResult.model_validate(await self.ask("ice_servers"))

    async def set_mode(self, leg: int, mode: Mode | str, target: Role | str = Role.AGENT) -> AppliedResult:
        """Change the mode; returns when the audio has changed."""
        return AppliedResult.model_validate(await self.ask("set_mode", leg=leg, mode=str(mode), target=str(target)))

    async def mute(self, leg: int, muted: bool = True) -> AppliedResult:
        """Mute or unmute our leg."""
        return AppliedResult.model_validate(await self.ask("mute", leg=leg, muted=muted))

    async def volumes(self, leg: int, *, hears: float | None = None, heard: float | None = None) -> AppliedResult:
        """Set our leg's volumes, linear, 0 to 4."""
        return AppliedResult.model_validate(await self.ask("volumes", leg=leg, hears=hears, heard=heard))

    async def leave(self, leg: int) -> None:
        """End our leg."""
        await self.ask("leave", leg=leg)

    async def hand_over(self, leg: int, to: int) -> AppliedResult:
        """Give our talk to another supervisor's leg; returns when both gains have changed."""
        return AppliedResult.model_validate(await self.ask("hand_over", leg=leg, to=to))

    async def take_over(self, leg: int) -> AppliedResult:
        """Talk in the agent's stead."""
        return AppliedResult.model_validate(await self.ask("take_over", leg=leg))

    async def drop_agent(self, leg: int) -> AppliedResult:
        """Hang up the agent, and keep the other party."""
        return AppliedResult.model_validate(await self.ask("drop_agent", leg=leg))

    async def give_back(self, leg: int) -> AppliedResult:
        """Let the agent talk again."""
        return AppliedResult.model_validate(await self.ask("give_back", leg=leg))

    async def invite(self, call: str, number: str) -> int:
        """Ring a third one into a call; returns the number of his leg."""
        return InvitedResult.model_validate(await self.ask("invite", call=call, number=number)).leg

    async def ask_help(self, text: str | None = "", *, call: str | None = None, agent: str | None = None) -> str:
        """Say that an agent (ourselves, where none is named) needs help, or with None none any more; returns the call's id."""
        return HelpResult.model_validate(await self.ask("ask_help", text=text, call=call, agent=agent)).call

    async def follow(
        self,
        *,
        agent: str | None = None,
        team: str | None = None,
        pick: str = "next",
        calls: int | None = None,
        current: bool = True,
        seconds: float = 60.0,
        phone: str | None = None,
        offer: str | None = None,
    ) -> FollowModel:
        """Have one leg, our phone's or a browser's, join each new call of an agent, of a team, or of anybody."""
        wanted = {"agent": agent, "team": team, "pick": pick, "calls": calls, "current": current, "seconds": seconds}
        return FollowModel.model_validate(await self.ask("follow", **wanted, phone=phone, offer=offer))

    async def unfollow(self, follow: int) -> None:
        """Follow no more."""
        await self.ask("unfollow", follow=follow)

    async def follows(self) -> FollowsResult:
        """Whom we follow."""
        return FollowsResult.model_validate(await self.ask("follows"))

    async def note(self, call: str, text: str, *, seconds: float | None = None) -> NoteModel:
        """Write about a call, live or over; ``seconds``: the moment that is meant, as its duration counts."""
        return NoteModel.model_validate(await self.ask("note", call=call, text=text, seconds=seconds))

    async def notes(self, call: str) -> NotesResult:
        """What was written about a call."""
        return NotesResult.model_validate(await self.ask("notes", call=call))

    async def flag(self, call: str, label: str = "look", *, seconds: float | None = None) -> FlagModel:
        """Put a flag on a call, live or over."""
        return FlagModel.model_validate(await self.ask("flag", call=call, label=label, seconds=seconds))

    async def unflag(self, call: str, flag: str) -> None:
        """Take a flag back."""
        await self.ask("unflag", call=call, flag=flag)

    async def flags(self, call: str) -> FlagsResult:
        """The flags of a call that stand."""
        return FlagsResult.model_validate(await self.ask("flags", call=call))

    async def hang_up(self, call: str, leg: int) -> None:
        """Hang up one leg of a call."""
        await self.ask("hang_up", call=call, leg=leg)

    async def end(self, call: str) -> None:
        """End a call."""
        await self.ask("end", call=call)

    async def originate(self, *, agent: str, number: str) -> dict[str, Any]:
        """Ring an agent, then a number for him."""
        return await self.ask("originate", agent=agent, number=number)

    async def message(self, text: str, *, agent: str | None = None, call: str | None = None) -> MessageResult:
        """Send a text to the phones of an agent, or of a call's agent; returns when one has taken it."""
        return MessageResult.model_validate(await self.ask("message", agent=agent, call=call, text=text))

    async def trace(self, call: str, after: int = 0) -> TraceResult:
        """The SIP messages of a call, from a place on."""
        return TraceResult.model_validate(await self.ask("trace", call=call, after=after))

    async def bans(self) -> BansResult:
        """Who is kept out for wrong passwords."""
        return BansResult.model_validate(await self.ask("bans"))

    async def lift_ban(self, source: str, user: str = "") -> None:
        """Let somebody in again."""
        await self.ask("lift_ban", source=source, user=user)

    async def resend(self, webhook: str) -> int:
        """Have what a webhook was told in vain delivered again; how many events that is."""
        return ResendResult.model_validate(await self.ask("resend", webhook=webhook)).events

    async def link(self, call: str, seconds: float | None = None) -> LinkResult:
        """A listen-in link to a call (right ``links``)."""
        return LinkResult.model_validate(await self.ask("link", call=call, seconds=seconds))

    async def sessions(self) -> SessionsResult:
        """Who is signed in (right ``admin``)."""
        return SessionsResult.model_validate(await self.ask("sessions"))

    async def withdraw(self, session: str) -> None:
        """End a session: our own, or with the right ``admin`` any."""
        await self.ask("withdraw", session=session)

    async def shut_out(self, identity: str) -> None:
        """End whatever access an identity has, and have it given none (right ``admin``)."""
        await self.ask("shut_out", identity=identity)

    async def let_in(self, identity: str) -> None:
        """Take that back (right ``admin``)."""
        await self.ask("let_in", identity=identity)
