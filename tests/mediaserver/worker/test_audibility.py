"""Audibility: whatever is done to calls, the gains are those of the table, and what is heard follows them."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaserver.link.messages import Admit, CloseLeg, SetMode, SetMuted, SetVolumes
from mixer.modes import PARTIES, Mode, Role, is_audible
from tests.mediaserver.worker.hearing import samples, tone_level
from tests.mediaserver.worker.simulated import House

ROLES = ("customer", "agent", "supervisor", "outside")


@dataclass
class Known:
    """What the slow model knows of a leg."""

    call: int
    role: Role
    admitted: bool = True
    muted: bool = False
    sends: bool = True
    receives: bool = True
    mode: Mode | None = None
    target: Role | None = None
    hears: float = 1.0
    heard: float = 1.0

    def gain(self, listener: "Known") -> float:
        """How loud ``listener`` hears this leg."""
        together = self.call == listener.call and self.admitted and listener.admitted and listener.receives
        if not together or not self.sends or self.muted or not is_audible(self.role, self.mode, self.target, listener.role):
            return 0.0
        return (1.0 if self.role in PARTIES else self.heard) * (1.0 if listener.role in PARTIES else listener.hears)


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["join", "close", "admit", "mute", "mode", "hold", "volumes"]),
        st.integers(0, 30),
        st.integers(0, 30),
        st.booleans(),
    ),
    max_size=40,
)


class Model:
    """A worker and the slow model beside it."""

    def __init__(self) -> None:
        self.house = House(rows=12, calls=3, seats=6)
        self.known: dict[int, Known] = {}
        self._last = 0

    def do(self, what: str, first: int, second: int, flag: bool) -> None:
        """One operation on both."""
        if what == "join":
            self.join(100 + first % 3, Role(ROLES[second % 4]), admitted=flag)
        elif self.known:
            leg = sorted(self.known)[first % len(self.known)]
            getattr(self, what)(leg, self.known[leg], second, flag)

    def join(self, call: int, role: Role, *, admitted: bool) -> None:
        """A leg joins where there is room."""
        if len(self.known) < 11 and sum(known.call == call for known in self.known.values()) < 5:
            self._last += 1
            self.house.join(self._last, call, role, admitted=admitted)
            self.known[self._last] = Known(call, role, admitted)

    def close(self, leg: int, _: Known, second: int, flag: bool) -> None:
        """A leg ends; its row is back after the fade at the latest."""
        self.house.phones.pop(self.house.roster.legs[leg].row)
        self.house.command(CloseLeg(leg))
        self.house.run(0.11)
        del self.known[leg]

    def admit(self, leg: int, known: Known, second: int, flag: bool) -> None:
        """Let in or take out."""
        self.house.command(Admit(leg, flag))
        known.admitted = flag

    def mute(self, leg: int, known: Known, second: int, flag: bool) -> None:
        """Mute or unmute."""
        self.house.command(SetMuted(leg, flag))
        known.muted = flag

    def mode(self, leg: int, known: Known, second: int, flag: bool) -> None:
        """Set the mode; refused for parties."""
        mode, target = list(Mode)[second % 3], Role.AGENT if flag else Role.CUSTOMER
        self.house.command(SetMode(leg, mode, target))
        if known.role is Role.SUPERVISOR:
            known.mode, known.target = mode, target

    def hold(self, leg: int, known: Known, second: int, flag: bool) -> None:
        """Another direction."""
        known.sends, known.receives = flag, bool(second % 2)
        self.house.set_media(leg, remote_sends=known.sends, remote_receives=known.receives)

    def volumes(self, leg: int, known: Known, second: int, flag: bool) -> None:
        """Other volumes; refused for parties."""
        self.house.command(SetVolumes(leg, 0.5 + second / 20, 2.0 if flag else 0.25))
        if known.role is Role.SUPERVISOR:
            known.hears, known.heard = 0.5 + second / 20, 2.0 if flag else 0.25

    def gains(self, leg: int) -> dict[int, float]:
        """At which gains a leg hears which others, as the worker will mix it next."""
        mix, row = self.house.state.mix, self.house.roster.legs[leg].row
        count = int(mix.count[row])
        by_row = {self.house.roster.legs[other].row: other for other in self.known}
        rows, goals = mix.source[row, :count].tolist(), mix.goal[row, :count].tolist()
        assert row not in rows
        return {by_row[source]: goal for source, goal in zip(rows, goals, strict=True) if goal}

    def check(self) -> None:
        """The worker's gains are the model's."""
        self.house.step()
        for leg, listener in self.known.items():
            wanted = {other: known.gain(listener) for other, known in self.known.items() if other != leg}
            assert self.gains(leg) == pytest.approx({other: gain for other, gain in wanted.items() if gain}, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_gains_follow_the_table_whatever_happens(operations: list[tuple[str, int, int, bool]]) -> None:
    model = Model()
    for operation in operations:
        model.do(*operation)
        model.check()


@pytest.mark.parametrize("speaker", list(Role))
@pytest.mark.parametrize("listener", list(Role))
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("target", [Role.AGENT, Role.CUSTOMER])
def test_every_pair_of_roles_is_heard_as_the_table_says(speaker: Role, listener: Role, mode: Mode, target: Role) -> None:
    house = House()
    first, second = house.join(1, 10, speaker), house.join(2, 10, listener)
    first.tone = 701.0
    if speaker is Role.SUPERVISOR:
        house.command(SetMode(1, mode, target))
    house.run(0.3)
    heard = bool(second.got) and tone_level(samples(second.got[-10:]), 701.0) > 1000
    assert heard == is_audible(speaker, mode, target, listener)
    if not heard:
        assert not second.got or not samples(second.got).any()


@pytest.mark.parametrize("seed", range(4))
def test_what_is_heard_follows_the_model_through_random_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = Model()
    for call in (100, 101):
        for role in (Role.CUSTOMER, Role.AGENT, Role.SUPERVISOR, Role.SUPERVISOR):
            model.join(call, role, admitted=True)
    house = model.house
    for phone in house.phones.values():
        phone.tone, phone.level = 307.0 + 97.0 * phone.leg, 1200.0
    for _ in range(8):
        for _ in range(3):
            what = ("mode", "mode", "mute", "admit", "hold")[int(rng.integers(5))]
            model.do(what, int(rng.integers(31)), int(rng.integers(31)), bool(rng.random() < 0.7))
        house.run(0.35)
        for leg, listener in model.known.items():
            phone = house.phones[house.roster.legs[leg].row]
            recent = [packet for packet in phone.got if packet.at > house.now - 0.21]
            for other, speaker in model.known.items():
                level = tone_level(samples(recent), house.phones[house.roster.legs[other].row].tone) if len(recent) > 5 else 0.0
                wanted = 0.0 if other == leg else speaker.gain(listener)
                assert (level > 800) if wanted else (level < 20), (leg, other, level, wanted)
