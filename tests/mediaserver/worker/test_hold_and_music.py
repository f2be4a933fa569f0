"""Hold in both directions, and what the server plays: music, ringback, prompts."""

import os

import numpy as np
import pytest

from mediaserver.link.messages import Applied, CloseLeg, LoadSound, Play, Refused, SetMode, StopPlaying
from tests.mediaserver.worker.hearing import assert_numbers_hold, hears, loudest_residual_db, pitch, samples, tone_level
from tests.mediaserver.worker.simulated import House, Phone
from tests.mediaserver.worker.speaking import MEDIA

MUSIC = 600.0


def lent_sound(seconds: float = 1.0, tone: float = MUSIC) -> int:
    """A memory file with a tone of 2000 in the 14-bit domain."""
    descriptor = os.memfd_create("sound")
    times = np.arange(int(8000 * seconds))
    os.write(descriptor, np.rint(8000 * np.sin(2 * np.pi * tone * times / 8000)).astype("<i2").tobytes())
    return descriptor


def call() -> tuple[House, Phone, Phone, Phone]:
    house = House()
    phones = house.join(1, 10, "customer"), house.join(2, 10, "agent"), house.supervise(3, 10)
    for phone, tone in zip(phones, (433.0, 701.0, 1103.0), strict=True):
        phone.tone = tone
    house.command(LoadSound("music"), descriptors=(lent_sound(),))
    house.run(0.3)
    return house, *phones


def test_nothing_is_sent_to_a_leg_that_does_not_receive() -> None:
    house, customer, agent, _ = call()
    house.set_media(1, remote_receives=False)
    house.run(0.004)
    held = len(customer.got)
    house.run(0.5)
    assert len(customer.got) == held
    assert hears(agent.got[-20:], 433.0)
    house.set_media(1)
    house.run(0.3)
    assert len(customer.got) > held + 10
    assert_numbers_hold(customer.got)


def test_what_a_leg_sends_while_it_said_it_would_not_is_heard_by_nobody() -> None:
    house, _, agent, supervisor = call()
    house.set_media(1, remote_sends=False)
    house.run(0.6)
    for phone in (agent, supervisor):
        assert not hears(phone.got[-20:], 433.0)
        assert_numbers_hold(phone.got)


def test_a_held_party_hears_music_by_the_servers_clock_and_nobody_else_does() -> None:
    house, customer, agent, supervisor = call()
    house.set_media(1, remote_sends=False, remote_receives=False)
    customer.talking = False
    house.command(Play(2, "music", True))
    house.run(1.6)
    assert hears(agent.got[-20:], MUSIC)
    assert not hears(supervisor.got[-20:], MUSIC)
    assert {round(b.at - a.at, 3) for a, b in zip(agent.got[-20:], agent.got[-19:], strict=False)} == {0.02}
    house.command(StopPlaying(2))
    house.set_media(1)
    customer.talking = True
    house.run(0.5)
    assert [packet.payload for packet in agent.got[-10:]] == customer.said[-10:]
    assert_numbers_hold(agent.got)


def test_a_prompt_plays_once_beside_the_call_and_ends_by_itself() -> None:
    house, customer, agent, _ = call()
    house.command(Play(2, "music", False))
    house.run(0.6)
    assert hears(agent.got[-20:], MUSIC)
    assert hears(agent.got[-20:], 433.0)
    house.run(0.8)
    assert [packet.payload for packet in agent.got[-10:]] == customer.said[-10:]
    assert_numbers_hold(agent.got)


def test_music_goes_on_behind_what_is_said_once() -> None:
    house, _, agent, _ = call()
    house.set_media(1, remote_sends=False)
    house.command(
        LoadSound("tone"),
        descriptors=(lent_sound(0.3, 1500.0),),
    )
    house.command(Play(2, "music", True))
    house.run(0.5)
    for _ in range(2):
        house.command(Play(2, "tone", False))
        house.run(0.1)
    house.run(0.12)
    assert hears(agent.got[-8:], 1500.0)
    assert not hears(agent.got[-8:], MUSIC)
    house.run(3.0)
    assert hears(agent.got[-40:], MUSIC)
    assert not hears(agent.got[-40:], 1500.0)
    house.command(StopPlaying(2))
    house.run(0.5)
    assert not hears(agent.got[-20:], MUSIC)
    assert_numbers_hold(agent.got)


@pytest.mark.parametrize("then", [StopPlaying(2), Play(2, "other", True)])
def test_music_that_was_ended_amid_what_is_said_once_does_not_come_back(then: StopPlaying | Play) -> None:
    house, _, agent, _ = call()
    house.set_media(1, remote_sends=False)
    house.command(LoadSound("tone"), descriptors=(lent_sound(0.3, 1500.0),))
    house.command(LoadSound("other"), descriptors=(lent_sound(0.5, 1800.0),))
    house.command(Play(2, "music", True), Play(2, "tone", False))
    house.run(0.1)
    house.command(then)
    house.run(1.0)
    assert not hears(agent.got[-20:], MUSIC)
    assert hears(agent.got[-20:], 1800.0) is isinstance(then, Play)


def test_early_media_is_played_before_a_leg_is_admitted_and_starts_when_its_media_is_known() -> None:
    house = House()
    customer = house.join(1, 10, "customer", admitted=False)
    house.command(LoadSound("ringback"), descriptors=(lent_sound(),))
    house.command(Play(1, "ringback", True))
    house.run(0.5)
    assert hears(customer.got[-15:], MUSIC)
    agent = house.join(2, 10, "agent", admitted=False)
    agent.tone = 701.0
    house.run(0.5)
    assert not hears(customer.got[-15:], 701.0)


def test_a_loop_has_no_seam() -> None:
    house = House()
    customer = house.join(1, 10, "customer", admitted=False)
    house.command(LoadSound("tone"), descriptors=(lent_sound(0.25),))
    house.command(Play(1, "tone", True))
    house.run(1.2)
    heard = samples(customer.got[5:]).astype(int)
    assert abs(np.diff(heard)).max() < 2000 * 2 * np.pi * MUSIC / 8000 * 1.2


def test_a_held_agent_hears_a_whisper() -> None:
    house, customer, agent, _ = call()
    house.set_media(1, remote_sends=False, remote_receives=False)
    customer.talking = False
    house.run(0.3)
    (request,) = house.command(SetMode(3, "whisper", "agent"))
    house.run(0.6)
    assert isinstance(house.answer(request), Applied)
    assert hears(agent.got[-20:], 1103.0)


def test_a_party_with_company_that_says_nothing_is_sent_silence() -> None:
    house, _, agent, _ = call()
    house.set_media(1, remote_sends=False)
    house.run(0.5)
    assert set(agent.got[-1].payload) == {0xFF}
    house.command(CloseLeg(1))
    house.run(0.2)
    count = len(agent.got)
    house.run(0.3)
    assert len(agent.got) == count


def test_an_unknown_sound_and_a_broken_one_are_refused() -> None:
    house, *_ = call()
    empty = os.memfd_create("empty")
    play, load = (*house.command(Play(1, "nothing", True)), *house.command(LoadSound("empty"), descriptors=(empty,)))
    house.step()
    refused = [house.answer(play), house.answer(load)]
    assert [answer.code for answer in refused if isinstance(answer, Refused)] == ["unknown_sound", "bad_value"]


@pytest.mark.parametrize("codec", MEDIA)
def test_music_is_heard_at_its_pitch_and_without_a_seam_in_every_codec(codec: str) -> None:
    house = House()
    agent = house.join(2, 10, "agent", **MEDIA[codec])
    house.command(LoadSound("music"), descriptors=(lent_sound(0.25),))
    house.command(Play(2, "music", True))
    house.run(1.5)
    late = [packet for packet in agent.got if packet.at > house.now - 1.0]
    assert pitch(samples(late), MUSIC, late[0].rate) == pytest.approx(MUSIC, rel=0.001)
    assert tone_level(samples(late), MUSIC, late[0].rate) == pytest.approx(2000, rel=0.06)
    assert loudest_residual_db(late, [MUSIC]) < (-38.0 if codec == "OPUS" else -50.0)
    assert_numbers_hold(agent.got)
