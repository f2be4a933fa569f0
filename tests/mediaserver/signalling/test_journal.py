"""The journal of dialogs: what a crash leaves in it, and what a restart makes of it."""

import json
import os
import stat
from concurrent.futures import Future
from pathlib import Path

import pytest

from config.settings import JournalSettings
from mediaserver.observing.counters import Counters
from mediaserver.signalling.journal import Journal, journal_folder, read
from mediaserver.signalling.restarting import REASON, part_with
from sip.events import SessionEnded
from sip.parting import LEAP, LastingDialog
from sip.transport.flow import Flow
from sip.useragent import UserAgent
from tests.mediaserver.signalling.exchange import ROBERT, SETTINGS, TRUNK, Exchange, _agent_settings
from tests.sip.network import seeded_entropy

WAY = Flow("udp", ("127.0.0.1", 5060), ("127.0.0.9", 5070))


def dialog(number: int, sequence: int = 0) -> LastingDialog:
    return LastingDialog(
        f"call{number}", f"<sip:us>;tag={number}", "<sip:them>;tag=x", "sip:them@127.0.0.9", ("<sip:p;lr>",), sequence, False, WAY
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """An open one."""
    made = Journal(tmp_path, Counters())
    assert made.open() == []
    return made


def crash(journal: Journal) -> None:
    """The process is gone: what was written stays, and the lock is free."""
    journal._was_written(wait=True)
    journal._thread.shutdown()
    os.close(journal._lock)


def test_a_crash_leaves_the_dialogs_that_lived_at_the_last_look(journal: Journal, tmp_path: Path) -> None:
    for living in ([1, 2], [1, 2, 3], [2, 3]):
        journal.look([dialog(number) for number in living])
        journal._was_written(wait=True)
    crash(journal)
    assert sorted(Journal(tmp_path, Counters()).open()) == [dialog(2), dialog(3)]


def test_a_proper_end_leaves_nothing(journal: Journal, tmp_path: Path) -> None:
    journal.look([dialog(1)])
    journal.close(())
    assert Journal(tmp_path, Counters()).open() == []


def test_what_is_left_stays_in_the_file_until_the_next_process_looks(journal: Journal, tmp_path: Path) -> None:
    journal.look([dialog(1)])
    crash(journal)
    second = Journal(tmp_path, Counters())
    assert second.open() == [dialog(1)]
    crash(second)
    third = Journal(tmp_path, Counters())
    assert third.open() == [dialog(1)]
    third.look([dialog(7)])
    crash(third)
    assert read(tmp_path / "dialogs") == [dialog(7)]


def test_a_dialog_that_changes_is_noted_anew(journal: Journal, tmp_path: Path) -> None:
    for sequence in (0, 500, 500):
        journal.look([dialog(1, sequence)])
        journal._was_written(wait=True)
    assert read(tmp_path / "dialogs") == [dialog(1, 500)]
    assert len((tmp_path / "dialogs").read_text().splitlines()) == 2
    journal.close(())


def test_history_does_not_grow_without_bound(journal: Journal, tmp_path: Path) -> None:
    for number in range(1500):
        journal.look([dialog(number)])
        journal._was_written(wait=True)
    assert len((tmp_path / "dialogs").read_text().splitlines()) < 1100
    assert read(tmp_path / "dialogs") == [dialog(1499)]
    journal.close(())


def test_a_slow_disk_costs_looks_and_nobody_waits(tmp_path: Path) -> None:
    counters = Counters()
    journal = Journal(tmp_path, counters)
    journal.open()
    journal._writing = Future()
    journal.look([dialog(1)])
    assert counters.value("journal_looks_left_out", "") == 1
    journal._writing.set_result(None)
    journal.look([dialog(1)])
    crash(journal)
    assert read(tmp_path / "dialogs") == [dialog(1)]


def test_what_could_not_be_written_is_counted_and_written_with_the_next_look(tmp_path: Path) -> None:
    counters = Counters()
    journal = Journal(tmp_path, counters)
    journal.open()
    journal.look([dialog(1)])
    journal._was_written(wait=True)
    journal._writing = Future()
    journal._writing.set_exception(OSError("no space left"))
    journal.look([dialog(1), dialog(2)])
    crash(journal)
    assert counters.value("faults", "journal") == 1
    assert sorted(read(tmp_path / "dialogs")) == [dialog(1), dialog(2)]


def test_a_second_server_in_the_folder_keeps_its_hands_off(journal: Journal, tmp_path: Path) -> None:
    journal.look([dialog(1)])
    journal._was_written(wait=True)
    second = Journal(tmp_path, Counters())
    assert second.open() == []
    second.look([dialog(2)])
    second.close(())
    assert read(tmp_path / "dialogs") == [dialog(1)]
    journal.close(())


def test_lines_that_are_none_are_left_out(tmp_path: Path) -> None:
    whole = json.dumps(["+", *dialog(1)])
    strange = ["", "null", "[]", '["+", 1]', '["-", "other", "x"]', whole.replace("call1", "call2")[:-20]]
    (tmp_path / "dialogs").write_text("\n".join([whole, *strange]))
    assert read(tmp_path / "dialogs") == [dialog(1)]


def test_numbers_of_callers_are_for_the_owner_alone(journal: Journal, tmp_path: Path) -> None:
    journal.look([dialog(1)])
    journal.close([dialog(1)])
    assert stat.S_IMODE((tmp_path / "dialogs").stat().st_mode) == 0o600


def test_it_lies_where_settings_or_the_service_say_or_nowhere(tmp_path: Path) -> None:
    assert journal_folder(JournalSettings(), {}) is None
    assert journal_folder(JournalSettings(), {"STATE_DIRECTORY": f"{tmp_path}:/else"}) == tmp_path
    assert journal_folder(JournalSettings(folder="/var/x"), {"STATE_DIRECTORY": str(tmp_path)}) == Path("/var/x")
    assert journal_folder(JournalSettings(enabled=False), {"STATE_DIRECTORY": str(tmp_path)}) is None
    nowhere = Journal(None, Counters())
    assert nowhere.open() == []
    nowhere.look([dialog(1)])
    nowhere.close(())


async def test_both_parties_of_a_call_get_bye_from_the_process_that_comes_after() -> None:
    exchange = Exchange()
    robert, trunk = exchange.phone(ROBERT).register("robert", "r"), exchange.phone(TRUNK)
    trunk.dial("100")
    robert.answers()
    left = list(exchange.server.agent.lasting())
    assert len(left) == 2
    exchange.server.agent = UserAgent(_agent_settings(SETTINGS), ha1_of=exchange.users.ha1_of, entropy=seeded_entropy(9))
    exchange.server.react = lambda event: None
    counters = Counters()
    await part_with(left, exchange.server.agent, lambda: None, counters, lambda: exchange.network.now)
    exchange.run(0.5)
    assert len(robert.told(SessionEnded)) == len(trunk.told(SessionEnded)) == 1
    assert counters.value("dialogs_left_behind", "ended") == 2
    assert exchange.server.agent.in_hand == 0
    assert REASON.startswith("SIP;cause=503")


def test_dialogs_that_ring_are_not_noted_and_numbers_leap() -> None:
    exchange = Exchange()
    robert = exchange.phone(ROBERT).register("robert", "r")
    exchange.phone(TRUNK).dial("100")
    robert.rings()
    assert list(exchange.server.agent.lasting()) == []
    agent = exchange.server.agent
    assert agent.part(dialog(1, 500), REASON, exchange.network.now)
    (sent,) = [data for data, _ in agent.outgoing()]
    assert f"CSeq: {500 + LEAP} BYE".encode() in sent


def test_a_browser_that_is_gone_with_its_connection_cannot_be_told() -> None:
    exchange = Exchange()
    gone = dialog(1)._replace(flow=Flow("ws", ("127.0.0.1", 5060), ("127.0.0.9", 40_000)))
    assert not exchange.server.agent.part(gone, REASON, exchange.network.now)
