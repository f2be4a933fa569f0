"""What bounds a call, as plain numbers; the shell takes them from the settings."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CallLimits:
    """The bounds of one call. All times in seconds."""

    ring_timeout: float = 30.0
    """For each target, where it has none of its own; for a supervisor's phone too."""
    longest_call: float = 4 * 3600.0
    """From the answer on."""
    no_rtp: float = 60.0
    """Without RTP from a party who ought to send."""
    no_rtp_hold: float = 600.0
    """The same while a party holds the call."""
    hold: Literal["music", "silence"] = "music"
    """What the held party gets where the holder sends nothing."""
    return_to_referrer: bool = False
    """Whether an agent who hung up amid his transfer is rung again where it fails."""
    names_supervisors: bool = True
    """Whether who is refused a talk is told whose it is."""
    seats: int = 16
    """Legs at once, two of them kept for the parties."""
