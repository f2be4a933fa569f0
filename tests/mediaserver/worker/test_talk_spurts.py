"""What is said after a pause in which nothing was sent is heard from its beginning on, without a click, whatever the codec."""

from typing import Any

import numpy as np
import pytest

from mixer.arrays import Int16
from tests.mediaserver.worker.hearing import assert_numbers_hold, samples
from tests.mediaserver.worker.simulated import House, Phone
from tests.mediaserver.worker.speaking import MEDIA, Voice
from tests.mediaserver.worker.test_codec_losses import WITH_DTX, likeness, speech

BEFORE, PAUSE, AFTER = 40, 47, 20
"""Packets."""
FADE = 5
"""Milliseconds over which it comes out of silence."""
SPURTS: dict[str, tuple[dict[str, Any], str]] = {
    "PCMU": (MEDIA["PCMU"], "L16"),
    "G722": (MEDIA["G722"], "L16 wide"),
    "Opus with DTX": (WITH_DTX, "L16 wide"),
}
"""What the customer speaks, and what the supervisor hears in, samples as they are."""


def frame(number: int, rate: int) -> Int16:
    """20 ms of what the customer says: a pause between two voices."""
    said = speech(number) if not BEFORE <= number < BEFORE + PAUSE else np.zeros(320, dtype=np.int16)
    return said[:: 16_000 // rate]


def nothing(voice: Voice) -> Int16:
    """20 ms without a packet: what the codec itself makes of it, else silence."""
    out = np.zeros(voice.rate // 50, dtype=np.int16)
    if voice._decoder is not None:
        voice._decoder.conceal(out)
    return out


def one_pause(media: dict[str, Any], ear: str) -> tuple[Phone, Int16, Int16]:
    """The supervisor, what he heard, and what a decoder makes of the same packets."""
    house = House()
    customer = house.join(1, 10, "customer", **media)
    agent = house.join(2, 10, "agent", **media)
    supervisor = house.supervise(3, 10, **MEDIA[ear])
    agent.talking = supervisor.talking = customer.talking = False
    decoder, decoded = Voice.of(media), []
    house.run(0.013)
    pauses, begun = True, house.now
    for number in range(BEFORE + PAUSE + AFTER):
        said = frame(number, customer.voice.rate)
        payload = customer.voice.encode(said)
        if not customer.voice.codec and not said.any():
            payload = b""
        decoded.append(decoder.decode(payload) if payload else nothing(decoder))
        if payload:
            house.arrive(customer, customer.packet(payload, marker=pauses, timestamp=number * customer.frame))
        pauses = not payload
        house.run(begun + 0.02 * (number + 1) - house.now - 1e-6)
    house.run(0.2)
    return supervisor, samples(supervisor.got), np.concatenate(decoded)


@pytest.mark.parametrize("kind", SPURTS)
def test_a_talk_spurt_is_heard_from_its_beginning_on(kind: str) -> None:
    media, ear = SPURTS[kind]
    supervisor, heard, decoded = one_pause(media, ear)
    rate = supervisor.voice.rate
    begins, lasts = (BEFORE + PAUSE) * rate // 50, rate // 10
    wanted = decoded[begins : begins + lasts]
    nearby = heard[begins - rate // 50 : begins + rate // 5 + lasts].astype(float)
    energy = np.convolve(nearby**2, np.ones(lasts), "valid")
    found = begins - rate // 50 + int(np.argmax(np.correlate(nearby, wanted.astype(float), "valid") / np.sqrt(energy + 1.0)))
    spurt = heard[found : found + lasts]
    assert likeness(spurt, wanted) > 0.95
    first = slice(FADE * rate // 1000, 20 * rate // 1000)
    assert np.abs(spurt[first].astype(float) - wanted[first]).max() < 0.15 * np.abs(wanted[first].astype(float)).max()
    steps = np.abs(np.diff(heard[found - rate // 10 : found + lasts].astype(int)))
    assert steps.max() <= 1.2 * np.abs(np.diff(decoded.astype(int))).max()
    assert_numbers_hold(supervisor.got)
