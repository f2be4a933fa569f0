"""The signed head: whole or not at all in its file, and nobody's who has not the key."""

from dataclasses import replace
from pathlib import Path

import pytest

from mediaserver.audit.entry import AuditKey
from mediaserver.audit.head import Head, read_heads, write_head
from mediaserver.secrecy.key import Key
from tests.mediaserver.audit.books import KEY

HEAD = Head("server1", 12, "ab" * 32, 1_700_000_000_000_000, KEY.id).signed(KEY)


def test_a_head_reads_as_it_was_written(tmp_path: Path) -> None:
    write_head(HEAD, tmp_path / "elsewhere" / "head")
    write_head(replace(HEAD, count=13).signed(KEY), tmp_path / "elsewhere" / "head")
    (read,) = read_heads((tmp_path / "elsewhere" / "head").read_text().splitlines())
    assert read.count == 13
    assert read.is_signed_by(KEY)
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["head"]


@pytest.mark.parametrize("changed", [{"count": 11}, {"seal": "cd" * 32}, {"at": 0}, {"chain": "server2"}, {"signature": "00"}])
def test_a_changed_head_is_not_signed(changed: dict[str, object]) -> None:
    assert HEAD.is_signed_by(KEY)
    assert not replace(HEAD, **changed).is_signed_by(KEY)  # type: ignore[arg-type]


def test_another_key_signs_another_head() -> None:
    assert not HEAD.is_signed_by(AuditKey.of(Key(b"o" * 32)))


@pytest.mark.parametrize("line", ["nonsense", "[]", "{}", HEAD.line.replace("12", '"12"')])
def test_a_line_that_is_no_head_is_named(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 is not a head"):
        read_heads([HEAD.line, line])


def test_a_head_holds_nothing_but_numbers_and_names() -> None:
    assert KEY.octets.hex() not in HEAD.line
    assert "key" in HEAD.line
