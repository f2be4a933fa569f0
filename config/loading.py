"""Loading the settings: the packaged defaults, then a file, then the environment, checked as a whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from config import checks, schema
from config.errors import ConfigError, Problem
from config.settings import Settings
from config.sources import DEFAULT_NAME, Merged, read_defaults, read_environment, read_file

SECRET: Final = frozenset({"secret", "credential", "pin", "password", "sha256", "ha1_md5", "ha1_sha256"})
"""Keys whose values never stand in an error, beside those that are a `SecretStr`."""
NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

WORDING: Final = {
    "missing": "is missing",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "string_pattern_mismatch": "must match {pattern}",
}

PATTERNS: Final = {
    NAME_PATTERN: "must be a name of up to 64 letters, digits, dots, dashes and underscores",
    "^[0-9a-f]{64}$": "must be 64 hexadecimal digits",
}
"""The same in words, for the settings' regular expressions."""


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings: packaged defaults < file < environment. Raises `ConfigError`, which lists every problem found."""
    merged = Merged()
    merged.add(read_defaults(), DEFAULT_NAME)
    if path is not None:
        merged.add(read_file(path), str(path))
    tables, problems = read_environment(environment)
    for name, table in tables:
        merged.add(table, name)
    try:
        settings = Settings.model_validate(merged.values)
    except ValidationError as error:
        problems.extend(_problems(error, merged))
        raise ConfigError(tuple(problems)) from None
    problems.extend(Problem(merged.source_of(path), schema.dotted(path), text) for path, text in checks.find(settings))
    if problems:
        raise ConfigError(tuple(problems))
    return settings


def _problems(error: ValidationError, merged: Merged) -> list[Problem]:
    """One problem a key: what is said of the members of a union is said together."""
    texts: dict[schema.Path, list[str]] = {}
    values: dict[schema.Path, str] = {}
    for details in error.errors():
        path = _key_path(details["loc"], merged.values)
        texts.setdefault(path, []).append(_text(details, path))
        values[path] = _value(details, path)
    return [
        Problem(merged.source_of(path), schema.dotted(path), " or ".join(dict.fromkeys(said)) + values[path])
        for path, said in texts.items()
    ]


def _key_path(location: tuple[str | int, ...], values: Any) -> schema.Path:
    """The location as far as it names keys: pydantic adds the union's member to it."""
    path: schema.Path = ()
    for part in location:
        if isinstance(values, Mapping):
            values = values.get(str(part))
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
        else:
            break
        path = (*path, part)
    return path


def _text(details: ErrorDetails, path: schema.Path) -> str:
    if details["type"] == "extra_forbidden":
        near = schema.nearest(path)
        known = ", ".join(schema.known_keys(path[:-1]))
        return f"unknown key; did you mean {near}?" if near else f"unknown key; known here: {known}"
    wording = WORDING.get(details["type"])
    if wording is None:
        return details["msg"][:1].lower() + details["msg"][1:]
    return PATTERNS.get(details.get("ctx", {}).get("pattern", ""), wording.format(**details.get("ctx", {})))


def _value(details: ErrorDetails, path: schema.Path) -> str:
    if (
        details["type"] in ("missing", "extra_forbidden")
        or not SECRET.isdisjoint(map(str, path))
        or schema.annotation_at(path) is SecretStr
    ):
        return ""
    value = details["input"]
    if isinstance(value, Mapping | list):
        return ", not a table" if isinstance(value, Mapping) else ", not a list"
    return f", not {value[:60]!r}" if isinstance(value, str) else f", not {value}"
