"""What is kept of DNS, for how long, and how much of it."""

from sip.location.cache import STALE_SECONDS, Cache
from sip.location.records import Answer, Question

QUESTION = Question("example.com", "A")
FAILED = Answer(has_failed=True)


def cache(limit: int = 100) -> Cache:
    """Bounds of 5 to 300 s, 30 s for nothing."""
    return Cache(shortest=5, longest=300, negative=30, limit=limit)


def kept_for(answer: Answer) -> float:
    """Seconds for which an answer is given again."""
    kept = cache()
    kept.put(QUESTION, answer, 0)
    return max((second for second in range(1000) if kept.get(QUESTION, second) is not None), default=-1) + 1


def test_an_answer_is_kept_for_its_ttl_within_bounds() -> None:
    assert [kept_for(Answer(("192.0.2.1",), ttl)) for ttl in (0, 1, 60, 86_400)] == [5, 5, 60, 300]


def test_nothing_is_kept_for_less() -> None:
    assert [kept_for(Answer((), ttl)) for ttl in (0, 10, 3600)] == [5, 10, 30]


def test_trouble_is_kept_for_a_moment() -> None:
    assert kept_for(FAILED) == 5


def test_an_alias_is_an_answer() -> None:
    assert kept_for(Answer(alias="example.net", ttl=60)) == 60


def test_an_old_answer_stands_in_for_one_that_does_not_come() -> None:
    kept, old = cache(), Answer(("192.0.2.1",), 60)
    kept.put(QUESTION, old, 0)
    assert kept.get(QUESTION, 61) is None
    assert kept.put(QUESTION, FAILED, 61) is old
    assert kept.get(QUESTION, 65) is old
    assert kept.get(QUESTION, 66) is None
    assert kept.put(QUESTION, FAILED, 60 + STALE_SECONDS) is FAILED


def test_a_new_answer_takes_the_old_ones_place_also_where_it_is_nothing() -> None:
    kept = cache()
    kept.put(QUESTION, Answer(("192.0.2.1",), 60), 0)
    assert kept.put(QUESTION, Answer(), 61) == Answer()
    assert kept.get(QUESTION, 62) == Answer()


def test_a_full_cache_forgets_what_was_not_asked_for_longest() -> None:
    kept = cache(limit=2)
    first, second, third = (Question(name, "A") for name in ("a", "b", "c"))
    kept.put(first, Answer(("192.0.2.1",), 60), 0)
    kept.put(second, Answer(("192.0.2.2",), 60), 0)
    kept.get(first, 1)
    kept.put(third, Answer(("192.0.2.3",), 60), 2)
    assert [kept.get(question, 3) is not None for question in (first, second, third)] == [True, False, True]
    assert len(kept) == 2
