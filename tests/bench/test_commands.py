"""The command line of the benches: each option is an argument of its run, and what is left out is the run's to say."""

import argparse
import inspect
from types import SimpleNamespace
from typing import Any

import pytest

from bench import command
from bench.command import Command, option
from bench.commands import COMMANDS
from bench.options import Surroundings
from bench.progress import Progress


@pytest.mark.parametrize("bench", COMMANDS, ids=lambda bench: bench.name)
def test_every_option_is_an_argument_of_the_run_and_none_that_it_needs_is_missing(bench: Command) -> None:
    arguments = dict(inspect.signature(bench.run).parameters)
    assert (next(iter(arguments)) == "around") is bench.judges
    arguments.pop("around", None)
    options = {each.name: each for each in bench.options}
    assert options.keys() <= arguments.keys()
    given = {name for name, each in options.items() if each.given.get("default") is not None or each.given.get("action") == "store_true"}
    assert {name for name, argument in arguments.items() if argument.default is inspect.Parameter.empty} <= given


def test_what_is_given_reaches_the_run_and_what_is_left_out_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        command, "import_module", lambda name: SimpleNamespace(run=lambda *given, **named: asked.append((name, given, named)))
    )
    around = Surroundings(None, 0, None, Progress(quiet=True))
    given = argparse.Namespace(first=3, codecs=["PCMU"], journal=None)
    options = (option("--from", dest="first"), option("--codecs", nargs="+"), option("--journal"))
    for judges in (True, False):
        _ = Command("some", "", options, judges=judges).start(around, given)
    named = {"first": 3, "codecs": ("PCMU",)}
    assert asked == [("bench.runs.some", (around,), named), ("bench.runs.some", (), named)]
