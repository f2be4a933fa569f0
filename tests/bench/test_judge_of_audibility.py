"""The judge passes a clean mix and catches each kind of broken one, on recordings made without a server."""

from dataclasses import replace

import numpy as np
import pytest

from bench.generator.signals import Tones, render
from bench.judge.audibility import AudibilityJudge, Verdict, Violation
from bench.judge.levels import ToneBank, decibels
from bench.judge.recording import build
from bench.judge.score import AMPLITUDE, GRID, MOST_LEGS, CrowdBook, Score, ToneBook
from mixer.coders.opus import OpusEncoder
from mixer.opus_parameters import OpusParameters
from tests.bench.synthetic import Scene

NAN = float("nan")


def kinds(verdict: Verdict) -> set[tuple[str, str, str]]:
    return {(each.kind, each.speaker, each.listener) for each in verdict.violations}


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def test_a_right_mix_has_no_violation_and_much_was_judged(scene: Scene) -> None:
    verdict = scene.judge()
    assert verdict.violations == []
    assert verdict.judged > 6 * 5 * 500
    assert verdict.judged_packets > 1500
    assert verdict.explained == verdict.summed > 2000
    assert verdict.disturbed == 0


def test_one_leaked_frame_at_a_switch_is_caught(scene: Scene) -> None:
    verdict = scene.judge(lambda frame, listener, speaker: 1.0 if (frame, listener, speaker) == (150, 0, 2) else NAN)
    assert ("leak", "supervisor0", "customer0") in kinds(verdict)


def test_one_leaked_frame_far_from_any_switch_is_caught(scene: Scene) -> None:
    verdict = scene.judge(lambda frame, listener, speaker: 1.0 if (frame, listener, speaker) == (77, 1, 2) else NAN)
    assert ("leak", "supervisor0", "agent0") in kinds(verdict)


def test_a_leaked_frame_of_another_call_is_caught(scene: Scene) -> None:
    verdict = scene.judge(lambda frame, listener, speaker: 1.0 if (frame, listener, speaker) == (500, 2, 4) else NAN)
    assert ("leak", "agent1", "supervisor0") in kinds(verdict)


def test_a_whisper_to_the_wrong_side_is_caught_on_both_sides(scene: Scene) -> None:
    def wrong_target(frame: int, listener: int, speaker: int) -> float:
        if speaker == 2 and 150 <= frame < 300 and listener < 2:
            return 1.0 if listener == 0 else 0.0
        return NAN

    found = kinds(scene.judge(wrong_target))
    assert ("leak", "supervisor0", "customer0") in found
    assert ("level", "supervisor0", "agent0") in found


def test_another_calls_row_is_caught(scene: Scene) -> None:
    def other_row(frame: int, listener: int, speaker: int) -> float:
        if listener == 1 and frame >= 100 and speaker in (0, 3):
            return 1.0 if speaker == 3 else 0.0
        return NAN

    found = kinds(scene.judge(other_row))
    assert ("leak", "customer1", "agent0") in found
    assert ("level", "customer0", "agent0") in found


def test_a_leg_that_is_35_db_down_is_caught(scene: Scene) -> None:
    quiet = 10 ** (-35 / 20)
    verdict = scene.judge(lambda frame, listener, speaker: quiet if (listener, speaker) == (0, 1) else NAN)
    levels = [each for each in verdict.violations if each.kind == "level"]
    assert levels
    assert {(each.speaker, each.listener) for each in levels} == {("agent0", "customer0")}


def test_four_db_too_quiet_is_caught_and_two_db_is_not(scene: Scene) -> None:
    def at(decibel: float) -> Verdict:
        gain = 10 ** (decibel / 20)
        return scene.judge(lambda frame, listener, speaker: gain if (listener, speaker) == (2, 1) else NAN)

    assert ("level", "agent0", "supervisor0") in kinds(at(-4.0))
    assert {each.kind for each in at(-2.0).violations} <= {"unsummed"}


@pytest.mark.parametrize(("tardy", "at", "kind"), [(1, 70, None), (0, 70, "level"), (1, 90, "level")])
def test_what_is_made_up_for_a_packet_that_left_late_is_not_too_soft(scene: Scene, tardy: int, at: int, kind: str | None) -> None:
    dips = scene.recordings(lambda frame, listener, speaker: 0.5 if (listener, speaker) == (2, 1) and 70 <= frame < 76 else NAN)
    late = np.array([[at * 0.02 - 0.001, at * 0.02 + 0.06]])
    verdict = AudibilityJudge(scene.score, tardy={tardy: late}).judge(2, dips[2])
    assert {each.kind for each in verdict.violations} == ({kind} if kind else set())
    assert 0 < verdict.excused < 20


def test_who_was_late_may_be_heard_by_nobody_else_for_that(scene: Scene) -> None:
    leaks = scene.recordings(lambda frame, listener, speaker: 0.5 if (frame // 10, listener, speaker) == (20, 1, 3) else NAN)
    verdict = AudibilityJudge(scene.score, tardy={3: np.array([[4.0, 4.2]])}).judge(1, leaks[1])
    assert "leak" in {each.kind for each in verdict.violations}


def test_a_volume_is_expected_of_him_who_set_it(scene: Scene) -> None:
    def judged(expected: Scene, played: float) -> set[str]:
        verdict = expected.judge(lambda frame, listener, speaker: played if listener == 2 and speaker < 2 else NAN)
        return {each.kind for each in verdict.violations}

    quiet = Scene(volume=0.5)
    assert judged(quiet, 0.5) == set()
    assert "level" in judged(quiet, 1.0)
    assert "level" in judged(scene, 0.5)


def test_a_crowd_uses_few_pairs_again_and_judged_voices_never_have_them() -> None:
    crowd = CrowdBook(seed=1)
    book = ToneBook(1, crowd.pairs)
    assert {crowd.pair([]) for _ in range(200)} <= set(crowd.pairs)
    assert not {book.pair([]) for _ in range(300)} & set(crowd.pairs)


def test_beside_opus_a_leak_is_still_a_leak_where_it_is_loud() -> None:
    scene = Scene()
    scene.score.add(replace(scene.score.voices[0], codec="opus"))

    def judged(gain: float) -> set[str]:
        leak = 10 ** (gain / 20)
        verdict = scene.judge(lambda frame, listener, speaker: leak if (frame // 10 == 20, listener, speaker) == (True, 1, 3) else NAN)
        return {each.kind for each in verdict.violations if each.listener == "agent0"}

    assert "leak" in judged(0.0)
    assert "leak" not in judged(-25.0)


def test_a_faint_leak_to_a_supervisor_shows_over_one_second(scene: Scene) -> None:
    faint = 10 ** (-44 / 20)
    verdict = scene.judge(lambda frame, listener, speaker: faint if (listener, speaker) == (5, 1) else NAN)
    assert ("leak_1s", "agent0", "supervisor1") in kinds(verdict)


def test_a_single_changed_bit_is_caught_where_the_stream_must_be_untouched(scene: Scene) -> None:
    verdict = scene.judge(lambda frame, listener, speaker: 1.05 if (frame, listener, speaker) == (60, 0, 1) else NAN)
    assert ("altered", "agent0", "customer0") in kinds(verdict)


def test_a_listener_who_gets_nothing_is_missing(scene: Scene) -> None:
    silent = build(np.zeros(0, np.uint32), np.zeros(0), np.zeros((0, 160), np.uint8), "PCMU")
    verdict = AudibilityJudge(scene.score).judge(2, silent)
    assert {each.kind for each in verdict.violations} == {"missing"}
    assert {each.speaker for each in verdict.violations} == {"customer0", "agent0"}


def test_lost_packets_are_left_out_and_are_no_violation() -> None:
    lost = frozenset((frame, 2) for frame in (70, 201, 202, 390))
    assert Scene(lost=lost).judge().violations == []


def test_a_jump_in_one_voice_is_counted_as_disturbed_and_not_as_a_leak(scene: Scene) -> None:
    recordings = scene.recordings()
    heard = recordings[2]
    cut = np.concatenate([np.arange(0, 250), np.arange(251, 600)])
    jumped = build((np.arange(599) * 160).astype(np.uint32), np.asarray(np.arange(599) * 0.02), heard.payload[cut], "PCMU")
    verdict = AudibilityJudge(scene.score).judge(2, jumped)
    assert [str(each) for each in verdict.violations if each.kind != "level"] == []
    assert 1 <= verdict.disturbed <= 6


def test_no_pair_of_tones_is_given_twice_and_a_calls_tones_are_far_apart() -> None:
    book, seen = ToneBook(seed=1), set()
    for _ in range(200):
        taken: list[int] = []
        for _ in range(4):
            pair = book.pair(taken)
            assert all(abs(at - other) >= 3 for at in pair for other in taken)
            taken += pair
            assert pair not in seen
            seen.add(pair)


def test_a_score_keeps_open_what_must_be_heard_until_it_closes() -> None:
    score = Score()
    score.opens(1, 2, 5.0)
    assert score.is_open(1, 2)
    score.closes(1, 2, 6.0)
    assert not score.is_open(1, 2)
    assert [(span.start, span.end, span.must) for span in score.spans[1]] == [(5.0, 6.0, True)]


def test_a_violation_reads_as_a_sentence() -> None:
    text = str(Violation("leak", "supervisor0", "customer0", 3.014, 0.12, -7.2))
    assert text == "leak: supervisor0 -> customer0 at -7.2 dB, 3.01 s for 0.12 s"


def test_beside_opus_a_voice_that_is_hardly_there_is_still_missed() -> None:
    scene = Scene()
    scene.score.add(replace(scene.score.voices[0], codec="opus"))

    def judged(gain: float) -> set[tuple[str, str, str]]:
        quiet = 10 ** (gain / 20)
        return kinds(scene.judge(lambda frame, listener, speaker: quiet if (listener, speaker) == (1, 0) else NAN))

    assert ("level", "customer0", "agent0") in judged(-16.0)
    assert ("level", "customer0", "agent0") not in judged(-11.0)


def test_what_the_coder_of_a_server_makes_of_two_voices_is_within_what_is_allowed_of_opus() -> None:
    voices = [Tones((int(GRID[low]), int(GRID[high])), AMPLITUDE) for low, high in ((43, 64), (52, 84))]
    loops = [render(voice, "L16/16000").reshape(-1).view(">i2").astype(np.int16) for voice in voices]
    encoder = OpusEncoder(16_000, 1, OpusParameters(takes_fec=True))
    packets = [encoder.encode(frame) for frame in ((loops[0] + loops[1]) // 4).astype(np.int16).reshape(-1, 320)]
    payload = np.array([np.frombuffer(packet.ljust(400, b"\0"), np.uint8) for packet in packets])
    lengths = np.array([len(packet) for packet in packets])
    stamps = (np.arange(len(packets)) * 960).astype(np.uint32)
    heard = build(stamps, np.asarray(np.arange(len(packets)) * 0.02), payload, "opus", lengths)
    tones = np.array([tone for voice in voices for tone in voice.frequencies])
    levels = decibels(ToneBank(tones, 800).amplitudes(heard.samples, np.arange(1200, 7000, 160)) / AMPLITUDE)
    assert -14.0 < levels.min() < -2.0


def test_a_call_of_most_legs_has_tones_for_a_transfer() -> None:
    for seed in range(10):
        book, taken = ToneBook(seed), list[int]()
        for _ in range(MOST_LEGS + 2):
            taken += book.pair(taken)
        assert len(taken) == len(set(taken)) == 2 * (MOST_LEGS + 2)
    with pytest.raises(RuntimeError, match="no pair of tones is left"):
        book.pair(list(range(0, len(GRID), 3)))
