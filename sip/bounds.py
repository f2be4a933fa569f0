"""How much of what one request may have, so that no list in it costs us more than its answer. Beyond it: 400."""

from typing import Final

from sip.errors import ParseError
from sip.message import Request

MOST: Final = {"Via": 70, "Route": 32, "Record-Route": 32, "Contact": 32, "Path": 32, "Require": 32, "Supported": 64}
"""Values by header. 70 hops are all that Max-Forwards usually allows."""


def check(request: Request) -> None:
    """Raises `ParseError` for too many values of a header."""
    for name, most in MOST.items():
        values = request.values(name)
        if not values or (len(values) == 1 and "," not in values[0]):
            continue
        count = len(values) + sum(value.count(",") for value in values)
        # Commas inside quotes were counted too; only then the closer look.
        if count > most and len(request.items(name)) > most:
            raise ParseError(f"{count} values of {name}; at most {most} are taken")
