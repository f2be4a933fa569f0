"""The desk's commands for notes and flags about calls, live or over. Each is in the journal before it is acknowledged.

What was said about a call that lives, or ended lately, is kept with it; about an older one the database is asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from control_api.permissions import Identity, Refusal, Subject, check_author, check_past, check_visible
from mediaserver.call.actions import Publish
from mediaserver.call.view import CallView
from mediaserver.signalling.calls.records import records
from mediaserver.signalling.calls.said import Said, flag_model, note_model, said_of
from mediaserver.signalling.calls.switchboard import Switchboard
from mediaserver.signalling.desk.past import Ask, answer_of, nobody_knows
from mediaserver.signalling.desk.steps import Result, Steps
from mediaserver.signalling.house import House
from mediaserver.storage.journal import JournalUnusable

_MICROSECONDS: Final = 1e6
_SLACK: Final = 1.0
"""Seconds by which a client's clock may be ahead of the call."""


@dataclass(frozen=True, slots=True)
class Found:
    """A call that may be spoken about."""

    call: str
    said: Said
    began: float
    """When it was answered, or else started: seconds since 1970."""
    lasted: float
    """Seconds since then, until it ended or until now."""
    is_live: bool = False

    def moment(self, seconds: float | None) -> float | None:
        """Seconds of the call as a time; None: that of writing. Raises `Refusal`."""
        if seconds is None:
            return None if self.is_live else self.began + self.lasted
        if seconds > self.lasted + _SLACK:
            raise Refusal("bad_request", f"seconds: the call has lasted {self.lasted:.0f} s", "count from its answer, or leave seconds out")
        return self.began + min(seconds, self.lasted)


class Annotating(Steps):
    """A part of `mediaserver.signalling.desk.supervising.SwitchboardDesk`."""

    def __init__(self, house: House, switchboard: Switchboard) -> None:
        super().__init__(house, switchboard)
        self._ask: Ask = nobody_knows
        """The database."""
        house.publisher.flags_of = lambda call: (switchboard.calls.said(call) or Said()).flags.values()

    async def note(self, identity: Identity, *, call: str, text: str, seconds: float | None) -> dict[str, Any]:
        """Write about a call, at a moment of it."""
        found = await self._told(self._found(identity, call))

        def write() -> dict[str, Any]:
            _check_room(found.said.why_no_note(text))
            about = found.moment(seconds)
            row = _kept(
                lambda: self._house.notebook.note(tenant=identity.tenant, identity=identity.name, call=call, text=text, about=about)
            )
            found.said.notes.append(row)
            return note_model(row)

        return self._tell_of("note", found, self._counted(write))

    async def notes(self, identity: Identity, *, call: str) -> Sequence[dict[str, Any]]:
        """The notes about a call."""
        return [note_model(row) for row in (await self._told(self._found(identity, call))).said.notes]

    async def flag(self, identity: Identity, *, call: str, label: str, seconds: float | None) -> dict[str, Any]:
        """Put a flag on a call, at a moment of it."""
        found = await self._told(self._found(identity, call))

        def write() -> dict[str, Any]:
            _check_room(found.said.why_no_flag())
            about = found.moment(seconds)
            row = _kept(
                lambda: self._house.notebook.flag(tenant=identity.tenant, identity=identity.name, call=call, label=label, about=about)
            )
            found.said.flags[row["id"]] = row
            return flag_model(row)

        return self._tell_of("flag", found, self._counted(write))

    async def unflag(self, identity: Identity, *, call: str, flag: str) -> None:
        """Take a flag back."""
        found = await self._told(self._found(identity, call))

        def write() -> dict[str, Any]:
            row = found.said.flags.get(flag)
            if row is None:
                raise Refusal("not_found", f"call {call} has no flag {flag}", "flags shows those that stand")
            check_author(identity, row["identity"])
            _kept(lambda: self._house.notebook.unflag(tenant=identity.tenant, identity=identity.name, call=call, flag=flag))
            del found.said.flags[flag]
            return flag_model(row)

        self._tell_of("unflag", found, self._counted(write))

    async def flags(self, identity: Identity, *, call: str) -> Sequence[dict[str, Any]]:
        """The flags of a call that stand."""
        return [flag_model(row) for row in (await self._told(self._found(identity, call))).said.flags.values()]

    def _tell_of(self, what: str, found: Found, model: dict[str, Any]) -> dict[str, Any]:
        """Count it, and tell who sees the call while it lives; one that is over must not come back to their boards."""
        self._house.counters.add("annotations", what)
        entry = self._switchboard.calls.get(found.call)
        if entry is not None:
            self._house.publisher.publish(entry.view, Publish(f"call.{what}", detail=model), partial(records, self._house.media, entry))
        return model

    async def _found(self, identity: Identity, call: str) -> Found:
        """A call that the identity may see. Raises `Refusal`."""
        entry = self._switchboard.calls.get(call)
        if entry is not None:
            return self._of_view(self._visible(identity, call).view, entry.said)
        ended, said = self._switchboard.calls.ended(call), self._switchboard.calls.said(call)
        if ended is not None and said is not None:
            check_visible(identity, Subject(ended.tenant, ended.agent, ended.team, call))
            return self._of_view(ended, said)
        return await self._of_past(identity, call)

    def _of_view(self, view: CallView, said: Said) -> Found:
        now = self._house.clock()
        began = view.started if view.answered is None else view.answered
        lasted = (now if view.ended is None else view.ended) - began
        return Found(view.call, said, began + self._house.wall() - now, lasted, view.ended is None)

    async def _of_past(self, identity: Identity, call: str) -> Found:
        row = await answer_of(self._ask("call", tenant=identity.tenant, call=call))
        check_past(identity, Subject(identity.tenant, row["agent"], row["team"], call) if row else Subject("", "", ""))
        began = row["started_at"] if row["answered_at"] is None else row["answered_at"]
        lasted = (row["ended_at"] or began) - began
        return Found(call, said_of(row["notes"], row["flags"]), began / _MICROSECONDS, lasted / _MICROSECONDS)


def _check_room(why_none: str) -> None:
    if why_none:
        raise Refusal("too_many", why_none, "what is there can be read; flags can be taken back")


def _kept(write: Callable[[], Result]) -> Result:
    """What the notebook took. Raises `Refusal` where it does not."""
    try:
        return write()
    except ValueError as error:
        raise Refusal("bad_request", str(error)) from error
    except JournalUnusable as error:
        raise Refusal("unavailable", f"nothing can be written down: {error}", error.hint) from error
