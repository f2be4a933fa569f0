"""Speech flags of the parties: taken from a part of their packets, and still those that the detector gives for every frame."""

import numpy as np
import pytest
import webrtcvad

from mediaserver.link.memory import Memory
from mediaserver.worker.metering import Metering
from mediaserver.worker.state import State
from mixer.arrays import Int16
from mixer.g711 import decode, encode
from rtp.arrays import Bools
from tests.audio import read_wav
from tests.house.tree import ROOT
from tests.mediaserver.worker.simulated import TURN, House, Phone

FRAME = 160
ENOUGH = 0.95
Case = tuple[str, float, float | None]
"""Who speaks, by what factor softer than in the demo, and the noise that he is heard over."""
LOUD: list[Case] = [(who, 1.0, noise_dbov) for who in ("customer", "agent") for noise_dbov in (None, -65.0, -55.0, -45.0)]
SOFT: list[Case] = [(who, 0.1, None) for who in ("customer", "agent")]


def speech(who: str) -> Int16:
    """What somebody says in the demo's dialogue, 16 bit."""
    return read_wav(ROOT / "bench" / "audio" / f"{who}.wav")


def with_noise(voice: Int16, dbov: float | None) -> Int16:
    """A voice (16 bit) in µ-law, over a white noise of this level."""
    noise = np.zeros(len(voice)) if dbov is None else np.random.default_rng(3).normal(0.0, 32_124 * 10 ** (dbov / 20), len(voice))
    samples = np.clip(np.rint((voice + noise) / 4), -8031, 8031).astype(np.int16)
    return samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)


def flags_of_the_detector(frames: Int16) -> list[bool]:
    """What webrtcvad says when it hears every frame as it is sent."""
    detector = webrtcvad.Vad(2)
    return [detector.is_speech((frame * 4).astype("<i2").tobytes(), 8000) for frame in frames]


def flags_of_the_worker(said: list[Int16]) -> list[list[bool]]:
    """What the shared memory says after each frame of customers who speak at the same time, each in a call of his own."""
    house = House(rows=2 * len(said), calls=len(said))
    customers = [house.join(number, number, "customer") for number in range(len(said))]
    for number in range(len(said)):
        house.join(len(said) + number, number, "agent")
    house.step()
    flags: list[list[bool]] = [[] for _ in said]
    for number in range(max(map(len, said))):
        speaking = [who for who, frames in enumerate(said) if number < len(frames)]
        for who in speaking:
            say(house, customers[who], said[who][number])
        house.step()
        house.now += FRAME / 8000 - TURN
        for who in speaking:
            flags[who].append(house.memory.speaks(customers[who].row))
    return flags


def say(house: House, phone: Phone, frame: Int16) -> None:
    house.arrive(phone, phone.packet(encode(frame[None], np.array([0]))[0].tobytes()))
    phone.timestamp += len(frame)


def flag_after(house: House, phone: Phone, frame: Int16) -> bool:
    say(house, phone, frame)
    house.step()
    house.now += len(frame) / 8000 - TURN
    return house.memory.speaks(phone.row)


@pytest.fixture(scope="module")
def heard() -> dict[Case, tuple[Bools, Bools]]:
    """Of each case: what the detector says of every frame, and what the worker shows after it."""
    said = {(who, factor, noise): with_noise((speech(who) * factor).astype(np.int16), noise) for who, factor, noise in LOUD + SOFT}
    shown = flags_of_the_worker(list(said.values()))
    flags = {}
    for (case, frames), got in zip(said.items(), shown, strict=True):
        codecs = np.zeros(len(frames), dtype=np.int64)
        flags[case] = np.array(flags_of_the_detector(decode(encode(frames, codecs), codecs))), np.array(got)
    return flags


@pytest.mark.parametrize("case", LOUD)
def test_flags_agree_with_the_detector_on_every_frame(case: Case, heard: dict[Case, tuple[Bools, Bools]]) -> None:
    wanted, got = heard[case]
    assert 0.1 < wanted.mean() < 0.9
    assert (wanted == got).mean() >= ENOUGH


@pytest.mark.parametrize("case", SOFT)
def test_flags_of_who_speaks_very_softly_agree_too(case: Case, heard: dict[Case, tuple[Bools, Bools]]) -> None:
    wanted, got = heard[case]
    assert (wanted == got).mean() >= ENOUGH


def test_the_detector_is_asked_each_second_time_while_a_voice_goes_on() -> None:
    state = State(Memory.create(4, 2, 4))
    state.wipe(2)
    metering = Metering(state)
    asked: list[int] = []
    metering._detector.speaks = lambda rows, frames, rate: asked.extend(rows) or [True] * len(rows)  # type: ignore[func-returns-value, method-assign]
    voice, rows, flags = np.full((1, 160), 900, dtype=np.int16), np.array([2]), []
    for turn in range(6):
        metering.take(rows, voice, 80)
        metering.measure(turn * 0.1)
        flags.append(bool(state.meter.speech[2]))
    assert asked == [2, 2, 2]
    assert flags == [True] * 6
    metering.take(rows, voice // 8, 80)
    metering.measure(0.6)
    assert len(asked) == 4


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 60])
def test_a_leg_is_measured_at_least_every_hundred_milliseconds(ptime_ms: int) -> None:
    house = House()
    customer = house.join(1, 10, "customer", ptime_ms=ptime_ms)
    house.join(2, 10, "agent")
    measured = []
    for _ in range(2000 // ptime_ms):
        flag_after(house, customer, np.full(8 * ptime_ms, 500, dtype=np.int16))
        measured.append(house.state.meter.next[customer.row])
    changes = np.flatnonzero(np.diff(measured)) * ptime_ms
    assert np.diff(changes).max() <= 100
    assert np.diff(changes).mean() >= 60


def test_who_is_heard_by_nobody_has_a_level_and_no_flag() -> None:
    house = House()
    house.join(1, 10, "customer")
    house.join(2, 10, "agent")
    supervisor = house.supervise(3, 10)
    for frame in with_noise(speech("customer")[: 8000 * 20], None):
        assert not flag_after(house, supervisor, frame)
    assert house.memory.level_dbov(supervisor.row) > -127.0


def test_a_supervisor_who_whispers_has_a_flag() -> None:
    house = House()
    house.join(1, 10, "customer")
    house.join(2, 10, "agent")
    supervisor = house.supervise(3, 10, "whisper")
    house.step()
    assert any(flag_after(house, supervisor, frame) for frame in with_noise(speech("customer")[: 8000 * 20], None))
