"""The packaged file of defaults says what the models say, and shows every key."""

import re
import tomllib
from pathlib import Path

from pydantic import BaseModel

from config.loading import load
from config.schema import plain
from config.settings import Settings
from config.sources import default_text

EXAMPLE = re.compile(r"^#(?=[\w\[])", re.MULTILINE)


def model_keys(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every key of a model as a path, list items without their numbers."""
    keys = set()
    for name, field in model.model_fields.items():
        keys.add((*prefix, name))
        inner = plain(field.annotation)
        inner = plain(inner.__args__[0]) if getattr(inner, "__origin__", None) is tuple else inner
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            keys |= model_keys(inner, (*prefix, name))
    return keys


def file_keys(value: object, prefix: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every key of a read file, in the same form."""
    if isinstance(value, list):
        return set().union(*(file_keys(item, prefix) for item in value))
    if not isinstance(value, dict):
        return set()
    return {(*prefix, key) for key in value} | set().union(*(file_keys(inner, (*prefix, key)) for key, inner in value.items()))


def test_the_file_and_the_models_have_the_same_defaults() -> None:
    assert Settings.model_validate(tomllib.loads(default_text())) == Settings()


def test_loading_nothing_gives_the_defaults() -> None:
    assert load(None, {}) == Settings()


def test_every_key_is_shown_in_the_file() -> None:
    with_examples = tomllib.loads(EXAMPLE.sub("", default_text()))
    assert model_keys(Settings) - file_keys(with_examples) == set()


def test_the_examples_in_the_file_are_right_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "examples.toml"
    path.write_text(EXAMPLE.sub("", default_text()))
    settings = load(path, {})
    assert [trunk.name for trunk in settings.trunks] == ["pbx", "carrier"]
    assert [user.name for user in settings.users] == ["robert", "exchange", "anna"]
    assert settings.users[2].ceiling is not None
    assert settings.tokens[0].ceiling.teams == ("support",)
