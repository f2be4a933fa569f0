"""Habits that no linter knows: queues have a bound, tasks have a group."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import SHIPPED, name_of, python_files


def calls(file: Path, *names: str) -> Iterator[tuple[int, str, ast.Call]]:
    """Every call in a file of what is named so at its end: its line, what is called as it is written, and the call."""
    text = file.read_text()
    if not any(name in text for name in names):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and (called := ast.unparse(node.func)).endswith(names):
            yield node.lineno, called, node


def unbounded_queues(file: Path) -> list[str]:
    """Queues that are made without a bound."""
    return [
        f"{name_of(file)}:{line}"
        for line, called, call in calls(file, "Queue")
        if called.split(".")[-1] in ("Queue", "PriorityQueue", "LifoQueue", "SimpleQueue") and not call.args and not call.keywords
    ]


def loose_tasks(file: Path) -> list[str]:
    """Tasks that belong to no group, so that nobody hears of their end."""
    receivers = ("asyncio", "loop", "self._loop", "asyncio.get_running_loop()", "asyncio.get_event_loop()", "get_running_loop()")
    return [
        f"{name_of(file)}:{line}"
        for line, called, _ in calls(file, "ensure_future", ".create_task")
        if called.endswith("ensure_future") or (called.endswith(".create_task") and called.removesuffix(".create_task") in receivers)
    ]


@pytest.mark.parametrize("room", SHIPPED)
def test_every_queue_is_bounded(room: str) -> None:
    assert not [place for file in python_files(room) for place in unbounded_queues(file)]


@pytest.mark.parametrize("room", SHIPPED)
def test_every_task_belongs_to_a_group(room: str) -> None:
    assert not [place for file in python_files(room) for place in loose_tasks(file)]


@pytest.mark.parametrize(
    ("text", "queues", "tasks"),
    [
        ("queue = asyncio.Queue()", 1, 0),
        ("queue = Queue(maxsize=10)", 0, 0),
        ("asyncio.create_task(serve())", 0, 1),
        ("asyncio.get_running_loop().create_task(serve())", 0, 1),
        ("group.create_task(serve())", 0, 0),
    ],
)
def test_the_search_finds_what_it_looks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, queues: int, tasks: int) -> None:
    monkeypatch.setattr("tests.house.tree.ROOT", tmp_path)
    file = tmp_path / "sample.py"
    file.write_text(text)
    assert len(unbounded_queues(file)) == queues
    assert len(loose_tasks(file)) == tasks
