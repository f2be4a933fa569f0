"""What clients of the control API, version 1, say: every command. What the server says is in `control_api.messages`."""

from typing import Final, get_args

from control_api import access_models as access
from control_api import annotation_models as annotations
from control_api import call_models as calls
from control_api import governing_models as governing
from control_api import past_models as past
from control_api import supervision_models as supervision
from control_api.messages import type_of

CallCommand = (
    calls.ListCommand
    | calls.ViewCommand
    | calls.GetCommand
    | calls.InviteCommand
    | calls.AskHelpCommand
    | calls.HangUpCommand
    | calls.EndCommand
    | calls.OriginateCommand
    | calls.MessageCommand
    | calls.TraceCommand
)
SupervisionCommand = (
    supervision.SuperviseCommand
    | supervision.ReofferCommand
    | supervision.CandidateCommand
    | supervision.IceServersCommand
    | supervision.SetModeCommand
    | supervision.MuteCommand
    | supervision.VolumesCommand
    | supervision.LeaveCommand
    | supervision.HandOverCommand
    | supervision.TakeOverCommand
    | supervision.GiveBackCommand
    | supervision.DropAgentCommand
    | supervision.FollowCommand
    | supervision.UnfollowCommand
    | supervision.FollowsCommand
)
AccessCommand = (
    access.BansCommand
    | access.LiftBanCommand
    | access.LinkCommand
    | access.SessionsCommand
    | access.WithdrawCommand
    | access.ShutOutCommand
    | access.LetInCommand
    | access.ResendCommand
)
KeptCommand = (
    annotations.NoteCommand
    | annotations.NotesCommand
    | annotations.FlagCommand
    | annotations.UnflagCommand
    | annotations.FlagsCommand
    | past.HistoryCommand
    | past.PastCallCommand
    | past.ListeningCommand
)
GoverningCommand = (
    governing.IdentitiesCommand
    | governing.PutIdentityCommand
    | governing.RemoveIdentityCommand
    | governing.PolicyCommand
    | governing.SetPolicyCommand
    | governing.ResetPolicyCommand
)
AnyCommand = CallCommand | SupervisionCommand | AccessCommand | KeptCommand | GoverningCommand


COMMANDS: Final[dict[str, type[AnyCommand]]] = {type_of(command): command for command in get_args(AnyCommand)}
"""The model of each ``type``, in the order in which ``hello`` names them."""

LOOKING: Final = frozenset(
    {
        *("list", "get", "trace", "bans", "follows", "sessions", "notes", "flags", "ice_servers"),
        *("history", "past_call", "listening", "identities", "policy"),
    }
)
"""Commands that only look. They are as well done twice: what they gave is not kept under a key."""
