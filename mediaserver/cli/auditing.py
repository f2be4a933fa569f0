"""`audit verify` and `audit show`: is the log whole, and what does it say."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from mediaserver.audit.entry import Entry
from mediaserver.audit.head import Head, read_heads
from mediaserver.audit.reading import verify as verify_log
from mediaserver.audit.report import microseconds, moment
from mediaserver.audit.verifying import Finding, Result, Verifier
from mediaserver.cli.board import clean
from mediaserver.cli.ending import OTHER
from mediaserver.cli.kept import Kept, open_kept


def verify(config: Path | None, folder: Path | None, heads: Sequence[Path], key_files: Sequence[Path], as_json: bool) -> None:
    """Check the whole log; exit code 1 where anything is wrong with it."""
    kept = open_kept(config, folder)
    # Heads first, then the journal, then the database: so a server may write meanwhile.
    signed = _heads(heads or [kept.head], is_named=bool(heads))
    verifier = Verifier(kept.keys(key_files), signed)

    async def work() -> Result:
        async with kept.log() as log:
            return await verify_log(log, verifier)

    result = asyncio.run(work())
    if as_json:
        print(json.dumps({"ok": result.is_right, "chains": _chains(result), "findings": [asdict(found) for found in result.findings]}))
    else:
        _tell(result)
    if not result.is_right:
        raise typer.Exit(OTHER)


def show(config: Path | None, folder: Path | None, *, since: str, identity: str, call: str, kind: str, most: int, as_json: bool) -> None:
    """Print the newest entries, the last one last."""
    kept = open_kept(config, folder)
    entries = asyncio.run(_newest(kept, microseconds(since) if since else 0, identity, call, kind, most))
    for entry in entries:
        print(json.dumps(asdict(entry)) if as_json else _line(entry))


async def _newest(kept: Kept, since: int, identity: str, call: str, kind: str, most: int) -> list[Entry]:
    found: list[Entry] = []
    async with kept.log() as log:
        async for each in log.entries(since):
            entry = each.entry
            wanted = ((identity, entry.identity), (call, entry.call))
            if all(not asked or asked == has for asked, has in wanted) and entry.kind.startswith(kind):
                found.append(entry)
            if len(found) > 2 * most:
                found = _last(found, most)
    return _last(found, most)


def _last(entries: list[Entry], most: int) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.at, entry.chain, entry.sequence))[-most:]


def _heads(paths: Sequence[Path], *, is_named: bool) -> list[Head]:
    """The heads of these files; ``-`` is the standard input. Raises ValueError, and OSError for a named one that is not there."""
    heads: list[Head] = []
    for path in paths:
        try:
            text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            if is_named:
                raise
            continue
        try:
            heads += read_heads(text.splitlines())
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    return heads


def _chains(result: Result) -> list[dict[str, object]]:
    return [
        {
            "chain": chain.chain,
            "entries": chain.count,
            "proven": chain.proven,
            "first": moment(chain.first_at).isoformat(),
            "last": moment(chain.last_at).isoformat(),
        }
        for chain in result.chains.values()
    ]


def _tell(result: Result) -> None:
    for chain in result.chains.values():
        proven = f"a head proves {chain.proven} of them" if chain.proven else "no head proves that they are all"
        print(f"chain {clean(chain.chain)}: {chain.count} entries to {moment(chain.last_at):%Y-%m-%d %H:%M:%S} UTC; {proven}")
    for found in result.findings:
        print(_said(found))
    print("right" if result.is_right else "NOT right")


def _said(found: Finding) -> str:
    parts = [
        f"chain {clean(found.chain)}:" if found.chain else "",
        f"{_numbers(found.first, found.last)}:" if found.last else "",
        clean(found.text),
    ]
    return f"{found.problem}: {' '.join(part for part in parts if part)}"


def _numbers(first: int, last: int) -> str:
    return f"entry {first}" if first == last else f"entries {first} to {last}"


def _line(entry: Entry) -> str:
    where = " ".join(part for part in (entry.way, entry.address) if part) or "-"
    named = {"call": entry.call, "agent": entry.agent} | entry.facts
    what = " ".join(f"{name}={value}" for name, value in named.items() if value not in ("", None))
    at = f"{moment(entry.at):%Y-%m-%d %H:%M:%S.%f}"[:23]
    return clean(f"{at} {entry.sequence:>6} {entry.kind:<18} {entry.identity or '-':<12} {where:<20} {what}".rstrip())
