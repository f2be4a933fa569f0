"""The faults by name."""

from typing import Final

FAULTS: Final = {
    "leaked-frame": "at each switch one frame of the supervisor reaches the customer",
    "wrong-target": "a whisper for the agent goes to the customer, and the reverse",
    "other-row": "some listeners hear another call's party in place of their own",
    "quiet-leg": "some agents are heard 35 dB too quiet",
}
VARIABLE: Final = "BENCH_FAULT"
"""Environment variable by which the worker's entry point learns its fault."""
