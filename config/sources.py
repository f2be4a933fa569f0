"""Where settings come from: the packaged defaults, a file, the environment; merged, remembering who said what."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path as FilePath
from typing import Any, Final, get_origin

from pydantic import BaseModel

from config import schema
from config.errors import ConfigError, Problem
from config.settings import Settings

PREFIX: Final = "MEDIASERVER_"
DEFAULT_NAME: Final = "default.toml"


@dataclass(slots=True)
class Merged:
    """The tables of several sources, the later ones winning; lists are replaced whole."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[schema.Path, str] = field(default_factory=dict)
    """Who said it, by path of table, list or value."""

    def add(self, table: Mapping[str, Any], source: str) -> None:
        """Lay a source's tables over what there is."""
        self._lay(self.values, table, source, ())

    def source_of(self, path: schema.Path) -> str:
        """Who said what stands at the path, or whatever it stands in."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return DEFAULT_NAME

    def _lay(self, below: dict[str, Any], above: Mapping[str, Any], source: str, path: schema.Path) -> None:
        for key, value in above.items():
            here = (*path, key)
            self.origins[here] = source
            if isinstance(value, Mapping) and isinstance(below.get(key), dict):
                self._lay(below[key], value, source, here)
            elif isinstance(value, Mapping):
                below[key] = {}
                self._lay(below[key], value, source, here)
            else:
                below[key] = value


def default_text() -> str:
    """The packaged file that shows every key."""
    return files("config").joinpath(DEFAULT_NAME).read_text(encoding="utf-8")


def read_defaults() -> dict[str, Any]:
    """The tables of the packaged file."""
    return tomllib.loads(default_text())


def read_file(path: FilePath) -> dict[str, Any]:
    """The tables of a TOML file; `ConfigError` where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError((Problem(str(path), "", f"cannot be read ({reason}); give a readable TOML file"),)) from error
    except UnicodeDecodeError as error:
        raise ConfigError((Problem(str(path), "", f"is not UTF-8 text (byte {error.start}); save it as UTF-8"),)) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((Problem(str(path), "", f"is not TOML: {error}"),)) from error


def read_environment(environment: Mapping[str, str]) -> tuple[list[tuple[str, dict[str, Any]]], list[Problem]]:
    """The settings among the environment's variables, each as a table of its own, and what is wrong with them.

    A variable counts as ours where it has a ``__`` in it or names a section: the rest of the ``MEDIASERVER_`` names
    belong to others (Kubernetes makes ``MEDIASERVER_PORT`` and the like by itself).
    """
    tables: list[tuple[str, dict[str, Any]]] = []
    problems: list[Problem] = []
    for name in sorted(environment):
        path: schema.Path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if not name.startswith(PREFIX) or (len(path) == 1 and path[0] not in Settings.model_fields):
            continue
        try:
            value = _parsed(path, environment[name])
        except ValueError as error:
            problems.append(Problem(name, schema.dotted(path), str(error)))
            continue
        for part in reversed(path):
            value = {part: value}
        tables.append((name, value))
    return tables, problems


def variable(path: schema.Path) -> str:
    """The environment variable that sets this key."""
    return PREFIX + "__".join(str(part) for part in path).upper()


def _parsed(path: schema.Path, text: str) -> Any:
    """The text as the key's type wants it; ValueError says what would be right."""
    wanted = schema.annotation_at(path)
    if wanted is None:
        inside_list = any(get_origin(schema.annotation_at(path[:length])) is tuple for length in range(1, len(path)))
        if inside_list:
            raise ValueError("a list is set as a whole, as JSON, in " + variable(path[:1]))
        near = schema.nearest(path)
        raise ValueError("unknown key" + (f"; did you mean {near}, that is {variable(tuple(near.split('.')))}?" if near else ""))
    is_table = get_origin(wanted) is dict or (isinstance(wanted, type) and issubclass(wanted, BaseModel))
    if get_origin(wanted) is tuple and not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    if is_table or get_origin(wanted) is tuple:
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"must be JSON: {error.msg} at character {error.pos + 1}") from error
    return text
