"""Which session a Replaces names, and whether it may be replaced (RFC 3891 §3)."""

from sip.errors import SipError
from sip.replaces import Replaces
from sip.session.core import Core
from sip.session.session import Session, State


class NoSuchDialog(SipError):
    """A Replaces that names no dialog of ours, or an early one that is not ours to give up."""

    status = 481


class AnsweredDialog(SipError):
    """A Replaces for an early dialog only, and it was answered."""

    status = 486


class EndingDialog(SipError):
    """A Replaces for a call that we are about to end."""

    status = 603


def replaceable(core: Core, replaces: Replaces) -> Session:
    """The session that an INVITE with this Replaces may take the place of. Raises `SipError` with the status to refuse it with."""
    session = named(core, replaces)
    if session is None:
        raise NoSuchDialog("no dialog with this Call-ID and these tags")
    match session.state:
        case State.RINGING:
            # an early dialog that the other side began: its caller can cancel it, nobody else can take it over
            raise NoSuchDialog("an early dialog of the other side")
        case State.CONFIRMED if replaces.early_only:
            raise AnsweredDialog("the dialog is not early any more")
        case State.CONFIRMED | State.CALLING:
            return session
        case _:
            raise EndingDialog("the dialog is ending")


def named(core: Core, replaces: Replaces) -> Session | None:
    """The session of this dialog, whatever its state."""
    session = core.by_local_tag.get((replaces.call_id, replaces.to_tag))
    return session if session is not None and _names_peer(session, replaces.from_tag) else None


def _names_peer(session: Session, tag: str) -> bool:
    """Whether a session has a dialog with this remote tag; ``0`` also stands for none (§3, for RFC 2543 phones)."""
    return session.dialog_with(tag) is not None or (tag == "0" and session.dialog_with("") is not None)
