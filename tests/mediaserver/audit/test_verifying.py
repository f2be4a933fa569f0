"""`audit verify` finds whatever was done to a log, in the database, in the journal or in both, and does not call a crash tampering."""

from dataclasses import astuple, replace
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from mediaserver.audit.entry import FIELDS, GENESIS, AuditKey, Entry
from mediaserver.audit.head import Head
from mediaserver.audit.reading import Log, verify
from mediaserver.audit.verifying import Problem, Result, Verifier
from mediaserver.secrecy.key import Key
from mediaserver.storage.database import Database
from mediaserver.storage.replaying import Replayer
from mediaserver.storage.segments import path_of
from mediaserver.storage.tables import AUDIT
from tests.mediaserver.audit.books import KEY, START, Books

OTHER = AuditKey.of(Key(b"o" * 32))


class Archive:
    """Ten entries in a database, the first of them known to a head."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.books = Books(folder / "journal")
        self.database = database
        self.folder = folder
        self.heads: list[Head] = []

    def fill(self) -> None:
        """Ten entries, and a head of them."""
        for leg in range(5):
            self.books.joined(leg=leg)
            self.books.left(leg=leg)
        self.sign()

    def sign(self, key: AuditKey = KEY) -> None:
        """A head of what there is now."""
        self.heads.append(self.books.ledger.head.signed(key))

    async def replay(self) -> None:
        """Bring it into the database; then the journal begins anew."""
        self.books.next_segment()
        replayer = Replayer(self.books.folder, self.database, self.folder / "status")
        while await replayer.step():
            pass

    async def verify(self, *keys: AuditKey) -> Result:
        """Look at all of it."""
        return await verify(Log(self.books.folder, self.database), Verifier(keys or (KEY,), self.heads))

    async def found(self) -> list[tuple[str, int, int]]:
        """What is wrong, and where."""
        return [(str(finding.problem), finding.first, finding.last) for finding in (await self.verify()).findings]

    async def entry(self, sequence: int) -> Entry:
        """One as the database has it."""
        async with self.database.reading() as connection:
            return Entry(*(await connection.execute(select(AUDIT).where(AUDIT.c.sequence == sequence))).one())

    async def put(self, *entries: Entry) -> None:
        """In the place of what has these numbers."""
        async with self.database.writing() as connection:
            for entry in entries:
                await connection.execute(delete(AUDIT).where(AUDIT.c.sequence == entry.sequence))
                await connection.execute(insert(AUDIT), [dict(zip(FIELDS, astuple(entry), strict=True))])

    async def remove(self, *sequences: int) -> None:
        """From the database."""
        async with self.database.writing() as connection:
            await connection.execute(delete(AUDIT).where(AUDIT.c.sequence.in_(sequences)))

    async def recompute(self, first: int, key: AuditKey, **changed: str) -> None:
        """Change an entry and seal it and all behind it anew."""
        seal = GENESIS if first == 1 else (await self.entry(first - 1)).seal
        for sequence in range(first, 11):
            entry = replace(await self.entry(sequence), key=key.id, **(changed if sequence == first else {}))  # type: ignore[arg-type]
            entry = replace(entry, seal=key.seal(seal, entry.sealed_text()))
            await self.put(entry)
            seal = entry.seal


@pytest.fixture
async def archive(tmp_path: Path, database: Database) -> Archive:
    """In a database, with a head."""
    made = Archive(tmp_path / "storage", database)
    made.fill()
    await made.replay()
    return made


async def test_a_log_that_nobody_touched_is_right(archive: Archive) -> None:
    result = await archive.verify()
    assert result.is_right
    assert (result.chains["server1"].count, result.chains["server1"].proven) == (10, 10)


async def test_what_is_still_in_the_journal_belongs_to_the_log(archive: Archive) -> None:
    archive.books.joined(leg=9)
    archive.sign()
    result = await archive.verify()
    assert result.is_right
    assert result.chains["server1"].proven == 11


async def test_an_edit_of_any_column_is_found(archive: Archive) -> None:
    entry = await archive.entry(4)
    for column in FIELDS[2:]:
        value = getattr(entry, column)
        await archive.put(replace(entry, **{column: value + 1 if isinstance(value, int) else value + "x"}))  # type: ignore[arg-type]
        (first, *_) = await archive.found()
        assert first[1] == 4, column
    await archive.put(entry)
    assert await archive.found() == []


async def test_a_removed_entry_is_found(archive: Archive) -> None:
    await archive.remove(4)
    assert await archive.found() == [("missing", 4, 4)]


async def test_entries_removed_from_the_start_are_found(archive: Archive) -> None:
    await archive.remove(1, 2, 3)
    assert await archive.found() == [("missing", 1, 3)]


async def test_an_inserted_entry_is_found(archive: Archive) -> None:
    later = [await archive.entry(sequence) for sequence in range(5, 11)]
    await archive.put(replace(await archive.entry(4), sequence=5), *(replace(entry, sequence=entry.sequence + 1) for entry in later))
    assert ("changed", 5, 11) in await archive.found()


async def test_an_entry_added_at_the_end_is_found(archive: Archive) -> None:
    await archive.put(replace(await archive.entry(10), sequence=11, identity="bertha"))
    assert await archive.found() == [("changed", 11, 11)]


async def test_swapped_entries_are_found(archive: Archive) -> None:
    fourth, fifth = await archive.entry(4), await archive.entry(5)
    await archive.put(replace(fifth, sequence=4), replace(fourth, sequence=5))
    assert await archive.found() == [("changed", 4, 6)]


async def test_a_log_that_was_cut_off_is_found_by_its_head(archive: Archive) -> None:
    await archive.remove(9, 10)
    assert await archive.found() == [("missing", 9, 10)]


async def test_a_log_that_is_gone_altogether_is_found(archive: Archive) -> None:
    await archive.remove(*range(1, 11))
    assert await archive.found() == [("missing", 1, 10)]


async def test_a_chain_computed_anew_without_the_key_is_found(archive: Archive) -> None:
    await archive.recompute(4, OTHER, identity="bertha")
    assert ("not_proven", 4, 10) in await archive.found()
    result = await archive.verify(KEY, OTHER)
    assert ("made_anew", 10) in [(finding.problem, finding.first) for finding in result.findings]


async def test_a_chain_computed_anew_under_the_name_of_the_key_is_found(archive: Archive) -> None:
    await archive.recompute(4, replace(OTHER, id=KEY.id), identity="bertha")
    assert ("changed", 4, 10) in await archive.found()


async def test_a_chain_computed_anew_with_the_right_key_is_found_by_its_head(archive: Archive) -> None:
    await archive.recompute(4, KEY, identity="bertha")
    assert await archive.found() == [("made_anew", 10, 10)]


async def test_an_older_head_still_shows_that_the_chain_was_computed_anew(archive: Archive) -> None:
    archive.books.joined(leg=20)
    await archive.replay()
    await archive.recompute(1, KEY, address="10.9.9.9")
    assert ("made_anew", 10, 10) in await archive.found()


async def test_a_changed_head_is_found(archive: Archive) -> None:
    archive.heads = [replace(archive.heads[0], count=4)]
    assert ("changed", 4, 4) in await archive.found()


async def test_without_a_head_nothing_is_proven(archive: Archive) -> None:
    archive.heads = []
    assert await archive.found() == [("not_proven", 0, 0)]


async def test_an_entry_of_which_database_and_journal_differ_is_found(tmp_path: Path, database: Database) -> None:
    archive = Archive(tmp_path / "storage", database)
    archive.fill()
    replayer = Replayer(archive.books.folder, database, tmp_path / "status")
    while await replayer.step():
        pass
    await archive.put(replace(await archive.entry(4), identity="bertha"))
    assert ("differs", 4, 4) in await archive.found()
    await archive.remove(4)
    assert await archive.found() == [("missing", 4, 4)]


async def test_an_edit_of_the_journal_is_found(tmp_path: Path, database: Database) -> None:
    archive = Archive(tmp_path / "storage", database)
    archive.fill()
    path = path_of(archive.books.folder, 1)
    path.write_bytes(path.read_bytes().replace(b'"anna"', b'"nobody"', 1))
    assert await archive.found() == [("changed", 1, 1)]


async def test_a_journal_that_was_cut_off_is_found_by_its_head(tmp_path: Path, database: Database) -> None:
    archive = Archive(tmp_path / "storage", database)
    archive.fill()
    path = path_of(archive.books.folder, 1)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    assert await archive.found() == [("missing", 9, 10)]


async def test_a_crash_is_not_called_tampering(archive: Archive) -> None:
    archive.books.joined(leg=30)
    with path_of(archive.books.folder, 2).open("ab") as file:
        file.write(b'audit ["server1",12,')
    archive.books.crash()
    archive.books.live(last_sign=START + 100)
    archive.sign()
    assert (await archive.verify()).is_right
    await archive.replay()
    result = await archive.verify()
    assert result.is_right
    assert result.chains["server1"].proven == 13


async def test_a_machine_that_lost_its_last_second_is_not_called_tampered_with(tmp_path: Path, database: Database) -> None:
    archive = Archive(tmp_path / "storage", database)
    archive.fill()
    path = path_of(archive.books.folder, 1)
    on_disk = path.read_bytes()
    archive.books.joined(leg=40)
    archive.books.crash()
    path.write_bytes(on_disk)
    archive.books.live(last_sign=START + 50)
    archive.books.joined(leg=1)
    archive.sign()
    await archive.replay()
    assert (await archive.verify()).is_right


async def test_two_servers_have_a_chain_each_in_one_database(tmp_path: Path, database: Database) -> None:
    archives = [Archive(tmp_path / name, database) for name in ("one", "two")]
    archives[1].books = Books(tmp_path / "two" / "other", chain="server2")
    for archive in archives:
        archive.fill()
        await archive.replay()
    archives[0].heads += archives[1].heads
    result = await archives[0].verify()
    assert result.is_right
    assert {name: chain.proven for name, chain in result.chains.items()} == {"server1": 10, "server2": 10}


async def test_entries_sealed_under_an_earlier_key_are_right_where_that_key_is_given(tmp_path: Path, database: Database) -> None:
    archive = Archive(tmp_path / "storage", database)
    archive.fill()
    archive.books.crash()
    archive.books.key = OTHER
    archive.books.live()
    archive.books.note("server.started")
    archive.sign(OTHER)
    assert (await archive.verify(KEY, OTHER)).is_right
    assert [finding.problem for finding in (await archive.verify(OTHER)).findings] == [Problem.NOT_PROVEN] * 2


async def test_a_log_whose_database_has_no_tables_yet_is_the_journal_alone(tmp_path: Path, database: Database) -> None:
    archive = Archive(tmp_path / "storage", database)
    archive.fill()
    assert (await archive.verify()).is_right


async def test_an_updated_column_by_sql_is_found(archive: Archive) -> None:
    async with archive.database.writing() as connection:
        await connection.execute(update(AUDIT).where(AUDIT.c.sequence == 3).values(permission=""))
    assert await archive.found() == [("changed", 3, 3)]
