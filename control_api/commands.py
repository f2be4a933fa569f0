"""From a command of the API to the desk and back to a result."""

from typing import Any, assert_never

from control_api import access_models as access
from control_api import annotation_models as annotations
from control_api import call_models as calls
from control_api import governing_models as governing
from control_api import past_models as past
from control_api import supervision_models as supervision
from control_api.command_models import AccessCommand, AnyCommand, CallCommand, GoverningCommand, KeptCommand, SupervisionCommand
from control_api.idempotency import Outcome
from control_api.permissions import Identity, Refusal, check_guest, check_standing
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
    check_guest(identity, command.type)
    if isinstance(command, CallCommand):
        return await _about_call(desk, identity, command)
    if isinstance(command, SupervisionCommand):
        return await _supervising(desk, identity, command, remote)
    if isinstance(command, AccessCommand):
        return await _about_access(desk, identity, command)
    if isinstance(command, KeptCommand):
        return await _about_what_is_kept(desk, identity, command)
    return await _governing(desk, identity, command)


async def _about_call(desk: Desk, identity: Identity, command: CallCommand) -> dict[str, Any]:
    match command:
        case calls.ListCommand():
            return {"calls": list(desk.calls(identity))}
        case calls.ViewCommand():
            pass  # about a connection, whose session has taken it
        case calls.GetCommand():
            return {"call": desk.call(identity, command.call)}
        case calls.InviteCommand():
            return {"leg": await desk.invite(identity, call=command.call, number=command.number)}
        case calls.AskHelpCommand():
            return {"call": await desk.ask_help(identity, call=command.call, agent=command.agent, text=command.text)}
        case calls.HangUpCommand():
            await desk.hang_up(identity, call=command.call, leg=command.leg)
        case calls.EndCommand():
            await desk.end(identity, call=command.call)
        case calls.OriginateCommand():
            return await desk.originate(identity, agent=command.agent, number=command.number)
        case calls.MessageCommand():
            return await desk.message(identity, call=command.call, agent=command.agent, text=command.text)
        case calls.TraceCommand():
            return await desk.trace(identity, call=command.call, after=command.after)
        case _:
            assert_never(command)
    return {}


async def _supervising(desk: Desk, identity: Identity, command: SupervisionCommand, remote: str) -> dict[str, Any]:
    match command:
        case supervision.SuperviseCommand():
            return await _supervise(desk, identity, command, remote)
        case supervision.ReofferCommand():
            return {"answer": desk.reoffer(identity, leg=command.leg, offer=command.offer)}
        case supervision.CandidateCommand():
            desk.candidate(identity, leg=command.leg, candidate=command.candidate)
        case supervision.IceServersCommand():
            return desk.ice_servers(identity)
        case supervision.SetModeCommand():
            return _applied(await desk.set_mode(identity, leg=command.leg, mode=command.mode, target=Role(command.target)))
        case supervision.MuteCommand():
            return _applied(await desk.mute(identity, leg=command.leg, muted=command.muted))
        case supervision.VolumesCommand():
            return _applied(await desk.volumes(identity, leg=command.leg, hears=command.hears, heard=command.heard))
        case supervision.LeaveCommand():
            await desk.leave(identity, leg=command.leg)
        case supervision.HandOverCommand():
            return _applied(await desk.hand_over(identity, leg=command.leg, to=command.to))
        case supervision.TakeOverCommand():
            return _applied(await desk.take_over(identity, leg=command.leg))
        case supervision.DropAgentCommand():
            return _applied(await desk.take_over(identity, leg=command.leg, drops_agent=True))
        case supervision.GiveBackCommand():
            return _applied(await desk.give_back(identity, leg=command.leg))
        case supervision.FollowCommand():
            return await _follow(desk, identity, command, remote)
        case supervision.UnfollowCommand():
            await desk.unfollow(identity, follow=command.follow)
        case supervision.FollowsCommand():
            return {"follows": list(desk.follows(identity))}
        case _:
            assert_never(command)
    return {}


async def _about_access(desk: Desk, identity: Identity, command: AccessCommand) -> dict[str, Any]:
    match command:
        case access.BansCommand():
            return {"bans": list(desk.bans(identity))}
        case access.LiftBanCommand():
            await desk.lift_ban(identity, source=command.source, user=command.user)
        case access.LinkCommand():
            return desk.link(identity, call=command.call, seconds=command.seconds)
        case access.SessionsCommand():
            return {"sessions": list(desk.sessions(identity))}
        case access.WithdrawCommand():
            desk.withdraw(identity, session=command.session)
        case access.ShutOutCommand():
            desk.shut_out(identity, name=command.identity)
        case access.LetInCommand():
            desk.let_in(identity, name=command.identity)
        case access.ResendCommand():
            return desk.resend(identity, webhook=command.webhook)
        case _:
            assert_never(command)
    return {}


async def _about_what_is_kept(desk: Desk, identity: Identity, command: KeptCommand) -> dict[str, Any]:
    match command:
        case annotations.NoteCommand():
            return await desk.note(identity, call=command.call, text=command.text, seconds=command.seconds)
        case annotations.NotesCommand():
            return {"notes": list(await desk.notes(identity, call=command.call))}
        case annotations.FlagCommand():
            return await desk.flag(identity, call=command.call, label=command.label, seconds=command.seconds)
        case annotations.UnflagCommand():
            await desk.unflag(identity, call=command.call, flag=command.flag)
        case annotations.FlagsCommand():
            return {"flags": list(await desk.flags(identity, call=command.call))}
        case past.HistoryCommand():
            return await desk.past.calls(identity, command)
        case past.PastCallCommand():
            return await desk.past.call(identity, command.call)
        case past.ListeningCommand():
            return await desk.past.listening(identity, command)
        case _:
            assert_never(command)
    return {}


async def _governing(desk: Desk, identity: Identity, command: GoverningCommand) -> dict[str, Any]:
    match command:
        case governing.IdentitiesCommand():
            return await desk.governing.identities(identity)
        case governing.PutIdentityCommand():
            return await desk.governing.put(identity, command)
        case governing.RemoveIdentityCommand():
            await desk.governing.remove(identity, command.identity)
        case governing.PolicyCommand():
            return await desk.policies.policy(identity)
        case governing.SetPolicyCommand():
            return await desk.policies.change(identity, command)
        case governing.ResetPolicyCommand():
            return await desk.policies.reset(identity, command)
        case _:
            assert_never(command)
    return {}


async def _supervise(desk: Desk, identity: Identity, command: supervision.SuperviseCommand, remote: str) -> dict[str, Any]:
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


async def _follow(desk: Desk, identity: Identity, command: supervision.FollowCommand, remote: str) -> dict[str, Any]:
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
