"""The table of keys stays bounded and forgets nothing that still runs."""

import pytest

from control_api import idempotency
from control_api.commands import succeeded
from control_api.governing_models import PutIdentityCommand
from control_api.idempotency import KeyTable, Outcome
from control_api.permissions import Ceiling, Identity, Refusal
from control_api.supervision_models import MuteCommand
from tests.control_api.desk import ANNA


def mute(key: str) -> MuteCommand:
    return MuteCommand(id=1, key=key, leg=1)


def ignore(_: Outcome) -> None:
    """Nobody waits."""


def test_the_oldest_finished_key_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_KEYS", 2)
    table = KeyTable()
    table.claim(ANNA, mute("running"), ignore)
    for key in ("old", "new"):
        table.claim(ANNA, mute(key), ignore)
        table.settle(ANNA, mute(key), succeeded({}))
    table.claim(ANNA, mute("newest"), ignore)
    assert [table.claim(ANNA, mute(key), ignore) for key in ("running", "newest", "old")] == [False, False, True]


def test_the_identity_that_was_quiet_longest_is_forgotten_unless_something_of_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MAX_IDENTITIES", 2)
    table = KeyTable()
    busy, quiet, late = (Identity(name, "default", Ceiling()) for name in ("busy", "quiet", "late"))
    table.claim(busy, mute("k"), ignore)
    table.claim(quiet, mute("k"), ignore)
    table.settle(quiet, mute("k"), succeeded({}))
    table.claim(late, mute("k"), ignore)
    assert not table.claim(busy, mute("k"), ignore)
    assert table.claim(quiet, mute("k"), ignore)


def test_of_a_command_nothing_is_kept_but_what_tells_it_from_others() -> None:
    table, told = KeyTable(), list[Outcome]()
    wanted = PutIdentityCommand(id=1, key="k", identity="vera", password="correct horse")
    assert table.claim(ANNA, wanted, told.append)
    assert "horse" not in repr(table._identities)
    assert not table.claim(ANNA, wanted.model_copy(update={"id": 2, "traceparent": "00-1"}), told.append)
    with pytest.raises(Refusal, match="another command"):
        table.claim(ANNA, wanted.model_copy(update={"password": "other horse"}), ignore)
    table.settle(ANNA, wanted, succeeded({}))
    assert told == [succeeded({})] * 2
