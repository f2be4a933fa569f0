"""Checking a log: every entry against its seal and the one before, the whole against signed heads. Pure.

What is found, and what it means:

- *missing*: a number has no entry: it was removed, or cut off behind the last one that a head knows.
- *changed*: an entry does not fit its seal: it was edited, inserted, moved, or sealed by somebody who has not the key.
- *made anew*: an entry fits its seal, and is not the one that a head has signed: the chain was computed again with the right key.
- *differs*: the database and the journal have two versions of one entry.
- *not proven*: no key or no head is there to check against.

A crash leaves none of these: the journal ends earlier, and heads never know more than what was on the disk.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from mediaserver.audit.entry import GENESIS, AuditKey, Entry
from mediaserver.audit.head import Head


class Problem(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    CHANGED = "changed"
    MADE_ANEW = "made_anew"
    DIFFERS = "differs"
    NOT_PROVEN = "not_proven"


@dataclass(frozen=True, slots=True)
class Finding:
    """A stretch of a chain with something wrong."""

    problem: Problem
    chain: str
    first: int
    last: int
    text: str


@dataclass(slots=True)
class ChainResult:
    """One chain that was looked at."""

    chain: str
    count: int = 0
    """The last entry's number."""
    proven: int = 0
    """Entries that a head vouches for."""
    first_at: int = 0
    last_at: int = 0
    seal: str = GENESIS


@dataclass(slots=True)
class Result:
    """All of it."""

    chains: dict[str, ChainResult] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


class Verifier:
    """Takes the entries of each chain in the order of their numbers, then tells."""

    def __init__(self, keys: Iterable[AuditKey], heads: Iterable[Head]) -> None:
        self._keys = {key.id: key for key in keys}
        self._heads: dict[str, list[Head]] = {}
        self._result = Result()
        for head in heads:
            if self._is_signed(head):
                self._heads.setdefault(head.chain, []).append(head)

    def _is_signed(self, head: Head) -> bool:
        key = self._keys.get(head.key)
        if key is None:
            self._find(
                Problem.NOT_PROVEN, head.chain, head.count, head.count, f"a head was signed under the key {head.key}, which is not here"
            )
        elif not head.is_signed_by(key):
            self._find(
                Problem.CHANGED, head.chain, head.count, head.count, "a head's signature is wrong: it was changed, or made by another"
            )
        else:
            return True
        return False

    def take(self, entry: Entry) -> None:
        """The next entry."""
        chain = self._result.chains.setdefault(entry.chain, ChainResult(entry.chain, first_at=entry.at))
        due = chain.count + 1
        if entry.sequence > due:
            self._find(Problem.MISSING, entry.chain, due, entry.sequence - 1, "removed")
        elif entry.sequence < due:
            self._find(Problem.CHANGED, entry.chain, entry.sequence, entry.sequence, "there twice")
            return
        self._check_seal(chain, entry, is_next=entry.sequence == due)
        chain.count, chain.seal, chain.last_at = entry.sequence, entry.seal, entry.at
        for head in self._heads.get(entry.chain, ()):
            if head.count == entry.sequence:
                self._check_head(chain, head)

    def differs(self, entry: Entry) -> None:
        """The journal has another version of an entry than the database."""
        self._find(Problem.DIFFERS, entry.chain, entry.sequence, entry.sequence, "not the same in the journal as in the database")

    def is_only_in_journal(self, entry: Entry) -> None:
        """The database has later entries, and not this one."""
        self._find(Problem.MISSING, entry.chain, entry.sequence, entry.sequence, "removed from the database, and still in the journal")

    def finish(self) -> Result:
        """There are no more."""
        for name, heads in self._heads.items():
            known = self._result.chains.setdefault(name, ChainResult(name))
            most = max(head.count for head in heads)
            if most > known.count:
                self._find(Problem.MISSING, name, known.count + 1, most, "cut off, but known to a head")
        if not self._heads:
            self._find(Problem.NOT_PROVEN, "", 0, 0, "no head is there: that nothing was cut off or made anew cannot be told")
        self._result.findings = _together(self._result.findings)
        return self._result

    def _check_seal(self, chain: ChainResult, entry: Entry, *, is_next: bool) -> None:
        key = self._keys.get(entry.key)
        if key is None:
            self._find(
                Problem.NOT_PROVEN, entry.chain, entry.sequence, entry.sequence, f"sealed under the key {entry.key[:16]}, which is not here"
            )
        elif is_next and not hmac.compare_digest(key.seal(chain.seal, entry.sealed_text()), entry.seal):
            self._find(
                Problem.CHANGED,
                entry.chain,
                entry.sequence,
                entry.sequence,
                "edited, inserted, moved, or sealed anew: the seal does not fit",
            )

    def _check_head(self, chain: ChainResult, head: Head) -> None:
        if hmac.compare_digest(head.seal, chain.seal):
            chain.proven = max(chain.proven, head.count)
        else:
            text = "not what a head has signed: the chain was made anew"
            self._find(Problem.MADE_ANEW, chain.chain, head.count, head.count, text)

    def _find(self, problem: Problem, chain: str, first: int, last: int, text: str) -> None:
        self._result.findings.append(Finding(problem, chain, first, last, text))


def _together(findings: list[Finding]) -> list[Finding]:
    """Neighbours with one problem as one finding."""
    joined: list[Finding] = []
    for finding in sorted(findings, key=lambda found: (found.chain, found.problem, found.text, found.first)):
        last = joined[-1] if joined else None
        if (
            last is not None
            and (last.problem, last.chain, last.text) == (finding.problem, finding.chain, finding.text)
            and finding.first == last.last + 1
        ):
            joined[-1] = Finding(last.problem, last.chain, last.first, finding.last, last.text)
        else:
            joined.append(finding)
    return sorted(joined, key=lambda found: (found.chain, found.first))
