"""The documents: links lead somewhere, commands that are named exist, and the index names every page."""

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, name_of

PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for folder in ("docs", "deploy", "bench", "examples") for page in (ROOT / folder).rglob("*.md"))]
)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for found in LINK.finditer(CODE.sub("", page.read_text())):
        place, _, anchor = found["target"].partition("#")
        if "://" in place or place.startswith("mailto:"):
            continue
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(found["target"])
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", "\n".join(CODE.findall(page.read_text()))))
    assert named <= targets


def test_the_index_names_every_page_of_the_documents() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    unnamed = [
        name_of(page)
        for page in (ROOT / "docs").rglob("*.md")
        if page.name not in ("README.md", "0000-template.md") and page.relative_to(ROOT / "docs").as_posix() not in index
    ]
    assert not unnamed, f"docs/README.md does not name: {unnamed}"


def test_decision_records_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(page.name[:4]) for page in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")), ids=name_of)
def test_a_decision_tells_its_context_choice_and_price(page: Path) -> None:
    assert {"context", "choice", "price"} <= anchors(page)


def test_the_readme_begins_with_the_two_commands() -> None:
    first_screen = (ROOT / "README.md").read_text().splitlines()[:60]
    assert any("make run" in line for line in first_screen)
    assert any("make test" in line for line in first_screen)
