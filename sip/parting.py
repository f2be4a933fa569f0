"""Dialogs that outlive the process which had them: noted while they live, and ended with BYE by whoever comes after it.

Rules:
- only confirmed dialogs are noted: what still rings ends by its own timers;
- our sequence numbers may have gone on since a note was made, so the BYE leaps ahead (RFC 3261 §12.2.2 lets them leap);
- connections died with their process: where the way was one, another is opened; where only the peer can open it, nothing can be said.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sip.dialog import Dialog
from sip.headers import HIGHEST_CSEQ
from sip.session.asking import request_in
from sip.session.core import Core, reason_header
from sip.session.session import State
from sip.transaction.client import NOBODY
from sip.transport.flow import Flow

LEAP: Final = 1000
"""By how much our numbers may have grown since a dialog was noted."""
NOTED_EACH: Final = 500
"""A dialog is noted anew when they grew by so much."""


class LastingDialog(NamedTuple):
    """What is to be known of a dialog to end it."""

    call_id: str
    local: str
    """Our From value, with tag."""
    remote: str
    """Our To value, with tag."""
    target: str
    routes: tuple[str, ...]
    sequence: int
    """Above it there is at most half a `LEAP` that we used."""
    follows_flow: bool
    flow: Flow


def lasting(core: Core) -> Iterator[LastingDialog]:
    """Every confirmed dialog."""
    for session in core.sessions.values():
        dialog = session.dialog
        if session.state is State.CONFIRMED and dialog is not None:
            sequence = dialog.local_sequence // NOTED_EACH * NOTED_EACH
            way = (dialog.remote_target, dialog.route_set, sequence, dialog.follows_flow, dialog.flow)
            yield LastingDialog(dialog.call_id, dialog.local, dialog.remote, *way)


def part(core: Core, left: LastingDialog, reason: str, now: float) -> bool:
    """Say BYE in a dialog of a process that is gone; False where its peer cannot be reached by us."""
    dialog = Dialog(
        call_id=left.call_id,
        local=left.local,
        local_tag="",
        remote=left.remote,
        remote_tag="",
        local_sequence=left.sequence,
        flow=left.flow,
    )
    dialog.remote_target, dialog.route_set, dialog.follows_flow = left.target, left.routes, left.follows_flow
    if left.flow.is_reliable:
        if not left.flow.can_be_opened:
            return False
        dialog.lose_flow()
    bye, way = request_in(core, dialog, "BYE", min(left.sequence + LEAP, HIGHEST_CSEQ), reason_header(reason))
    core.transactions.request(bye, way, NOBODY, now)
    return True
