"""Where things are in this project, for the tests of the house."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
SHIPPED: Final = ("mediaserver", "control_api", "sip", "rtp", "mixer", "config", "bench")
"""The top-level packages of the wheel."""
WITH_NUMPY: Final = ("mediaserver.worker", "rtp", "mixer", "bench")
"""Packages that belong to the media process or to the load generator, and may load numpy."""


def project() -> dict[str, Any]:
    """``pyproject.toml`` as it is."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def python_files(*folders: str) -> Iterator[Path]:
    """Every Python file below these folders of the project, in order."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def name_of(file: Path) -> str:
    """The file as the project calls it, for messages: ``sip/message.py``."""
    return file.relative_to(ROOT).as_posix()


def module_of(file: Path) -> str:
    """The module that a file holds: ``sip.message``."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_within(module: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of these packages or inside one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def imported_names(file: Path) -> set[str]:
    """Every module that a file imports, at any depth of it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names
