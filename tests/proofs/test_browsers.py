"""The bench of browser legs: a page comes into a call that talks, hears it soon, and can read all that it gets."""

from bench.options import Surroundings
from bench.progress import Progress
from bench.runs import browsers

AROUND = Surroundings(None, 0, None, Progress(quiet=True), "PCMU")


async def test_pages_are_joined_hear_the_call_and_read_everything() -> None:
    result = await browsers.run(AROUND, pages=2, seconds=0.5, stereo=True)
    assert (result.figures["pages"], result.figures["unheard"], result.figures["unread"]) == (2, 0, 0)
    assert float(str(result.figures["first_audio_max_ms"])) < 10_000
    assert int(str(result.figures["packets"])) > 50
    assert [row[:3] for row in result.rows] == [(2, True, "listen"), (2, True, "whisper")]
