"""The version and the licence: said in one place, told truly everywhere else."""

import importlib.metadata
import re

from tests.house.tree import ROOT, SHIPPED, name_of, project, python_files

VERSION = project()["project"]["version"]


def test_the_installed_project_is_this_one() -> None:
    assert importlib.metadata.version("mediaserver") == VERSION


def test_no_source_file_repeats_the_version() -> None:
    repeats = [
        name_of(file)
        for file in python_files(*SHIPPED)
        if re.search(rf"(?:version|VERSION|__version__)\W+['\"]{re.escape(VERSION)}['\"]", file.read_text())
    ]
    assert not repeats


def test_the_changelog_knows_the_version_or_what_comes_next() -> None:
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings
    assert headings[0] in ("Unreleased", VERSION)


def test_the_licence_is_declared_by_its_spdx_name() -> None:
    assert project()["project"]["license"] == "Apache-2.0"
    assert "Apache-2.0" in (ROOT / "README.md").read_text()
