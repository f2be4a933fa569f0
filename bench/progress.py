"""Progress bars on standard error, so that long work is seen and standard output stays clean."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars


class Progress:
    """Bars where somebody looks, nothing where nobody does."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)

    @contextmanager
    def task(self, label: str, total: float) -> Iterator[Callable[[float], None]]:
        """A bar of this length; call what you get to move it."""
        columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bars(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as bars:
            task = bars.add_task(label, total=total)

            def advance(by: float = 1) -> None:
                bars.advance(task, by)

            yield advance

    def say(self, text: str) -> None:
        """A line beside the bars."""
        self._console.print(text, highlight=False)
