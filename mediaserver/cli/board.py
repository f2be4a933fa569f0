"""The board: live calls as a table, with bars that show who talks. Only draws; knows no connection."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from control_api.messages import CallModel, LegModel, LevelModel, MetersMessage
from mixer.modes import Mode, Role

STATE_STYLE: Final = {"ringing": "yellow", "routing": "yellow", "answered": "green", "held": "magenta", "ended": "dim"}
MODE_STYLE: Final = {Mode.LISTEN: "cyan", Mode.WHISPER: "yellow", Mode.BARGE: "red"}
COLUMNS: Final = ("call", "caller", "agent", "team", "queue", "state", "time", "supervisors", "customer, agent")
BARS: Final = "customer, agent"
"""The column that shows who talks."""
WIDE: Final = 120
"""Cells of a terminal in which everything has room."""
OPTIONAL: Final = frozenset({"call", "team", "queue"})
OPTIONAL_BESIDE_IDS: Final = frozenset({"team", "queue", BARS})
BAR_CELLS: Final = 10
NARROW_BAR_CELLS: Final = 6
QUIETEST: Final = -60.0
"""dBov at which a bar is empty; it is full at -10."""
LOUDEST: Final = -10.0


class Board:
    """What is shown: calls, and the latest meters of their legs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[CallModel, float]] = {}
        self._levels: dict[str, Mapping[str, LevelModel]] = {}

    def show(self, calls: Mapping[str, CallModel]) -> None:
        """Take the calls over; a call's duration runs on from when this model of it first came."""
        now = self._clock()
        for name, call in calls.items():
            if name not in self._seen or self._seen[name][0] is not call:
                self._seen[name] = (call, now)
        for name in self._seen.keys() - calls.keys():
            del self._seen[name]
            self._levels.pop(name, None)

    def hear(self, meters: MetersMessage) -> None:
        """Take meters over."""
        for name, call in meters.calls.items():
            if name in self._seen:
                self._levels[name] = call.legs

    def meters(self) -> dict[str, dict[str, object]]:
        """The latest meters as JSON, by call and leg."""
        return {name: {leg: level.model_dump() for leg, level in legs.items()} for name, legs in self._levels.items()}

    def table(self, width: int = WIDE, *, with_ids: bool = True, with_bars: bool = True) -> Table:
        """The board as it is now, calls by age. On a narrow terminal it leaves out what is asked for least; bars need meters."""
        left_out = frozenset[str]() if width >= WIDE else OPTIONAL_BESIDE_IDS if with_ids else OPTIONAL
        shown = [column for column in COLUMNS if column not in left_out and (with_bars or column != BARS)]
        bar_cells = BAR_CELLS if width >= WIDE else NARROW_BAR_CELLS
        table = Table(title=f"{len(self._seen)} {'call' if len(self._seen) == 1 else 'calls'}", title_justify="left", box=SIMPLE_HEAD)
        for column in shown:
            fold: Any = "fold" if column in ("call", "supervisors") else "ellipsis"
            table.add_column(column, overflow=fold, no_wrap=fold != "fold")
        for call, seen in sorted(self._seen.values(), key=lambda entry: entry[0].started):
            cells = self._cells(call, seen, bar_cells)
            table.add_row(*(cells[column] for column in shown))
        return table

    def _cells(self, call: CallModel, seen: float, bar_cells: int) -> dict[str, Text]:
        running = 0.0 if call.ended else self._clock() - seen
        return {
            "call": Text(clean(call.call)),
            "caller": Text(clean(call.caller)),
            "agent": Text(clean(call.agent)),
            "team": Text(clean(call.team)),
            "queue": Text(clean(call.metadata.get("queue", ""))),
            "state": Text(call.state, STATE_STYLE.get(call.state, "")),
            "time": Text(duration(call.duration + running)),
            "supervisors": supervisors(call),
            BARS: Text(" ").join((self._bar(call, Role.CUSTOMER, bar_cells), self._bar(call, Role.AGENT, bar_cells))),
        }

    def _bar(self, call: CallModel, role: Role, cells: int) -> Text:
        levels = self._levels.get(call.call, {})
        for leg in call.legs:
            if leg.role is role and str(leg.leg) in levels:
                return bar(levels[str(leg.leg)], cells)
        return Text(" " * cells)


def supervisors(call: CallModel) -> Text:
    """Who supervises and how: ``anna whisper, bert listen (muted)``."""
    legs = [leg for leg in call.legs if leg.role is Role.SUPERVISOR and leg.state != "ended"]
    return Text(", ").join(_supervisor(leg) for leg in legs)


def _supervisor(leg: LegModel) -> Text:
    text = Text(clean(leg.party or leg.identity) + " ")
    if leg.mode is not None:
        text.append(str(leg.mode), MODE_STYLE[leg.mode])
    if leg.mode is Mode.WHISPER and leg.target not in (None, Role.AGENT):
        text.append(f" to {leg.target}")
    notes = (
        [leg.state] * (leg.state in ("ringing", "early"))
        + ["muted"] * leg.muted
        + ["not heard: " + clean(leg.inaudible)] * bool(leg.inaudible)
    )
    if notes:
        text.append(f" ({', '.join(notes)})")
    return text


def bar(level: LevelModel, length: int = BAR_CELLS) -> Text:
    """A leg's loudness as a bar; bright while it speaks."""
    share = (level.level_dbov - QUIETEST) / (LOUDEST - QUIETEST)
    cells = round(min(max(share, 0.0), 1.0) * length)
    return Text("█" * cells + "·" * (length - cells), "bold green" if level.speaks else "dim")


def duration(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def clean(text: str) -> str:
    """What comes from a network must not steer the terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)
