"""Finding one's way through the settings' models by key: what stands at a path, and which known key is nearest."""

from collections.abc import Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from config.settings import Settings

Path = tuple[str | int, ...]
"""Keys and list indices from the top."""


def plain(annotation: Any) -> Any:
    """The annotation without ``Annotated`` and without ``None``."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        return plain(members[0])
    return annotation


def annotation_at(path: Path) -> Any:
    """The plain annotation of what stands at the path; None where nothing is known to."""
    here: Any = Settings
    for part in path:
        origin = get_origin(here)
        if isinstance(here, type) and issubclass(here, BaseModel) and part in here.model_fields:
            here = plain(here.model_fields[str(part)].annotation)
        elif origin is tuple and isinstance(part, int):
            here = plain(get_args(here)[0])
        else:
            return None
    return here


def known_keys(path: Path) -> tuple[str, ...]:
    """The keys of the table at the path."""
    here = annotation_at(path)
    return tuple(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else ()


def dotted(path: Path) -> str:
    """The path as text: ``trunks[0].host``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def nearest(path: Path) -> str | None:
    """The known key that an unknown one is most likely meant to be, as a dotted path.

    Looked for in the same table first, then the same name elsewhere, then anything spelt alike.
    """
    *table, key = path
    for near in get_close_matches(str(key), known_keys(tuple(table)), 1, 0.6):
        return dotted((*table, near))
    everywhere = list(_all_paths((), Settings))
    for known in everywhere:
        if known[-1] == key:
            return dotted(known)
    for near in get_close_matches(dotted(path), [dotted(known) for known in everywhere], 1, 0.6):
        return near
    return next(iter(get_close_matches(str(path[0]), Settings.model_fields, 1, 0.6)), None)


def _all_paths(prefix: Path, model: type[BaseModel]) -> Iterator[Path]:
    for name, field in model.model_fields.items():
        yield (*prefix, name)
        here = plain(field.annotation)
        if isinstance(here, type) and issubclass(here, BaseModel):
            yield from _all_paths((*prefix, name), here)
