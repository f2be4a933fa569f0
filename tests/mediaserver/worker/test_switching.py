"""Changing a mode is neither heard as a click nor out of place: beside the voices and a ramp of 5 ms only the codec's noise is left."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from mediaserver.link.messages import SetMode
from tests.mediaserver.worker.hearing import samples
from tests.mediaserver.worker.simulated import House, Phone
from tests.mediaserver.worker.speaking import MEDIA

CUSTOMER, AGENT, SUPERVISOR = 433.0, 701.0, 1103.0
FULL_SCALE = 8031.0
LEAST_DB = -40.0
EXACT = ("PCMU", "PCMA", "L16", "L16 wide")
"""Codecs in which a sample that goes in comes out where it was; the others end and begin by their own states (`test_codec_changes`)."""
HEARS = {"agent": ("whisper", "barge"), "customer": ("barge",)}
BEFORE_HIM = 0.014
"""Seconds that are left of a packet time: the supervisor's next packet comes before the customer's."""
CHANGES = ("whisper", "barge", "listen", "barge", "whisper", "listen")


def call(codec: str) -> tuple[House, dict[str, Phone], Phone]:
    """Two parties and a supervisor in one codec, all speaking."""
    house = House()
    parties = {role: house.join(leg, 10, role, **MEDIA[codec]) for leg, role in ((1, "customer"), (2, "agent"))}
    supervisor = house.supervise(3, 10, **MEDIA[codec])
    parties["customer"].tone, parties["agent"].tone, supervisor.tone = CUSTOMER, AGENT, SUPERVISOR
    house.run(0.6)
    return house, parties, supervisor


def switch(house: House, phone: Phone, mode: str, phase: float = BEFORE_HIM) -> int:
    """Change the mode; the sample, of all that the phone has heard, with which its next packet begins."""
    house.run(0.02 - (house.now + phase) % 0.02)
    begins = len(samples(phone.got))
    house.command(SetMode(3, mode, "agent"))
    house.run(0.3)
    return begins


def residual_db(heard: npt.NDArray[np.float64], voice: float, share: npt.NDArray[np.float64], rate: int) -> float:
    """What is left of what was heard, but of the main voice and the supervisor's under his share: its loudest 10 ms, dB of full scale."""
    times = 2 * np.pi * np.arange(len(heard)) / rate
    waves = [wave(times * tone) for tone in (voice, SUPERVISOR) for wave in (np.sin, np.cos)]
    basis = np.stack([*waves[:2], *(wave * share for wave in waves[2:])], axis=1)
    left = heard - basis @ np.linalg.lstsq(basis, heard, rcond=None)[0]
    block = rate // 100
    loudness = np.sqrt((left[: len(left) // block * block].reshape(-1, block) ** 2).mean(axis=1))
    return float(20 * np.log10(max(loudness.max(), 1e-3) / FULL_SCALE))


def share_of(start: int, count: int, rate: int, *, opens: bool) -> npt.NDArray[np.float64]:
    """How much of the supervisor is heard in each of ``count`` samples, where that changes at sample ``start``."""
    share = np.clip((np.arange(count) - start + 1) / (0.005 * rate), 0.0, 1.0)
    return share if opens else 1.0 - share


@pytest.mark.parametrize("listener", HEARS)
@pytest.mark.parametrize("codec", EXACT)
def test_between_any_two_modes_nothing_is_left_but_the_voices_and_the_ramp(codec: str, listener: str) -> None:
    house, parties, _ = call(codec)
    phone = parties[listener]
    voice, rate = (CUSTOMER if listener == "agent" else AGENT), phone.voice.rate
    begun = len(samples(phone.got))
    switches = [(switch(house, phone, mode), mode in HEARS[listener]) for mode in CHANGES]
    heard, worst = samples(phone.got).astype(np.float64), []
    for (before, was_heard), (at, is_heard) in pairwise([(begun, False), *switches]):
        if was_heard == is_heard:
            continue
        first, last = max(at - rate // 10, before + rate // 100), at + rate // 5
        packet = rate // 50  # of whom nothing was decoded yet, he is heard from his own next packet on
        shares = [share_of(at + delay - first, last - first, rate, opens=is_heard) for delay in (0, packet)]
        worst.append(min(residual_db(heard[first:last], voice, share, rate) for share in shares))
    assert worst
    assert max(worst) <= LEAST_DB, worst


@pytest.mark.parametrize("codec", EXACT)
def test_the_supervisor_begins_with_the_first_sample_of_the_next_packet(codec: str) -> None:
    heard, begins = {}, 0
    for mode in ("listen", "whisper"):
        house, parties, supervisor = call(codec)
        supervisor.tone = 10.0
        house.run(0.5)
        begins = switch(house, parties["agent"], mode)
        heard[mode] = samples(parties["agent"].got).astype(np.int64)
    differing = np.flatnonzero(heard["listen"] != heard["whisper"])
    assert begins <= differing[0] < begins + 16
