"""Servers by priority, and by chance after their weights (RFC 2782)."""

from collections import Counter

from sip.location.records import Srv
from sip.location.weighing import ranked, shuffled
from tests.sip.location.asker import first, seeded


def server(priority: int, weight: int, target: str) -> Srv:
    """A server at 5060."""
    return Srv(priority, weight, 5060, target)


def test_the_lower_priority_comes_first_whatever_the_weights() -> None:
    found = ranked([server(2, 100, "c"), server(1, 0, "b"), server(0, 1, "a")], seeded(1))
    assert [each.target for each in found] == ["a", "b", "c"]


def test_each_server_comes_once() -> None:
    servers = [server(index % 3, index * 7 % 5, str(index)) for index in range(20)]
    assert sorted(each.target for each in ranked(servers, seeded(2))) == sorted(each.target for each in servers)


def test_chance_follows_the_weights() -> None:
    below = seeded(3)
    firsts = Counter(ranked([server(0, 10, "a"), server(0, 30, "b"), server(0, 60, "c")], below)[0].target for _ in range(5000))
    shares = {target: count / 5000 for target, count in firsts.items()}
    assert abs(shares["a"] - 0.1) < 0.03
    assert abs(shares["b"] - 0.3) < 0.03
    assert abs(shares["c"] - 0.6) < 0.03


def test_who_has_no_weight_is_rarely_first_and_never_left_out() -> None:
    below = seeded(4)
    firsts = Counter(ranked([server(0, 99, "a"), server(0, 0, "b")], below)[0].target for _ in range(5000))
    assert 0 < firsts["b"] < 150


def test_a_draw_of_nought_takes_the_one_without_weight() -> None:
    assert [each.target for each in ranked([server(0, 5, "a"), server(0, 0, "b")], first)] == ["b", "a"]


def test_equal_addresses_share_the_load() -> None:
    below = seeded(5)
    firsts = Counter(shuffled("abc", below)[0] for _ in range(3000))
    assert all(900 < count < 1100 for count in firsts.values())
