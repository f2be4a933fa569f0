"""Playing what a monkey wrote, and judging it: by the numbers that go out, by counters, and by playing it once more with something
left out or silenced that must make no difference.

`python -m tests.mediaserver.worker.monkeying FIRST LAST` plays these seeds.
"""

import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import numpy as np

from mediaserver.link.messages import CloseLeg, Command, OpenLeg, OpenTap
from mediaserver.link.ring import create_ring
from tests.mediaserver.worker.monkey import DIGIT_TYPE, Deed, Said, Script, Told
from tests.mediaserver.worker.simulated import House
from tests.mediaserver.worker.speaking import PAYLOAD_TYPES
from tests.mediaserver.worker.succession import null

ROWS: Final = 16
RING_FRAMES: Final = 256
ROUNDING: Final = 8
"""Two steps of the 14-bit domain."""
TOLD_EACH: Final = 20
AFTERWARDS: Final = 0.3
"""Seconds for which turns go on when the script is at its end."""
Change = Callable[[Deed], Deed | None]
"""What becomes of a deed; None: it is left out."""


@dataclass
class Played:
    """What came of a script."""

    got: dict[int, list[tuple[float, bytes]]] = field(default_factory=dict)
    """By leg: when, and what."""
    unaccounted: list[tuple[float, int, bytes]] = field(default_factory=list)
    """Datagrams that no counter knows of."""


class Player:
    """A simulated worker that does what is written; the random numbers of each leg are its own, whoever else there is."""

    def __init__(self) -> None:
        self.house = House(rows=ROWS)
        music = np.random.default_rng(1).integers(-9000, 9000, 3000)
        self.house.sounds.load("music", music.astype("<i2").tobytes())
        self._entropy = random.Random(0)
        self.house.desk._entropy = self._entropy.randbytes
        self._start = self.house.now
        self._ring = create_ring(RING_FRAMES)
        self._waiting: list[Said] = []
        self.played = Played()

    @property
    def now(self) -> float:
        """Seconds since it began."""
        return self.house.now - self._start

    def play(self, deeds: list[Deed], seconds: float) -> Played:
        """Everything, each deed when its time has come."""
        coming = iter(deeds)
        following = next(coming, None)
        while self.now < seconds:
            while following is not None and following.at <= self.now:
                self._do(following)
                following = next(coming, None)
            self._turn()
        os.close(self._ring)
        return self.played

    def _do(self, deed: Deed) -> None:
        if isinstance(deed, Said):
            self._waiting += [deed] * bool(deed.datagram)
            return
        for command in deed.commands:
            self._command(command)

    def _command(self, command: Command) -> None:
        match command:
            case OpenLeg():
                self._entropy.seed(command.leg)
                self.house.command(command, descriptors=(null(),))
            case OpenTap():
                self.house.command(command, descriptors=(os.dup(self._ring),))
            case _:
                self.house.command(command)

    def _turn(self) -> None:
        """At most one datagram of each leg that is open; those of the others are gone."""
        house, taken, left = self.house, dict[int, Said](), list[Said]()
        for said in self._waiting:
            if said.leg in house.roster.legs:
                row = house.roster.legs[said.leg].row
                if taken.setdefault(row, said) is not said:
                    left.append(said)
        self._waiting = left
        house._waiting = [(row, said.datagram) for row, said in taken.items()]
        before = {row: _accounted(house, row) for row in taken}
        owners = {row: leg.id for row, leg in enumerate(house.roster.by_row) if leg is not None}
        seen = len(house.departed)
        house.step()
        self.played.unaccounted += [
            (self.now, said.leg, said.datagram) for row, said in taken.items() if _accounted(house, row) <= before[row]
        ]
        for _, row, packet in house.departed[seen:]:
            self.played.got.setdefault(owners[row], []).append((self.now, packet))


def _accounted(house: House, row: int) -> int:
    """How many datagrams of a row its counters know of."""
    known = ("received", "duplicate", "late", "rtcp_received")
    counters = house.memory.counters(row).items()
    return sum(int(value) for name, value in counters if name.startswith("dropped_") or name in known)


def play(script: Script, change: Change = lambda deed: deed) -> Played:
    """Play a script, changed."""
    deeds = [changed for deed in script.deeds if (changed := change(deed)) is not None]
    return Player().play(deeds, script.seconds + AFTERWARDS)


def wrong_numbers(got: list[tuple[float, bytes]]) -> Iterator[str]:
    """What is wrong with the numbers of what a leg got: another SSRC, a number twice, a time that does not go on as numbers do."""
    contents: set[int] = set()
    stamps: dict[int, int] = {}
    highest = stamp = -1
    for at, packet in got:
        number, when = int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[4:8], "big")
        if packet[8:12] != got[0][1][8:12]:
            yield f"{at:.3f}: another SSRC"
        if highest < 0:
            highest, stamp = number + (1 << 16), when + (1 << 32)
        extended = highest + (number - highest + 0x8000) % 0x1_0000 - 0x8000
        if extended in contents:
            yield f"{at:.3f}: number {number} goes out twice"
        contents.add(extended)
        if packet[1] & 0x7F != DIGIT_TYPE:
            stamp += (when - stamp + (1 << 31)) % (1 << 32) - (1 << 31)
            stamps[extended] = stamp
        highest = max(highest, extended)
    for earlier, later in pairwise(sorted(stamps)):
        if stamps[later] <= stamps[earlier]:
            yield f"number {later & 0xFFFF} has a time that is {stamps[earlier] - stamps[later]} behind that of {earlier & 0xFFFF}"


def difference(one: Played, other: Played, leg: int, *, to_the_bit: bool = True) -> str:
    """Where two plays differ in what a leg got; empty where they do not.

    Not to the bit: in numbers, and in linear samples by more than a resampler rounds (how it does depends on who is resampled beside).
    """
    first, second = one.got.get(leg, []), other.got.get(leg, [])
    for (at, packet), (_, another) in zip(first, second, strict=False):
        if packet != another and (to_the_bit or not _are_close(packet, another)):
            return f"leg {leg} at {at:.3f}: {packet[:16].hex()} is not {another[:16].hex()}"
    return "" if len(first) == len(second) else f"leg {leg}: {len(first)} packets, or {len(second)}"


def _are_close(packet: bytes, other: bytes) -> bool:
    if packet[:12] != other[:12] or packet[1] & 0x7F != PAYLOAD_TYPES["L16"]:
        return packet[:12] == other[:12]
    samples, others = (np.frombuffer(each[12 : len(each) & ~1], dtype=">i2").astype(np.int64) for each in (packet, other))
    return len(samples) == len(others) and int(np.abs(samples - others).max()) <= ROUNDING


def faults(script: Script) -> list[str]:
    """Everything that is wrong with what a worker makes of a script."""
    played = play(script)
    found = [f"{at:.3f}: leg {leg} said {datagram[:16].hex()} for nothing" for at, leg, datagram in played.unaccounted]
    for leg, got in played.got.items():
        leaps = any(mouth.leapt and (script.moves or mouth.call == script.call_of[leg]) for mouth in script.mouths.values())
        found += [f"leg {leg}: {wrong}" for wrong in wrong_numbers(got) if not (leaps and "time" in wrong)]
    if not script.barges:
        found += _compared("whispered to", script, played, _muffled(script), lambda leg: _is_no_target(script, leg))
        unturned = [leg for leg, call in script.call_of.items() if call not in script.turned and not script.moves]
        found += _compared("supervised", script, played, _alone(script), lambda leg: leg in unturned and _is_no_target(script, leg))
    if not script.moves:
        silent = random.Random(len(script.deeds)).choice([10, 20, 30])
        others = [leg for leg, call in script.call_of.items() if call != silent]
        found += _compared(f"beside call {silent}", script, played, _silenced(silent), lambda leg: leg in others, to_the_bit=script.is_g711)
    return found


def _compared(
    what: str, script: Script, played: Played, change: Change, of: Callable[[int], bool], *, to_the_bit: bool = True
) -> list[str]:
    """Where it makes a difference, to legs of whom it must not, that a script is changed."""
    legs = [leg for leg in script.call_of if of(leg)]
    if not legs:
        return []
    other = play(script, change)
    return [f"{what}: {text}" for leg in legs if (text := difference(played, other, leg, to_the_bit=to_the_bit))]


def _is_no_target(script: Script, leg: int) -> bool:
    return script.role_of[leg] not in ("supervisor", "agent")


def _muffled(script: Script) -> Change:
    """Supervisors say something else, packet by packet as long."""

    def change(deed: Deed) -> Deed:
        if isinstance(deed, Said) and script.role_of[deed.leg] == "supervisor" and len(deed.datagram) > 12 and deed.datagram[0] == 0x80:
            kind, payload = deed.datagram[1] & 0x7F, deed.datagram[12:]
            if kind == PAYLOAD_TYPES["OPUS"]:
                return replace(deed, datagram=deed.datagram[:13])
            if kind in PAYLOAD_TYPES.values():
                return replace(deed, datagram=deed.datagram[:12] + bytes(byte ^ 0x55 for byte in payload))
        return deed

    return change


def _alone(script: Script) -> Change:
    """Supervisors are there, and do nothing."""

    def change(deed: Deed) -> Deed | None:
        opens = isinstance(deed, Told) and all(isinstance(command, OpenLeg | CloseLeg) for command in deed.commands)
        return None if script.role_of.get(deed.leg) == "supervisor" and not opens else deed

    return change


def _silenced(call: int) -> Change:
    """Nobody of a call says anything."""
    return lambda deed: None if isinstance(deed, Said) and deed.call == call else deed


def main() -> None:
    """Play seeds; tell those that something is wrong with."""
    first, last = map(int, sys.argv[1:3])
    for seed in range(first, last):
        try:
            found = faults(Script(seed))
        except Exception as error:
            found = [f"raised {type(error).__name__}: {error}"]
        if found:
            print(seed, *found[:4], sep="\n   ", flush=True)
        if seed % TOLD_EACH == TOLD_EACH - 1:
            print(f"seeds {first} to {seed} were played", flush=True)


if __name__ == "__main__":
    main()
