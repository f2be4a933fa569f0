"""What the board draws."""

import io
from typing import Any

import pytest
from rich.console import Console

from control_api.messages import CallModel, LegModel, LevelModel, MetersMessage
from mediaserver.cli.board import Board, bar, clean, duration, supervisors
from mixer.modes import Role
from tests.control_api.desk import call_model, leg_model


class Clock:
    """A clock that is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def call(name: str = "c1", **changes: Any) -> CallModel:
    return CallModel.model_validate(call_model(name, **changes))


def supervisor(**changes: Any) -> LegModel:
    return LegModel.model_validate(leg_model(7, Role.SUPERVISOR, "anna", identity="anna", mode="listen") | changes)


def drawn(board: Board, width: int = 180, with_ids: bool = True) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(board.table(width, with_ids=with_ids))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_a_calls_duration_runs_on_between_events() -> None:
    clock = Clock()
    board = Board(clock)
    board.show({"c1": call()})
    clock.now += 60
    assert "2:01" in drawn(board)
    board.show({"c1": call(duration=10)})
    assert "0:10" in drawn(board)


def test_an_ended_calls_duration_stands() -> None:
    clock = Clock()
    board = Board(clock)
    board.show({"c1": call(ended="2030-01-01T00:00:00Z")})
    clock.now += 60
    assert "1:01" in drawn(board)


def test_calls_come_and_go_in_the_order_of_their_age() -> None:
    board = Board()
    board.show({"young": call("young", started="2030-02-01"), "old": call("old", started="2030-01-01")})
    text = drawn(board)
    assert "2 calls" in text
    assert text.index("old") < text.index("young")
    board.show({"young": call("young", started="2030-02-01")})
    assert "old" not in drawn(board)


@pytest.mark.parametrize("with_ids", [True, False])
def test_nothing_that_is_shown_on_80_columns_is_cut(with_ids: bool) -> None:
    board = Board()
    board.show({"c1": call("5f0c9a31b2-17", legs=[supervisor().model_dump(mode="json")])})
    text = drawn(board, 80, with_ids)
    for word in ("+4930123", "robert", "answered", "1:01", "anna listen", "5f0c9a31b2-17" if with_ids else "customer, agent"):
        assert word in text
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_the_customers_bar_shows_how_loud_he_is() -> None:
    board = Board()
    board.show({"c1": call()})
    assert "█" not in drawn(board)
    board.hear(MetersMessage.model_validate({"calls": {"c1": {"legs": {"1": {"level_dbov": -35, "speaks": True}}}}}))
    assert "█████·····" in drawn(board)
    assert board.meters() == {"c1": {"1": {"level_dbov": -35.0, "speaks": True, "mos_up": None, "mos_down": None}}}


def test_meters_of_calls_that_are_gone_are_forgotten() -> None:
    board = Board()
    meters = MetersMessage.model_validate({"calls": {"c1": {"legs": {"1": {"level_dbov": -35, "speaks": True}}}}})
    board.hear(meters)
    assert board.meters() == {}
    board.show({"c1": call()})
    board.hear(meters)
    board.show({})
    assert board.meters() == {}


@pytest.mark.parametrize(("level", "cells"), [(-127, 0), (-60, 0), (-35, 5), (-10, 10), (0, 10)])
def test_a_bar_is_as_long_as_the_leg_is_loud(level: float, cells: int) -> None:
    assert bar(LevelModel(level_dbov=level, speaks=True)).plain.count("█") == cells


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0:00"), (61.9, "1:01"), (3599, "59:59"), (3600, "1:00:00"), (7325, "2:02:05")])
def test_durations_are_read_like_a_clock(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "anna listen"),
        ({"mode": "whisper", "target": "agent"}, "anna whisper"),
        ({"mode": "whisper", "target": "customer"}, "anna whisper to customer"),
        ({"mode": "barge", "muted": True}, "anna barge (muted)"),
        ({"state": "ringing"}, "anna listen (ringing)"),
        ({"mode": "whisper", "inaudible": "agent holds"}, "anna whisper (not heard: agent holds)"),
        ({"state": "ended"}, ""),
    ],
)
def test_supervisors_are_shown_with_mode_and_what_hinders_them(changes: dict[str, Any], text: str) -> None:
    legs = [LegModel.model_validate(leg_model(1, Role.CUSTOMER, "x")), supervisor(**changes)]
    assert supervisors(call().model_copy(update={"legs": tuple(legs)})).plain == text


def test_several_supervisors_stand_side_by_side() -> None:
    legs = (supervisor(), supervisor(party="bert", mode="barge"))
    assert supervisors(call().model_copy(update={"legs": legs})).plain == "anna listen, bert barge"


def test_what_comes_from_a_network_cannot_steer_the_terminal() -> None:
    assert clean("+49\x1b[2J\r\n\x9bé") == "+49�[2J���é"
    board = Board()
    board.show({"c1": call(caller="\x1b[2J", metadata={"queue": "[red]x[/red]"})})
    text = drawn(board)
    assert "\x1b" not in text
    assert "[red]x[/red]" in text
