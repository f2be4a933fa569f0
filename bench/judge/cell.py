"""The verdict on one cell of the audio bench: what the supervisor heard, against a decoder that knows everything."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np

from bench.coding import opus
from bench.coding.codecs import Codec
from bench.judge.heard import Floats, Heard, delays, hear
from bench.judge.speech import pesq_score
from bench.judge.tones import ToneHeard, judge_tone
from bench.simulator.phone import Phone
from bench.simulator.script import AMPLITUDE, PITCH, TONE, Cell, Script

WITHIN: Final = 0.3
"""PESQ that may be lost against the reference, and where nothing is lost against the direct party."""
PITCH_WITHIN: Final = 0.001
LEVEL_WITHIN_DB: Final = 1.0
COLUMNS: Final = (
    "codec",
    "ptime",
    "loss",
    "jitter",
    "pesq",
    "reference",
    "direct",
    "delay_ms",
    "p99_ms",
    "level_db",
    "pitch",
    "residual_db",
    "verdict",
)
_LONGEST_DELAY: Final = 0.6
_LONGEST_GAP: Final = 0.02
"""Seconds between two packets to a listener, beyond his packet time."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was found out about a cell."""

    cell: Cell
    pesq: float = 0.0
    reference: float = 0.0
    direct: float | None = None
    """Where nothing is lost: what the agent hears."""
    delay_ms: float = 0.0
    delay_p99_ms: float = 0.0
    agent: ToneHeard | None = None
    pitch_error: float = 1.0
    """Of the customer's tone, through his path."""
    wrong: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """A word, or what is not as it must be."""
        return ", ".join(self.wrong) or "held"

    def columns(self) -> tuple[object, ...]:
        """As `COLUMNS`."""
        cell, agent = self.cell, self.agent
        return (
            cell.codec.name,
            cell.ptime_ms,
            cell.loss,
            cell.jitter_ms,
            round(self.pesq, 2),
            round(self.reference, 2),
            None if self.direct is None else round(self.direct, 2),
            round(self.delay_ms, 1),
            round(self.delay_p99_ms, 1),
            None if agent is None else round(agent.level_db, 2),
            round(self.pitch_error, 6),
            None if agent is None else round(agent.residual_db, 1),
            self.verdict,
        )


def judge(cell: Cell, script: Script, customer: Phone, agent: Phone, supervisor: Phone) -> Row:
    if len(supervisor.got) < 2 or len(customer.got) < 2:
        return Row(cell, wrong=("nothing came",))
    codec, rate = cell.codec, script.rate
    heard = hear(supervisor.got, codec, cell.ptime_ms)
    begins = customer.phase + script.speech_at
    score, lags = _speech_heard(script, heard, begins)
    delay = float(np.median(lags))
    coding = coding_delay(codec, cell.ptime_ms)
    reference = _reference(cell, script, customer, delay - 2 * coding)
    direct = None if cell.loss else _speech_heard(script, hear(agent.got, codec, cell.ptime_ms), begins)[0]
    agents = _tone_heard(heard, "agent", agent.phase + script.agents_tone_at + delay, rate)
    customers = _tone_heard(heard, "customer", customer.phase + script.customers_tone_at + delay, rate)
    row = Row(
        cell,
        score,
        reference,
        direct,
        1000 * (delay - 2 * coding),
        1000 * (float(np.percentile(lags, 99)) - 2 * coding),
        agents,
        customers.pitch_error,
    )
    wrong = [*_wrong_sound(row), *_wrong_streams(cell, heard, customer, agent)]
    return Row(cell, score, reference, direct, row.delay_ms, row.delay_p99_ms, agents, customers.pitch_error, tuple(wrong))


def _speech_heard(script: Script, heard: Heard, begins: float) -> tuple[float, Floats]:
    """PESQ of the customer's speech in somebody's ear, and its delay in each window there, seconds (0.0 where it is not to be found)."""
    lasts = len(script.speech) / script.rate
    lags = delays(script.speech, heard.between(begins, begins + lasts + _LONGEST_DELAY), script.rate, longest=_LONGEST_DELAY)
    if not len(lags):
        return 0.0, np.zeros(1)
    delay = float(np.median(lags))
    return pesq_score(script.speech, heard.between(begins + delay, begins + delay + lasts), script.rate), lags


def _reference(cell: Cell, script: Script, customer: Phone, delay: float) -> float:
    """PESQ of a decoder that is given the same packets in time for a playout of this delay, and conceals as the codec's standard says."""
    first = customer.journey.first_arrival()
    came = first <= customer.sent + delay
    payloads = [payload if there else None for payload, there in zip(customer.payloads, came.tolist(), strict=True)]
    if cell.codec.name == "opus":
        followed = np.append(first[1:] <= customer.sent[:-1] + delay, False)
        decoded = opus.decode(payloads, cell.ptime_ms, followed.tolist())
    else:
        decoded = cell.codec.decode(payloads, cell.ptime_ms)
    begins = round((script.speech_at + coding_delay(cell.codec, cell.ptime_ms)) * script.rate)
    return pesq_score(script.speech, decoded[begins : begins + len(script.speech)], script.rate)


@cache
def coding_delay(codec: Codec, ptime_ms: int) -> float:
    """Seconds that the codec itself delays what it carries."""
    said = np.random.default_rng(1).normal(0.0, 3000.0, 2 * codec.rate).astype(np.int16)
    smooth = np.convolve(said, np.ones(8) / 4, "same").astype(np.int16)
    return float(np.median(delays(smooth, codec.decode(codec.encode(smooth, ptime_ms), ptime_ms), codec.rate, longest=0.05)))


def _tone_heard(heard: Heard, who: str, at: float, rate: int) -> ToneHeard:
    """The tone of a party without its first and last 0.3 s."""
    return judge_tone(heard.between(at + 0.3, at + TONE - 0.3), PITCH[who], AMPLITUDE, rate)


def _wrong_sound(row: Row) -> list[str]:
    agent = row.agent
    assert agent is not None
    checks = {
        "below the reference": row.pesq >= row.reference - WITHIN,
        "below the direct party": row.direct is None or row.pesq >= row.direct - WITHIN,
        "pitch": abs(row.pitch_error) < PITCH_WITHIN and abs(agent.pitch_error) < PITCH_WITHIN,
        "level": abs(agent.level_db) < LEVEL_WITHIN_DB,
        "agent's tone broken": max(abs(agent.least_db), abs(agent.most_db)) < LEVEL_WITHIN_DB,
        "clicks": not agent.has_clicks(row.cell.codec.unheard_db),
    }
    return [name for name, holds in checks.items() if not holds]


def _wrong_streams(cell: Cell, heard: Heard, customer: Phone, agent: Phone) -> list[str]:
    """What the customer's loss has done to others' packets: nothing, if all is well."""
    got = [packet.payload for packet in customer.got]
    ticks = cell.codec.ticks(cell.ptime_ms)
    steps = {(later.timestamp - earlier.timestamp) & 0xFFFF_FFFF for earlier, later in pairwise(customer.got)}
    checks = {
        "agent's packets altered": got == list(agent.payloads[-len(got) :]) and len(got) >= agent.count - 1 and steps == {ticks},
        "holes": heard.holes == 0 and heard.jumps == 0,
        "gap": heard.longest_gap <= cell.ptime_ms / 1000.0 + _LONGEST_GAP,
    }
    return [name for name, holds in checks.items() if not holds]
