"""The faults by name."""

from typing import Final

FAULTS: Final = {
    "leaked-frame": "at each switch one frame of the supervisor reaches the customer",
    "wrong-target": "a whisper for the agent goes to the customer, and the reverse",
    "other-row": "every third supervisor hears another call's party in place of one of his own",
    "quiet-leg": "every third agent is heard 35 dB too quiet",
}
EXPECTED: Final = {
    "leaked-frame": {"leak"},
    "wrong-target": {"leak", "level"},
    "other-row": {"leak", "level"},
    "quiet-leg": {"level"},
}
"""The kinds of violation by which each must be convicted."""
VARIABLE: Final = "BENCH_FAULT"
"""Environment variable by which the worker's entry point learns its fault."""
