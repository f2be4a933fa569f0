"""A worker dies, another goes on: the same numbers, the same plans and sounds, and nothing of what was not granted."""

import os
import random
from contextlib import suppress

import numpy as np
import pytest

from mediaserver.link.messages import (
    Admit,
    Applied,
    CloseLeg,
    Command,
    MoveLeg,
    OpenLeg,
    OpenReports,
    Play,
    SetMedia,
    SetMode,
    SetMuted,
    SetVolumes,
    StopPlaying,
)
from mediaserver.worker.state import Kind
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears, samples, tone_level
from tests.mediaserver.worker.reporting import reports_to, run, sender_reports
from tests.mediaserver.worker.simulated import House, Phone, Sent
from tests.mediaserver.worker.succession import Died, Told, dying_after, refusals

CUSTOMER, AGENT, SUE = 1, 2, 3
CUSTOMERS, AGENTS, SUES = 433.0, 701.0, 1103.0
DEAD = 0.1
"""Seconds between a death and the heir's first turn."""


class Monitored:
    """A call with its supervisor, in a worker that will die."""

    def __init__(self, mode: str = "listen", *, plain: bool = False) -> None:
        self.house = House()
        self.customer = self.house.join(CUSTOMER, 10, "customer")
        self.agent = self.house.join(AGENT, 10, "agent")
        self.sue = self.house.supervise(SUE, 10, mode)
        if not plain:
            self.customer.tone, self.agent.tone, self.sue.tone = CUSTOMERS, AGENTS, SUES
        self.house.run(0.5)
        self.told = Told(self.house)
        self.told.know()

    def bury(self, after: float = DEAD) -> House:
        """The worker dies between two turns; the heir takes over."""
        self.house = self.told.bury(after)
        assert self.house.doubted == []
        return self.house


def since(phone: Phone, moment: float) -> list[Sent]:
    return [packet for packet in phone.got if packet.at >= moment]


def test_the_conversation_goes_on_bit_by_bit_under_the_same_numbers_plus_the_same_constant() -> None:
    call = Monitored(plain=True)
    before = len(call.customer.got)
    lag = (call.customer.got[-1].sequence - call.agent.sequence + 1) & 0xFFFF
    heir = call.bury()
    died = heir.now
    heir.run(0.5)
    after = since(call.customer, died)
    assert after[0].at - call.customer.got[before - 1].at <= DEAD + 0.024
    assert all(packet.payload in call.agent.said for packet in after)
    assert {(packet.timestamp - packet.sequence * 160) % (1 << 32) for packet in call.customer.got[before - 5 :]} == {
        (after[-1].timestamp - after[-1].sequence * 160) % (1 << 32)
    }
    assert (after[-1].sequence - call.agent.sequence + 1) & 0xFFFF == lag
    assert_numbers_hold(call.customer.got, without_gaps=False)


def test_a_supervisors_mix_goes_on_in_time_and_its_numbers_leap_over_what_was_not_sent() -> None:
    call = Monitored()
    last = call.sue.got[-1]
    heir = call.bury()
    died = heir.now
    heir.run(0.5)
    assert_numbers_hold(call.sue.got, without_gaps=False)
    first = since(call.sue, died)[0]
    assert 0.02 * 8000 <= (first.timestamp - last.timestamp) % (1 << 32) == pytest.approx((first.at - last.at) * 8000, abs=200)
    assert (first.sequence - last.sequence) % 65_536 == (first.timestamp - last.timestamp) // 160
    heard = since(call.sue, died + 0.1)
    assert hears(heard, CUSTOMERS)
    assert hears(heard, AGENTS)


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
def test_modes_stand(mode: str) -> None:
    call = Monitored(mode)
    heir = call.bury()
    died = heir.now
    heir.run(0.5)
    assert hears(since(call.agent, died + 0.1), SUES) == (mode != "listen")
    assert hears(since(call.customer, died + 0.1), SUES) == (mode == "barge")
    assert tone_level(samples(since(call.customer, died)), SUES) < 20.0 or mode == "barge"


def test_mutes_and_volumes_stand() -> None:
    call = Monitored("barge")
    call.told.tell(SetMuted(AGENT, True), SetVolumes(SUE, 1.0, 0.5))
    call.told.house.run(0.2)
    call.told.hear()
    heir = call.bury()
    died = heir.now
    heir.run(0.5)
    assert not hears(since(call.customer, died + 0.1), AGENTS)
    assert hears(since(call.customer, died + 0.1), SUES, 1000.0)


def test_who_was_not_admitted_still_hears_nobody() -> None:
    call = Monitored("barge")
    call.told.tell(Admit(SUE, False))
    call.told.house.run(0.2)
    call.told.hear()
    heir = call.bury()
    died = heir.now
    heir.run(0.3)
    assert not any(packet.samples.any() for packet in since(call.sue, died))
    assert not hears(since(call.agent, died + 0.05), SUES)


def test_a_sound_goes_on_where_it_was_and_is_not_begun_again_by_the_command_told_twice() -> None:
    call = Monitored()
    ramp = b"".join(int(4 * value).to_bytes(2, "little", signed=True) for value in range(1, 8001))
    assert call.house.sounds.load("rising", ramp) == ""
    call.told.tell(Play(CUSTOMER, "rising", False))
    call.told.house.run(0.3)
    position = int(call.house.state.mix.sound_position[call.customer.row])
    assert 2000 < position < 2600
    heir = call.bury()
    assert list(call.told.unanswered) == []
    call.told.unanswered[1001] = Play(CUSTOMER, "rising", False)
    call.told._take(1001, Play(CUSTOMER, "rising", False))
    heir.run(0.1)
    assert int(heir.state.mix.sound_position[call.customer.row]) > position
    assert heir.answer(1001) is not None


def test_music_goes_on_behind_what_was_being_said_once() -> None:
    call = Monitored()
    for name, seconds, tone in (("music", 1.0, 600.0), ("tone", 0.5, 1500.0)):
        times = np.arange(int(8000 * seconds))
        samples = np.rint(8000 * np.sin(2 * np.pi * tone * times / 8000)).astype("<i2").tobytes()
        assert call.house.sounds.load(name, samples) == ""
    call.told.tell(Play(CUSTOMER, "music", True))
    call.told.tell(Play(CUSTOMER, "tone", False))
    call.told.house.run(0.2)
    heir = call.bury()
    died = heir.now
    heir.run(1.5)
    assert hears(since(call.customer, died + 1.0), 600.0)
    assert not hears(since(call.customer, died + 1.0), 1500.0)


def test_a_digit_that_is_on_its_way_keeps_its_start() -> None:
    call = Monitored(plain=True)
    call.customer.talking = False
    start = call.customer.timestamp

    def event(duration: int, *, end: bool = False) -> bytes:
        payload = bytes([5, (0x80 if end else 0) | 10]) + duration.to_bytes(2, "big")
        return call.customer.packet(payload, payload_type=101, timestamp=start)

    for duration in (160, 320):
        call.house.arrive(call.customer, event(duration))
        call.house.run(0.02)
    heir = call.bury()
    heir.arrive(call.customer, event(800))
    heir.arrive(call.customer, event(960, end=True))
    heir.run(0.05)
    relayed = [packet for packet in call.agent.got if packet.payload_type == 101]
    assert len({packet.timestamp for packet in relayed}) == 1
    assert len(relayed) == 4


def test_a_leg_whose_row_does_not_hold_it_is_doubted_and_the_others_go_on() -> None:
    call = Monitored(plain=True)
    call.told.calls[77], call.told.rows[77] = 10, 9
    call.house.state.leg.role[call.sue.row] = 200
    heir = call.told.bury()
    assert sorted(heir.doubted) == [SUE, 77]
    died = heir.now
    heir.run(0.3)
    assert all(packet.payload in call.agent.said for packet in since(call.customer, died))
    assert len(since(call.customer, died)) >= 13
    assert since(call.sue, died) == []


def test_a_leg_that_was_closing_is_not_there_and_its_row_serves_again() -> None:
    call = Monitored("barge")
    call.told.tell(CloseLeg(SUE))
    call.told.house.step()
    call.told.hear()
    heir = call.bury()
    died = heir.now
    heir.run(0.3)
    assert since(call.sue, died) == []
    assert not hears(since(call.agent, died), SUES)
    call.told.tell(OpenLeg(9, 10, "supervisor", False))
    heir.run(0.05)
    call.told.hear()
    assert call.told.rows[9] == call.sue.row


def test_every_call_is_planned_again_in_the_turns_that_follow() -> None:
    call = Monitored(plain=True)
    heir = call.told.bury()
    heir.state.mix.kind[call.agent.row] = Kind.NONE
    heir.run(0.1)
    assert heir.state.mix.kind[call.agent.row] == Kind.PASS


def commands(draw: random.Random) -> list[Command]:
    """Something that signalling may say about two calls with two supervisors."""
    leg, supervisor = draw.choice((1, 2, 4, 5)), draw.choice((3, 6))
    return draw.choice(
        [
            [SetMode(supervisor, draw.choice(("listen", "whisper")), "agent")],
            [SetMuted(leg, draw.random() < 0.5)],
            [SetVolumes(supervisor, 1.0, draw.choice((0.5, 1.0)))],
            [Admit(supervisor, False), Admit(supervisor, True)],
            [media_of(leg, 40_000 + 2 * leg)],
            [Play(leg, "music", draw.random() < 0.5)],
            [StopPlaying(leg)],
            [CloseLeg(supervisor), OpenLeg(supervisor, 10 if supervisor == 3 else 20, "supervisor", False), media_of(supervisor, 41_000)],
            [MoveLeg(5, 10, "outside"), Admit(5, True)],
            [MoveLeg(5, 20, "outside"), Admit(5, True)],
        ]
    )


def media_of(leg: int, port: int) -> SetMedia:
    return SetMedia(leg, "127.0.0.1", port, "PCMU", 0, 0, 20, 101, 101, True, True)


@pytest.mark.parametrize("seed", range(40))
def test_death_at_any_line_leaves_what_an_heir_can_go_on_with(seed: int) -> None:
    """No number has two contents, no customer hears a supervisor who only listens or whispers, and everybody is sent audio again."""
    draw = random.Random(seed)
    house = House()
    assert house.sounds.load("music", b"\x00\x10" * 4000) == ""
    for first, call in ((1, 10), (4, 20)):
        house.join(first, call, "customer").tone = CUSTOMERS
        house.join(first + 1, call, "agent").tone = AGENTS
        house.supervise(first + 2, call, "whisper").tone = SUES
    house.run(0.3)
    told = Told(house)
    told.know()
    for _ in range(6):
        try:
            with dying_after(draw.randrange(6000)):
                while True:
                    told.tell(*commands(draw))
                    told.house.run(draw.choice((0.002, 0.03)))
                    told.hear()
        except Died:
            told.bury(after=draw.choice((0.02, 0.1, 0.3)))
        revived = told.house.now
        for leg in (3, 6):
            told.tell(Admit(leg, True), SetMode(leg, "whisper", "agent"))
        told.tell(*(SetMuted(leg, False) for leg in (1, 2, 4, 5)))
        told.house.run(0.3)
        told.hear()
        assert told.unanswered == {}
        assert told.house.doubted == []
        assert {answer.code for answer in refusals(told.house)} <= {"bad_value", "unknown_leg"}
        for row in (told.rows[leg] for leg in (1, 2)):
            assert len(since(told.house.phones[row], revived)) >= 12
    assert len(told.answered) == len(set(told.answered))
    for phone in told.house.phones.values():
        assert_each_number_has_one_content(phone.got)
    for leg in (1, 4):
        assert tone_level(samples(told.house.phones[told.rows[leg]].got), SUES) < 30.0


def assert_each_number_has_one_content(got: list[Sent]) -> None:
    contents: dict[tuple[int, int], tuple[int, bytes]] = {}
    newest: dict[int, int] = {}
    for packet in got:
        ahead = (packet.sequence - newest.get(packet.ssrc, packet.sequence) + 0x8000) % 65_536 - 0x8000
        newest[packet.ssrc] = newest.get(packet.ssrc, packet.sequence) + max(0, ahead)
        key = (packet.ssrc, newest[packet.ssrc] if ahead > 0 else newest[packet.ssrc] + ahead)
        assert contents.setdefault(key, (packet.timestamp, packet.payload)) == (packet.timestamp, packet.payload)


def test_what_was_told_and_not_answered_is_answered_once_by_the_heir() -> None:
    call = Monitored()
    with suppress(Died), dying_after(200):
        call.told.tell(SetMode(SUE, "whisper", "agent"))
        call.told.house.run(0.1)
    assert list(call.told.unanswered) == [1001]
    heir = call.told.bury()
    died = heir.now
    heir.run(0.3)
    (answer,) = [answer for _, answer in heir.answers if answer.request == 1001]
    assert isinstance(answer, Applied)
    assert hears(since(call.agent, died + 0.1), SUES)


def test_reports_go_on_with_their_counts_and_only_where_their_port_is_lent_again() -> None:
    call = Monitored(plain=True)
    call.house.set_media(CUSTOMER, rtcp_mux=True)
    call.house.set_media(AGENT, rtcp_address="127.0.0.1", rtcp_port=40_005)
    call.house.command(OpenReports(AGENT), descriptors=(os.open("/dev/null", os.O_RDONLY),))
    run(call.house, 8.0)
    call.told.know()
    house = call.bury()
    told = run(house, 8.0)
    assert not reports_to(call.agent, told)
    reports = sender_reports(call.customer, told)
    assert reports[-1][1].packets == pytest.approx(len(call.customer.got), abs=400)
    assert reports[-1][1].ssrc == call.customer.got[0].ssrc
    house.command(OpenReports(AGENT), descriptors=(os.open("/dev/null", os.O_RDONLY),))
    assert reports_to(call.agent, run(house, 8.0))
