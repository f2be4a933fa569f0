"""What the tracer keeps: found by call, bounded by size and by age, masked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediaserver.tracing.records import CallKnown, Heard, Tied
from mediaserver.tracing.store import SEGMENTS, Store

LOCAL, REMOTE = ("127.0.0.1", 5060), ("192.0.2.1", 5070)


def heard(sip_call_id: str, text: str = "", wall: float = 1.0, *, is_sent: bool = False) -> Heard:
    return Heard(wall, is_sent, "udp", LOCAL, REMOTE, f"OPTIONS sip:a@b SIP/2.0\r\nCall-ID: {sip_call_id}\r\n{text}\r\n".encode())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "trace", most_octets=80_000, keep=800.0, mask_numbers=False, now=0.0)
    yield made
    made.close()


def test_a_calls_messages_are_those_of_its_legs_in_order(store: Store) -> None:
    store.take(heard("one", wall=1.0))
    store.take(heard("other", wall=2.0))
    store.take(heard("two", wall=3.0, is_sent=True))
    store.take(Tied("one", "c1", 1, "customer"))
    store.take(Tied("two", "c1", 2, "agent"))
    store.take(CallKnown("c1", "default", "robert", "support"))
    store.write(0.0)
    subject, messages, is_complete = store.read("c1", 0, 100)
    assert subject == ("default", "robert", "support")
    told = [(traced.wall, traced.leg, traced.role, traced.is_sent) for traced in messages]
    assert told == [(1.0, 1, "customer", False), (3.0, 2, "agent", True)]
    assert is_complete


def test_messages_that_came_before_their_call_was_known_are_found(store: Store) -> None:
    store.take(heard("one"))
    store.write(0.0)
    store.take(Tied("one", "c1", 1, "customer"))
    store.write(0.1)
    assert len(store.read("c1", 0, 100)[1]) == 1


def test_a_reader_goes_on_where_he_was(store: Store) -> None:
    store.take(Tied("one", "c1", 1, "customer"))
    for number in range(5):
        store.take(heard("one", wall=float(number)))
    store.write(0.0)
    _, first, is_complete = store.read("c1", 0, 3)
    assert not is_complete
    _, rest, is_complete = store.read("c1", first[-1].place, 3)
    assert [traced.wall for traced in (*first, *rest)] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert is_complete


def test_an_answer_is_bounded_by_its_octets_too(store: Store) -> None:
    store.take(Tied("one", "c1", 1, "customer"))
    for _ in range(4):
        store.take(heard("one", "X: " + "a" * 40_000 + "\r\n"))
    store.write(0.0)
    assert len(store.read("c1", 0, 100)[1]) == 2


def test_the_oldest_goes_when_there_is_too_much(store: Store, tmp_path: Path) -> None:
    store.take(Tied("one", "c1", 1, "customer"))
    for number in range(40):
        store.take(heard("one", "X: " + "a" * 9_900 + "\r\n", wall=float(number)))
        store.write(0.0)
    kept = list((tmp_path / "trace").iterdir())
    assert len([path for path in kept if path.suffix == ".sqlite"]) == SEGMENTS
    assert sum(path.stat().st_size for path in kept) < 40 * 10_000


def test_the_oldest_goes_when_it_is_too_old(store: Store) -> None:
    store.take(Tied("one", "c1", 1, "customer"))
    store.take(heard("one"))
    for moment in range(0, 2000, 100):
        store.write(float(moment))
    assert store.read("c1", 0, 100) == (None, [], True)


def test_nothing_that_is_kept_holds_a_secret(store: Store, tmp_path: Path) -> None:
    store.take(heard("one", 'Authorization: Digest username="anna", response="s3cr3t"\r\n'))
    store.write(0.0)
    octets = b"".join(path.read_bytes() for path in (tmp_path / "trace").iterdir())
    assert b"anna" in octets
    assert b"s3cr3t" not in octets


def test_only_the_owner_may_look_into_the_folder(store: Store, tmp_path: Path) -> None:
    assert (tmp_path / "trace").stat().st_mode & 0o077 == 0


def test_what_an_earlier_run_left_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "trace-000004.sqlite").write_bytes(b"not even a database")
    Store(tmp_path, most_octets=80_000, keep=800.0, mask_numbers=False, now=0.0).close()
    assert list(tmp_path.iterdir()) == []


def test_a_compact_call_id_is_found(store: Store) -> None:
    store.take(Heard(1.0, False, "tcp", LOCAL, REMOTE, b"BYE sip:a SIP/2.0\r\ni: one\r\n\r\n"))
    store.take(Tied("one", "c1", 1, "customer"))
    store.write(0.0)
    assert len(store.read("c1", 0, 1)[1]) == 1
