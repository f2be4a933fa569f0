"""How commands end: exit codes after sysexits.h, and errors as one line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from mediaserver.cli.places import typed

OTHER: Final = 1
UNREACHABLE: Final = 69
LATER: Final = 75
FORBIDDEN: Final = 77
CONFIGURATION: Final = 78
INTERRUPTED: Final = 130
_BY_CODE: Final = {"forbidden": FORBIDDEN, "unauthenticated": FORBIDDEN, "unavailable": LATER, "timeout": LATER, "too_many": LATER}
"""The exit code for a refusal's code; the others are `OTHER`."""


def end(code: int, text: str, hint: str = "") -> typer.Exit:
    """Say why on the error stream; raise what this returns."""
    sys.stderr.write(f"mediaserver: {text}{f' ({hint})' if hint else ''}\n")
    return typer.Exit(code)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what can go wrong into a line and an exit code."""
    # Imported late: `mediaserver --help` should not wait for them.
    from config.errors import ConfigError
    from control_api.client import Unreachable
    from control_api.permissions import Refusal

    try:
        yield
    except ConfigError as error:
        for problem in error.problems:
            end(CONFIGURATION, str(problem))
        raise typer.Exit(CONFIGURATION) from None
    except Unreachable as error:
        raise end(UNREACHABLE, str(error), "is the server running? --url or MEDIASERVER_URL says where") from None
    except Refusal as refusal:
        raise end(_BY_CODE.get(refusal.code, OTHER), f"{refusal.code}: {refusal.text}", _typed(refusal.hint)) from None
    except TimeoutError as error:
        raise end(LATER, str(error).splitlines()[0] if str(error) else "it was not done in time", "try again") from None
    except (ValueError, OSError) as error:
        raise end(OTHER, str(error).splitlines()[0] if str(error) else type(error).__name__) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _typed(hint: str) -> str:
    """A server's hint that a command of the API shows something, with what is typed here to see it."""
    kind, shows, what = hint.partition(" shows ")
    return f"{typed(kind) or kind}{shows}{what}"
