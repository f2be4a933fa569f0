"""From a command of the API to the desk and back to a result."""

from typing import Any, assert_never

from control_api.annotation_models import FlagCommand, FlagsCommand, NoteCommand, NotesCommand, UnflagCommand
from control_api.command_models import (
    AnyCommand,
    AskHelpCommand,
    BansCommand,
    CandidateCommand,
    DropAgentCommand,
    EndCommand,
    FollowCommand,
    FollowsCommand,
    GetCommand,
    GiveBackCommand,
    HandOverCommand,
    HangUpCommand,
    IceServersCommand,
    InviteCommand,
    LeaveCommand,
    LetInCommand,
    LiftBanCommand,
    LinkCommand,
    ListCommand,
    MessageCommand,
    MuteCommand,
    OriginateCommand,
    ReofferCommand,
    ResendCommand,
    SessionsCommand,
    SetModeCommand,
    ShutOutCommand,
    SuperviseCommand,
    TakeOverCommand,
    TraceCommand,
    UnfollowCommand,
    ViewCommand,
    VolumesCommand,
    WithdrawCommand,
)
from control_api.governing_models import (
    IdentitiesCommand,
    PolicyCommand,
    PutIdentityCommand,
    RemoveIdentityCommand,
    ResetPolicyCommand,
    SetPolicyCommand,
)
from control_api.idempotency import Outcome
from control_api.past_models import HistoryCommand, ListeningCommand, PastCallCommand
from control_api.permissions import Identity, Refusal, check_standing
from control_api.ports import Applied, Desk
from mixer.modes import Role


def succeeded(result: dict[str, Any]) -> Outcome:
    """The outcome of a command that was carried out."""
    return {"ok": True, "result": result}


def failed(refusal: Refusal) -> Outcome:
    """The outcome of a command that was not."""
    return {"ok": False, "error": refusal.shape}


async def carry_out(desk: Desk, identity: Identity, command: AnyCommand, remote: str = "") -> dict[str, Any]:
    """The result of the command, that came from an address (``remote``, where it is known). Raises `Refusal`."""
    check_standing(identity)
    match command:
        case ListCommand():
            return {"calls": list(desk.calls(identity))}
        case ViewCommand():
            pass  # about a connection, whose session has taken it
        case GetCommand():
            return {"call": desk.call(identity, command.call)}
        case SuperviseCommand():
            return await _supervise(desk, identity, command, remote)
        case ReofferCommand():
            return {"answer": desk.reoffer(identity, leg=command.leg, offer=command.offer)}
        case CandidateCommand():
            desk.candidate(identity, leg=command.leg, candidate=command.candidate)
        case IceServersCommand():
            return desk.ice_servers(identity)
        case SetModeCommand():
            return _applied(await desk.set_mode(identity, leg=command.leg, mode=command.mode, target=Role(command.target)))
        case MuteCommand():
            return _applied(await desk.mute(identity, leg=command.leg, muted=command.muted))
        case VolumesCommand():
            return _applied(await desk.volumes(identity, leg=command.leg, hears=command.hears, heard=command.heard))
        case LeaveCommand():
            await desk.leave(identity, leg=command.leg)
        case HandOverCommand():
            return _applied(await desk.hand_over(identity, leg=command.leg, to=command.to))
        case TakeOverCommand():
            return _applied(await desk.take_over(identity, leg=command.leg))
        case DropAgentCommand():
            return _applied(await desk.take_over(identity, leg=command.leg, drops_agent=True))
        case GiveBackCommand():
            return _applied(await desk.give_back(identity, leg=command.leg))
        case InviteCommand():
            return {"leg": await desk.invite(identity, call=command.call, number=command.number)}
        case AskHelpCommand():
            return {"call": await desk.ask_help(identity, call=command.call, agent=command.agent, text=command.text)}
        case FollowCommand():
            return await _follow(desk, identity, command, remote)
        case UnfollowCommand():
            await desk.unfollow(identity, follow=command.follow)
        case FollowsCommand():
            return {"follows": list(desk.follows(identity))}
        case HangUpCommand():
            await desk.hang_up(identity, call=command.call, leg=command.leg)
        case EndCommand():
            await desk.end(identity, call=command.call)
        case OriginateCommand():
            return await desk.originate(identity, agent=command.agent, number=command.number)
        case MessageCommand():
            return await desk.message(identity, call=command.call, agent=command.agent, text=command.text)
        case TraceCommand():
            return await desk.trace(identity, call=command.call, after=command.after)
        case BansCommand():
            return {"bans": list(desk.bans(identity))}
        case LiftBanCommand():
            await desk.lift_ban(identity, source=command.source, user=command.user)
        case LinkCommand():
            return desk.link(identity, call=command.call, seconds=command.seconds)
        case SessionsCommand():
            return {"sessions": list(desk.sessions(identity))}
        case WithdrawCommand():
            desk.withdraw(identity, session=command.session)
        case ShutOutCommand():
            desk.shut_out(identity, name=command.identity)
        case ResendCommand():
            return desk.resend(identity, webhook=command.webhook)
        case LetInCommand():
            desk.let_in(identity, name=command.identity)
        case NoteCommand():
            return await desk.note(identity, call=command.call, text=command.text, seconds=command.seconds)
        case NotesCommand():
            return {"notes": list(await desk.notes(identity, call=command.call))}
        case FlagCommand():
            return await desk.flag(identity, call=command.call, label=command.label, seconds=command.seconds)
        case UnflagCommand():
            await desk.unflag(identity, call=command.call, flag=command.flag)
        case FlagsCommand():
            return {"flags": list(await desk.flags(identity, call=command.call))}
        case IdentitiesCommand():
            return await desk.governing.identities(identity)
        case PutIdentityCommand():
            return await desk.governing.put(identity, command)
        case RemoveIdentityCommand():
            await desk.governing.remove(identity, command.identity)
        case PolicyCommand():
            return await desk.policies.policy(identity)
        case SetPolicyCommand():
            return await desk.policies.change(identity, command)
        case ResetPolicyCommand():
            return await desk.policies.reset(identity, command)
        case HistoryCommand():
            return await desk.past.calls(identity, command)
        case PastCallCommand():
            return await desk.past.call(identity, command.call)
        case ListeningCommand():
            return await desk.past.listening(identity, command)
        case _:
            assert_never(command)
    return {}


async def _supervise(desk: Desk, identity: Identity, command: SuperviseCommand, remote: str) -> dict[str, Any]:
    if command.offer is not None:
        joined = await desk.join(
            identity,
            call=command.call,
            agent=command.agent,
            mode=command.mode,
            target=Role(command.target),
            offer=command.offer,
            remote=remote,
        )
        return {"call": joined.call, "leg": joined.leg, "mode": joined.mode.value, "state": joined.state, "answer": joined.answer}
    made = await desk.supervise(
        identity, call=command.call, agent=command.agent, mode=command.mode, target=Role(command.target), phone=command.phone
    )
    return {"call": made.call, "leg": made.leg, "mode": made.mode.value, "state": made.state}


async def _follow(desk: Desk, identity: Identity, command: FollowCommand, remote: str) -> dict[str, Any]:
    return await desk.follow(
        identity,
        agent=command.agent,
        team=command.team,
        pick=command.pick,
        calls=command.calls,
        current=command.current,
        seconds=command.seconds,
        phone=command.phone,
        offer=command.offer,
        remote=remote,
    )


def _applied(applied: Applied) -> dict[str, Any]:
    return {"turn": applied.turn}
