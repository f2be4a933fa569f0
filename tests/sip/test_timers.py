"""The heap of timers."""

from sip.timers import Timers


class Recorder:
    """Remembers what fired."""

    def __init__(self) -> None:
        self.fired_at: list[tuple[str, float]] = []

    def fired(self, name: str, now: float) -> None:
        self.fired_at.append((name, now))


def test_timers_fire_in_order_and_once() -> None:
    timers, recorder = Timers(), Recorder()
    for at, name in ((3.0, "c"), (1.0, "a"), (1.0, "b")):
        timers.start(at, recorder, name)
    assert timers.next() == 1.0
    timers.run(2.0)
    timers.run(2.5)
    assert recorder.fired_at == [("a", 2.0), ("b", 2.0)]
    assert (timers.next(), len(timers)) == (3.0, 1)


def test_a_stopped_timer_does_not_fire_and_may_be_stopped_again() -> None:
    timers, recorder = Timers(), Recorder()
    timer = timers.start(1.0, recorder, "a")
    timers.stop(timer)
    timers.stop(timer)
    timers.stop(None)
    timers.run(5.0)
    assert recorder.fired_at == []
    assert (timers.next(), len(timers)) == (None, 0)


def test_stopped_timers_do_not_pile_up() -> None:
    timers, recorder = Timers(), Recorder()
    timers.start(1.0, recorder, "keeper")
    for number in range(10_000):
        timers.stop(timers.start(100.0 + number, recorder, "x"))
    assert len(timers) == 1
    assert timers.held < 2_000
    timers.run(1.0)
    assert recorder.fired_at == [("keeper", 1.0)]
    assert len(timers) == 0
