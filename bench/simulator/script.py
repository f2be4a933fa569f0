"""What the parties of one cell of the audio bench say when, and the phones that say it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.coding.codecs import Codec
from bench.generator.signals import AUDIO, read_wav
from bench.judge.speech import without_long_pauses
from bench.simulator.delaying import UniformJitter
from bench.simulator.losing import UniformLoss
from bench.simulator.path import CLEAN, Path
from bench.simulator.phone import Phone

Int16 = NDArray[np.int16]

TONE: Final = 3.0
"""Seconds that each party holds its tone."""
PITCH: Final = {"customer": 701.0, "agent": 1103.0}
AMPLITUDE: Final = 6000.0
_LEAD: Final = 1.0
"""Seconds of silence before the customer speaks."""
_GAP: Final = 0.6


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table."""

    codec: Codec
    ptime_ms: int
    loss: float
    """Percent."""
    jitter_ms: float
    seed: int

    @property
    def path(self) -> Path:
        """Between the customer and the server."""
        loss = UniformLoss(self.loss / 100.0) if self.loss else None
        return Path(loss=loss, jitter=UniformJitter(self.jitter_ms / 1000.0) if self.jitter_ms else None)


@dataclass(frozen=True, slots=True)
class Script:
    """Who says what when, at one sample rate; seconds after each phone's first packet."""

    rate: int
    speech: Int16
    """What the customer says."""
    customer: Int16
    agent: Int16
    speech_at: float
    agents_tone_at: float
    customers_tone_at: float


def script_of(rate: int, seconds: float) -> Script:
    """The script with so much speech at most."""
    suffix = "" if rate == 8_000 else "_16k"
    speech = without_long_pauses(read_wav(AUDIO / f"agent{suffix}.wav", rate), rate)
    speech = speech[: round(seconds * rate)]
    lasts = len(speech) / rate
    agents_tone_at = _LEAD + lasts + _GAP
    customers_tone_at = agents_tone_at + TONE + _GAP
    whole = round((customers_tone_at + TONE + _GAP) * rate)
    customer, agent = np.zeros(whole, np.int16), np.zeros(whole, np.int16)
    for track, at, sound in (
        (customer, _LEAD, speech),
        (agent, agents_tone_at, tone("agent", rate)),
        (customer, customers_tone_at, tone("customer", rate)),
    ):
        track[round(at * rate) : round(at * rate) + len(sound)] = sound
    return Script(rate, speech, customer, agent, _LEAD, agents_tone_at, customers_tone_at)


def tone(who: str, rate: int) -> Int16:
    times = np.arange(round(TONE * rate)) / rate
    return np.asarray(np.rint(AMPLITUDE * np.sin(2 * np.pi * PITCH[who] * times)), np.int16)


def cast(cell: Cell, script: Script, number: int) -> tuple[Phone, Phone, Phone]:
    """Customer, agent and supervisor of a cell, none of them in step with another."""
    codec, ptime = cell.codec, cell.ptime_ms
    phases = np.random.default_rng([cell.seed, number]).uniform(0.0, ptime / 1000.0, 3)
    phones = []
    for seat, track in enumerate((script.customer, script.agent, np.zeros_like(script.agent))):
        payloads = codec.encode(track, ptime)
        path = cell.path if seat == 0 else CLEAN
        phones.append(Phone(3 * number + seat + 1, codec, ptime, payloads, len(payloads), path, cell.seed, phase=float(phases[seat])))
    return phones[0], phones[1], phones[2]
