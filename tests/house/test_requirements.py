"""The locked requirement files: in step with pyproject.toml, hashed throughout, and free of any registry's address."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.tree import ROOT, project

FILES = {name: ROOT / "requirements" / f"{name}.txt" for name in ("build", "runtime", "development")}
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^ ;\\]+)")


def pinned(file: Path) -> dict[str, set[Version]]:
    """Each package of a requirement file with its version (several where platforms differ)."""
    pins: dict[str, set[Version]] = {}
    for line in file.read_text().splitlines():
        if found := PIN.match(line):
            pins.setdefault(canonicalize_name(found["name"]), set()).add(Version(found["version"]))
    return pins


def group(name: str) -> list[Requirement]:
    """A dependency group with the groups that it includes."""
    requirements: list[Requirement] = []
    for entry in project()["dependency-groups"][name]:
        requirements += group(entry["include-group"]) if isinstance(entry, dict) else [Requirement(entry)]
    return requirements


def assert_met(wanted: list[Requirement], file: Path) -> None:
    pins = pinned(file)
    for requirement in wanted:
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{file.name} lacks {requirement.name}: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), f"{requirement} is not met: run `make lock`"


def test_what_runs_is_locked_as_the_project_says() -> None:
    assert_met([Requirement(text) for text in project()["project"]["dependencies"]], FILES["runtime"])


def test_what_builds_and_tests_is_locked_as_the_project_says() -> None:
    assert_met(group("build"), FILES["build"])
    assert_met(group("development"), FILES["development"])


def test_what_ships_is_what_was_tested() -> None:
    development = pinned(FILES["development"])
    assert {name: versions for name, versions in development.items() if name in pinned(FILES["runtime"])} == pinned(FILES["runtime"])


def test_the_gpl_phone_is_not_among_what_ships() -> None:
    assert "pyvoip" in pinned(FILES["development"])
    assert "pyvoip" not in pinned(FILES["runtime"])


@pytest.mark.parametrize("name", FILES)
def test_every_pin_carries_hashes(name: str) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", FILES[name].read_text())
    bare = [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry]
    assert not bare


@pytest.mark.parametrize("name", FILES)
def test_no_file_names_a_registry_or_a_place_on_a_disk(name: str) -> None:
    text = FILES[name].read_text()
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links|file:| @ |/home/|/root/", text)


def test_no_lock_file_of_another_kind_is_kept() -> None:
    assert not [name for name in ("uv.lock", "poetry.lock", "Pipfile.lock") if (ROOT / name).exists()]
