"""The E-model: known points of G.107, and that nothing gets better by loss, bursts or delay."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtp.quality import delay_impairment, rating, score

PCM = (0.0, 25.1)


def rated(
    delay: float = 0.0, loss: float = 0.0, bursts: float = 1.0, codec: tuple[float, float] = PCM, *, wide: bool = False
) -> tuple[float, float]:
    """R and MOS of one way."""
    numbers = [np.array([value]) for value in (delay, loss, bursts, *codec)]
    kind = np.array([wide])
    found = rating(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], kind)
    return float(found[0]), float(score(found, kind)[0])


def test_a_way_without_faults_is_as_good_as_the_standard_says() -> None:
    assert rated() == pytest.approx((93.2, 4.41), abs=0.005)
    assert rated(wide=True) == pytest.approx((129.0, 4.5))


@pytest.mark.parametrize(
    ("found", "opinion"), [(-5.0, 1.0), (0.0, 1.0), (50.0, 2.58), (60.0, 3.1), (70.0, 3.6), (80.0, 4.02), (90.0, 4.34)]
)
def test_the_score_follows_the_curve_of_annex_b(found: float, opinion: float) -> None:
    assert float(score(np.array([found]), np.array([False]))[0]) == pytest.approx(opinion, abs=0.01)


@pytest.mark.parametrize(("loss", "lost"), [(0.01, 3.64), (0.02, 7.01), (0.05, 15.78), (0.1, 27.07)])
def test_random_loss_costs_what_the_codecs_robustness_says(loss: float, lost: float) -> None:
    assert 93.2 - rated(loss=loss)[0] == pytest.approx(lost, abs=0.01)


def test_loss_in_bursts_costs_more() -> None:
    percent, robustness = 5.0, 25.1
    assert rated(loss=0.05, bursts=2.0)[0] == pytest.approx(93.2 - 95 * percent / (percent / 2 + robustness))


@pytest.mark.parametrize(
    ("milliseconds", "least", "most"), [(20, 0.3, 1.0), (100, 2.2, 3.0), (150, 3.0, 4.5), (250, 11.0, 17.0), (400, 29.0, 36.0)]
)
def test_delay_costs_what_the_known_fits_of_the_standard_say(milliseconds: int, least: float, most: float) -> None:
    assert least < delay_impairment(milliseconds / 1000) < most


def test_a_codec_costs_its_impairment() -> None:
    assert rated(codec=(13.0, 10.0), wide=True)[0] == pytest.approx(116.0)


@example(delay=0.001, loss=0.0, bursts=1.0, wide=True)
@given(delay=st.floats(0, 2), loss=st.floats(0, 1), bursts=st.floats(1, 10), wide=st.booleans())
def test_nothing_gets_better_by_delay_loss_or_bursts(delay: float, loss: float, bursts: float, wide: bool) -> None:
    found, opinion = rated(delay, loss, bursts, wide=wide)
    assert 0.0 <= found <= 129.0
    assert 1.0 <= opinion <= 4.5
    for worse in (rated(delay + 0.05, loss, bursts, wide=wide), rated(delay, min(loss + 0.05, 1), bursts, wide=wide)):
        assert worse[0] <= found + 1e-9
    assert rated(delay, loss, bursts + 1, wide=wide)[0] <= found + 1e-9
