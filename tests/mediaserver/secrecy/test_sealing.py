"""The key and what is sealed under it."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaserver.secrecy.key import FILE_VARIABLE, VARIABLE, Key, SecrecyError, key_of, new_key, read_key, write_key
from mediaserver.secrecy.sealing import seal, unseal

KEY = Key(bytes(range(32)))
OTHER = Key(bytes(32))


@given(st.text(max_size=200), st.text(max_size=50))
def test_what_was_sealed_opens_under_its_key_only(plain: str, about: str) -> None:
    sealed = seal(KEY, plain, about)
    assert unseal(KEY, sealed, about) == plain
    with pytest.raises(SecrecyError, match=f"under the key {KEY.id}, and the key here is {OTHER.id}"):
        unseal(OTHER, sealed, about)


def test_the_same_text_is_never_sealed_alike() -> None:
    assert seal(KEY, "text", "a") != seal(KEY, "text", "a")


def test_what_is_about_somebody_else_does_not_open() -> None:
    with pytest.raises(SecrecyError, match="does not open"):
        unseal(KEY, seal(KEY, "text", "robert"), "anna")


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_changed_text_opens(place: int, change: int) -> None:
    sealed = seal(KEY, "text", "robert")
    head, _, body = sealed.rpartition("$")
    octets = bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    octets[place % len(octets)] ^= change
    with pytest.raises(SecrecyError, match="does not open"):
        unseal(KEY, f"{head}${base64.urlsafe_b64encode(octets).decode().rstrip('=')}", "robert")


@pytest.mark.parametrize("text", ["", "secret", "aesgcm$12345678$", "aesgcm$zzzzzzzz$aaaa", "aesgcm$0011$aa"])
def test_what_is_not_sealed_is_told(text: str) -> None:
    with pytest.raises(SecrecyError, match="not a sealed text"):
        unseal(KEY, text, "a")


@pytest.mark.parametrize("body", ["aaaa", "a", "A" * 17])
def test_what_is_too_short_to_be_sealed_does_not_open(body: str) -> None:
    with pytest.raises(SecrecyError, match="does not open"):
        unseal(KEY, f"aesgcm${KEY.id}${body}", "a")


def test_without_a_key_it_is_told_which_is_needed() -> None:
    with pytest.raises(SecrecyError, match=f"needs the key {KEY.id}: set MEDIASERVER_KEY"):
        unseal(None, seal(KEY, "text", "a"), "a")


def test_a_key_is_never_shown() -> None:
    assert KEY.text not in repr(KEY)
    assert str(KEY.octets) not in repr(KEY)


def test_a_key_comes_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    key, path = new_key(), tmp_path / "key"
    write_key(key, path)
    assert key_of({}) is None
    assert key_of({VARIABLE: key.text}) == key
    assert key_of({FILE_VARIABLE: str(path)}) == key
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY.text)
    path.chmod(0o644)
    with pytest.raises(SecrecyError, match="others may read the key; chmod 600"):
        key_of({FILE_VARIABLE: str(path)})


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_key(KEY, path)
    with pytest.raises(SecrecyError, match="file exists"):
        write_key(OTHER, path)
    assert read_key(path.read_text(), "file") == KEY


@pytest.mark.parametrize("text", ["short", "!" * 43, KEY.text + "AAAA", "ä"])
def test_a_text_that_is_no_key_is_told(text: str) -> None:
    with pytest.raises(SecrecyError, match="MEDIASERVER_KEY: not a key"):
        key_of({VARIABLE: text})


def test_a_key_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SecrecyError, match="no such file"):
        key_of({FILE_VARIABLE: str(tmp_path / "nothing")})
