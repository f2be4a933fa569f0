"""Supervisors who were lost, and come back into the same call.

- Who was lost (his leg died, his page is gone) and enters the same call within half a minute, by whichever door, goes on with the same
  supervision: as loud as he was, and in listen, whatever he asks for. His talk was free from the moment of the loss on.
- He need not wait until the loss is noticed: a leg of his that has fallen silent makes room for the new one.
- Who left by his own wish, or had to go, comes as anybody else.
"""

from dataclasses import dataclass, replace
from typing import Final

from mediaserver.call.conversation import Absence, Conversation
from mediaserver.call.inputs import LegId, Supervisor
from mediaserver.call.legs import SupervisorLeg
from mixer.modes import Mode, Role

WITHIN: Final = 30.0
"""Seconds in which who was lost is still expected."""
SILENT_AFTER: Final = 2.0
"""Seconds without a packet after which a supervisor who speaks counts as lost to those to whom he speaks."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How somebody enters."""

    supervisor: Supervisor
    supervision: LegId
    """Number of the first leg of this supervision."""
    resumes: LegId = 0
    """The leg with which he was lost; 0: he is new here."""


def expect(conversation: Conversation, leg: SupervisorLeg, now: float) -> None:
    """He was lost: remember him for a while, and the others who were no longer than that."""
    known = {name: absence for name, absence in conversation.absences.items() if now <= absence.until}
    conversation.absences = known | {leg.identity: Absence(leg.supervision, leg.leg, now + WITHIN, leg.volume_hears, leg.volume_heard)}


def entry_of(conversation: Conversation, number: LegId, supervisor: Supervisor, now: float) -> Entry:
    """As who he comes."""
    absence = conversation.absences.pop(supervisor.identity, None)
    if absence is None or now > absence.until:
        return Entry(supervisor, number)
    as_before = replace(supervisor, mode=Mode.LISTEN, target=Role.AGENT, hears=absence.hears, heard=absence.heard)
    return Entry(as_before, absence.supervision, absence.leg)


def has_fallen_silent(leg: SupervisorLeg, quiet: float) -> bool:
    """Whether it is lost, by all one can hear: one that has sent before or talks for an agent, and may not pause as agreed (RFC 3389)."""
    pauses = leg.media is not None and leg.media.receive_comfort_noise_payload_type is not None
    return (leg.has_sent or leg.has_taken_over) and leg.sends and not pauses and quiet >= SILENT_AFTER
