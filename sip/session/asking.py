"""How a request of ours inside a dialog is written (RFC 3261 §12.2.1.1)."""

from collections.abc import Sequence

from sip.dialog import Dialog
from sip.message import Header, Request
from sip.session.core import Core
from sip.transport.flow import Flow


def request_in(
    core: Core, dialog: Dialog, method: str, sequence: int, headers: Sequence[Header] = (), body: bytes = b""
) -> tuple[Request, Flow]:
    """A request inside a dialog, and how it leaves."""
    flow = dialog.next_hop()
    uri, route = dialog.address()
    common: list[Header] = [
        core.via(flow),
        ("Max-Forwards", "70"),
        *route,
        ("From", dialog.local),
        ("To", dialog.remote),
        ("Call-ID", dialog.call_id),
        ("CSeq", f"{sequence} {method}"),
        ("User-Agent", core.settings.user_agent),
    ]
    return Request(method, uri, [*common, *headers], body), flow
