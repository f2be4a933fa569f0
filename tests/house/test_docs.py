"""The documents: links lead somewhere, commands that are named exist, and the index names every page."""

import re
import subprocess
import sys
from pathlib import Path
from shlex import quote

import pytest

from config.loading import load
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


# What pages say to write and to type


def test_the_phones_of_their_page_reach_each_other_and_a_supervisor_reaches_them(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "integrations" / "phones.md").read_text()
    written = tmp_path / "mediaserver.toml"
    written.write_text("\n".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)))
    settings = load(written, {})
    (route,) = settings.routes
    assert (route.trunk, route.targets) == ("users", ("agent:{1}",))
    assert all(re.fullmatch(route.number, agent.name) for agent in settings.agents)
    assert [user.name for user in settings.users if user.ceiling is not None] == ["sue"]


def test_what_is_to_be_typed_for_a_pbx_makes_settings_and_a_token_that_sees_traces(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "integrations" / "pbx-trunk.md").read_text()
    typed = re.findall(r"^## Try it\n\n```\n(.*?)^mediaserver serve .*?```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    command = f'mediaserver() {{ PYTHONPATH={quote(str(ROOT))} {quote(sys.executable)} -m mediaserver "$@"; }}\n'
    done = subprocess.run(["bash", "-euc", command + "".join(typed)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    settings = load(tmp_path / "pbx.toml", {})
    assert settings.trunks[0].addresses == ("198.51.100.7",)
    assert [(token.identity, token.user, token.ceiling.rights) for token in settings.tokens] == [("sue", "sue", ("trace",))]
