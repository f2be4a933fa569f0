"""What a bench is on the command line: a name, options, and the run of that name, which is imported when it starts."""

import argparse
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from bench.options import Surroundings
from bench.report import Result

Work = Coroutine[Any, Any, Result | None]


@dataclass(frozen=True, slots=True)
class Option:
    """An option of one bench: its flag, and what `argparse` is told of it."""

    flag: str
    given: dict[str, Any]

    @property
    def name(self) -> str:
        """The parameter of the run that it sets."""
        return str(self.given.get("dest") or self.flag.removeprefix("--").replace("-", "_"))


def option(flag: str, **given: Any) -> Option:
    """An option, as `argparse.ArgumentParser.add_argument` takes it."""
    return Option(flag, given)


@dataclass(frozen=True, slots=True)
class Command:
    """One bench."""

    name: str
    text: str
    options: tuple[Option, ...] = ()
    isolated: bool = True
    """It measures: in a network of its own, and after other benches have ended."""
    judges: bool = True
    """False: it does something and measures nothing, whatever surrounds it."""

    @property
    def run(self) -> Callable[..., Work]:
        """``run`` of the module of its name: takes the surroundings, if it judges, and an argument for each option."""
        run: Callable[..., Work] = import_module(f"bench.runs.{self.name}").run
        return run

    def start(self, around: Surroundings, given: argparse.Namespace) -> Work:
        """Begin. What was not given is the run's to say."""
        asked = {each.name: getattr(given, each.name) for each in self.options}
        arguments = {name: tuple(value) if isinstance(value, list) else value for name, value in asked.items() if value is not None}
        return self.run(around, **arguments) if self.judges else self.run(**arguments)
