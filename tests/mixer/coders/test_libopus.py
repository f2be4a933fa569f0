"""Which libopus is taken, and what is said where there is none."""

from collections.abc import Iterator

import numpy as np
import pytest

from mixer.coders import libopus
from mixer.coders.opening import open_decoder, open_encoder
from mixer.formats import OPUS


@pytest.fixture(autouse=True)
def _looked_for_anew() -> Iterator[None]:
    libopus.library.cache_clear()
    yield
    libopus.library.cache_clear()


def test_a_library_is_found_here() -> None:
    assert libopus.is_available()
    assert libopus.version().startswith("libopus ")


def test_the_library_of_pyav_does_where_the_system_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libopus, "NAME", "libopus-of-nobody.so")
    payload = open_encoder(OPUS, 16_000).encode(np.zeros(320, dtype=np.int16))
    assert open_decoder(OPUS, 8_000).decode(payload, np.zeros(160, dtype=np.int16)) == 160


def test_a_library_that_lacks_a_function_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libopus, "_candidates", lambda: iter(["libm.so.6"]))
    assert not libopus.is_available()


def test_without_any_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libopus, "_candidates", lambda: iter([]))
    assert not libopus.is_available()
    with pytest.raises(libopus.OpusUnavailableError, match="apt install libopus0"):
        open_encoder(OPUS, 16_000)
    with pytest.raises(libopus.OpusUnavailableError, match="pip install av"):
        open_decoder(OPUS, 16_000)
