"""How rooms and files begin: packages that hold only a docstring, files that say what they hold, tests that mirror the rooms."""

import ast
from pathlib import Path

import pytest

from tests.house.tree import ROOT, SHIPPED, name_of, python_files

EVERYWHERE = (*SHIPPED, "tests", "examples", "scripts")
QUOTES = '"""'
INITS = [file for file in python_files(*SHIPPED, "tests") if file.name == "__init__.py"]


def opening(file: Path) -> str:
    """A file up to the end of the text that it begins with; all of it where it begins otherwise."""
    text = file.read_text()
    return text[: text.find("\n", text.find(QUOTES, len(QUOTES)))] if text.startswith(QUOTES) else text


@pytest.mark.parametrize("file", INITS, ids=name_of)
def test_a_rooms_init_holds_a_docstring_and_nothing_else(file: Path) -> None:
    body = ast.parse(file.read_text()).body
    assert len(body) == 1, f"{name_of(file)} holds {len(body)} statements; move them into a module of its own"
    assert ast.get_docstring(ast.parse(file.read_text())), f"{name_of(file)} does not say what the room is"


def test_every_file_begins_by_saying_what_it_holds() -> None:
    silent = [name_of(file) for file in python_files(*EVERYWHERE) if not ast.get_docstring(ast.parse(opening(file)))]
    assert not silent, f"no docstring at the top: {silent}"


def test_every_folder_of_tests_is_a_package() -> None:
    """Else tests/sip would shadow sip."""
    bare = {name_of(file.parent) for file in python_files("tests") if not (file.parent / "__init__.py").exists()}
    assert not bare, f"no __init__.py in: {sorted(bare)}"


def test_every_shipped_folder_with_code_is_a_package() -> None:
    bare = {name_of(file.parent) for file in python_files(*SHIPPED) if not (file.parent / "__init__.py").exists()}
    assert not bare, f"no __init__.py in: {sorted(bare)}"


@pytest.mark.parametrize("room", SHIPPED)
def test_every_room_has_its_mirror_in_the_tests(room: str) -> None:
    assert (ROOT / "tests" / room / "__init__.py").exists()


def test_nothing_is_left_for_later() -> None:
    marks = ("TODO", "FIXME", "XXX")
    here = Path(__file__)
    left = [
        f"{name_of(file)}:{number}"
        for file in python_files(*EVERYWHERE)
        if file != here
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if any(f"# {mark}" in line for mark in marks)
    ]
    assert not left
