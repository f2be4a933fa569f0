"""What an identity is told of itself: how far it may go, and which commands its ceiling and its tenant's policy can permit at all.

Its clients show nothing else. What a command is about is checked when it is given.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from config.policies import PolicySettings
from control_api.command_models import COMMANDS
from control_api.permissions import GUESTS_MAY, Identity, Right, is_guest
from mixer.modes import Mode


@dataclass(frozen=True, slots=True)
class Needs:
    """What a ceiling has to hold."""

    mode: Mode | None = None
    """At least so high; None: any, or none."""
    right: Right | None = None


_LISTENING: Final = Needs(Mode.LISTEN)
_TAKING_OVER: Final = Needs(Mode.BARGE, Right.TAKE_OVER)
_GOVERNING: Final = Needs(right=Right.ADMIN)

NEEDS: Final[dict[str, Needs]] = {
    **dict.fromkeys(("supervise", "reoffer", "candidate", "ice_servers", "set_mode", "mute", "volumes", "leave"), _LISTENING),
    **dict.fromkeys(("follow", "unfollow", "follows"), _LISTENING),
    **dict.fromkeys(("hand_over", "message"), Needs(Mode.WHISPER)),
    **dict.fromkeys(("take_over", "give_back", "drop_agent"), _TAKING_OVER),
    "invite": Needs(Mode.BARGE, Right.ORIGINATE),
    "hang_up": Needs(right=Right.HANG_UP),
    "end": Needs(right=Right.END),
    "originate": Needs(right=Right.ORIGINATE),
    "trace": Needs(right=Right.TRACE),
    "link": Needs(Mode.LISTEN, Right.LINKS),
    "listening": Needs(right=Right.REPORTS),
    **dict.fromkeys(("bans", "lift_ban", "sessions", "shut_out", "let_in", "resend"), _GOVERNING),
    **dict.fromkeys(("identities", "put_identity", "remove_identity", "policy", "set_policy", "reset_policy"), _GOVERNING),
}
"""Commands that are not here need nothing of a ceiling but that it covers what they are about."""


def introduction(identity: Identity, withheld: Collection[str] = ()) -> dict[str, Any]:
    """As ``hello`` and ``GET /v1/me`` have it. withheld: commands that the policy of its tenant switches off."""
    ceiling = identity.ceiling
    return {
        "identity": identity.name,
        "tenant": identity.tenant,
        "ceiling": {
            "agents": sorted(ceiling.agents),
            "teams": sorted(ceiling.teams),
            "mode": ceiling.mode and ceiling.mode.value,
            "rights": sorted(ceiling.rights),
        },
        "commands": offered(identity, withheld),
    }


def offered(identity: Identity, withheld: Collection[str]) -> list[str]:
    """What the identity may try, but for what is withheld."""
    return [name for name in commands_of(identity) if name not in withheld]


def withheld_by(policy: PolicySettings) -> tuple[str, ...]:
    """Commands that a tenant's policy switches off."""
    return () if policy.may_ask_help else ("ask_help",)


def commands_of(identity: Identity) -> list[str]:
    """What the identity's ceiling lets it try, in the order of `COMMANDS`."""
    within = GUESTS_MAY if is_guest(identity) else COMMANDS.keys()
    return [name for name in COMMANDS if name in within and _has(identity, NEEDS.get(name, Needs()))]


def _has(identity: Identity, needs: Needs) -> bool:
    highest = identity.ceiling.mode
    reaches = needs.mode is None or (highest is not None and highest.rank >= needs.mode.rank)
    return reaches and (needs.right is None or needs.right in identity.ceiling.rights)
