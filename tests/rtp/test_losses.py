"""Patterns of loss: counted from windows as if each packet had been looked at, late ones allowed for."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtp.losses import MINIMAL_GAP, SETTLED, Losses, Pattern, burst_ratio, examine, pattern
from rtp.stream import WINDOW, Streams

ROW = np.array([0])


def nothing() -> tuple[Losses, Streams]:
    """A leg that sent nothing."""
    losses = Losses(**{field.name: np.zeros(1, dtype=np.int64) for field in fields(Losses)})
    empty: dict[str, Any] = {field.name: np.zeros(1, dtype=np.int64) for field in fields(Streams)}
    streams = Streams(**(empty | {"window": np.zeros(1, dtype=np.uint64)}))
    return losses, streams


def receive(streams: Streams, number: int) -> None:
    """A packet comes, as `rtp.stream` notes it."""
    ahead = number - int(streams.highest[0])
    if ahead > 0:
        window = int(streams.window[0]) << ahead if ahead < WINDOW else 0
        streams.window[0] = (window | 1) & 0xFFFF_FFFF_FFFF_FFFF
        streams.highest[0] = number
    else:
        streams.window[0] |= np.uint64(1 << -ahead)


def begun(first: int = 0) -> tuple[Losses, Streams]:
    """A stream whose numbers begin after ``first``."""
    losses, streams = nothing()
    streams.serial[0] = 1
    streams.first[0] = streams.highest[0] = first
    return losses, streams


def looked_at(came: Sequence[bool], every: int = 20) -> Losses:
    """What is counted of packets that came or did not, and of enough good ones after them for all to have settled."""
    losses, streams = begun()
    for number, arrived in enumerate([*came, *[True] * SETTLED], 1):
        if arrived:
            receive(streams, number)
        if number % every == 0:
            examine(losses, streams, ROW)
    examine(losses, streams, ROW)
    return losses


def counted(came: Sequence[bool]) -> dict[str, int]:
    """The same, packet by packet, as RFC 3611 appendix A.2 does it."""
    count = dict.fromkeys(("lost", "runs", "received_in_gaps", "bursts", "lonely", "received_in_bursts", "resumed", "repeated"), 0)
    since, burst = 0, 0
    for arrived in came:
        if arrived:
            since += 1
            continue
        count["lost"] += 1
        count["runs"] += since > 0 or not burst
        if not burst or since >= MINIMAL_GAP:
            count["lonely"] += burst == 1
            count["bursts"] += burst > 1
            count["received_in_gaps"] += since
            burst = 0
        elif since:
            count["resumed"] += 1
            count["received_in_bursts"] += since - 1
        else:
            count["repeated"] += 1
        burst += 1
        since = 0
    return {**count, "since": since, "burst": burst, "judged": len(came)}


def values(losses: Losses, names: Sequence[str]) -> dict[str, int]:
    """These counts."""
    return {name: int(getattr(losses, name)[0]) for name in names}


@given(st.lists(st.sampled_from([True, True, True, False]), max_size=300), st.integers(1, WINDOW - SETTLED))
def test_windows_tell_what_packets_would(came: list[bool], every: int) -> None:
    came = [True, *came]
    wanted = counted(came)
    assert values(looked_at(came, every), list(wanted)) == wanted


def test_packets_that_overtake_each_other_are_not_lost() -> None:
    losses, streams = begun()
    for number in range(1, 201, 4):
        for arriving in (number + 3, number + 2, number, number + 1):
            receive(streams, arriving)
        examine(losses, streams, ROW)
    assert values(losses, ["lost", "runs"]) == {"lost": 0, "runs": 0}


def test_a_new_stream_is_no_loss_of_the_old_one() -> None:
    losses, streams = begun()
    for number in range(1, 60):
        receive(streams, number)
        examine(losses, streams, ROW)
    streams.serial[0], streams.first[0], streams.highest[0], streams.window[0] = 2, 9000, 9000, 0
    for number in range(9001, 9060):
        receive(streams, number)
        examine(losses, streams, ROW)
    assert values(losses, ["lost", "judged"]) == {"lost": 0, "judged": 2 * (59 - SETTLED)}


def test_what_nobody_looked_at_in_time_counts_for_nothing() -> None:
    losses, streams = begun()
    for number in range(1, 500):
        receive(streams, number)
    examine(losses, streams, ROW)
    assert values(losses, ["lost", "judged"]) == {"lost": 0, "judged": WINDOW - SETTLED}


def test_losses_by_chance_have_a_burst_ratio_of_one_and_runs_one_of_their_length() -> None:
    lost, runs, judged = np.array([50, 100, 0]), np.array([50, 25, 0]), np.array([1000, 2000, 1000])
    assert burst_ratio(lost, runs, judged).tolist() == pytest.approx([1.0, 3.8, 1.0])


def test_a_stream_with_lonely_losses_has_gaps_only() -> None:
    came = ([True] * 50 + [False]) * 10 + [True] * 40
    assert pattern(looked_at(came), 0) == Pattern(0, (9 << 8) // 509, 0.0, float(len(came)))


def test_a_burst_is_told_with_its_density_and_length() -> None:
    burst = [False, True, False, False, True, False]
    came = ([True] * 100 + burst) * 41 + [True] * 40
    told = pattern(looked_at(came), 0)
    assert told.burst_packets == pytest.approx(6.0, abs=0.5)
    assert told.gap_packets == pytest.approx(102.0, abs=4.0)
    assert told.burst_density == pytest.approx(256 * 4 / 6, abs=25)
