"""Commands of the command line made from the API's models: a field is an argument or an option, and says of itself what the API says of it.

Nobody knows a leg by its number. So a leg of one's own is named by its call or agent, or left out where there is one alone; another
supervisor's by his name; and a call by its agent too. A password is asked for, or comes by a pipe: who looks at the processes of a
machine sees what stands in their command lines.
"""

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any, Final, Literal

import typer
from typer.core import TyperGroup

from mediaserver.cli.ending import one_line_errors
from mediaserver.cli.options import DEFAULT_URL, AsJson, Token, Url
from mediaserver.cli.places import OF_THE_PAST, TOP, Place, Source, in_group, others

WHICH: Final = "which"
"""The argument that stands for ``call`` and ``agent``, of which a command wants one."""
_TYPES: Final[dict[str, type]] = {"integer": int, "number": float, "boolean": bool, "string": str}
_NAMED: Final = {
    "call": typer.Argument(metavar="CALL-OR-AGENT", help="Id of a call, or an agent who has exactly one."),
    "leg": typer.Argument(metavar="CALL-OR-AGENT", help="Where you are; left out: the one call that you are in.", show_default=False),
    "to": typer.Argument(metavar="SUPERVISOR", help="Another supervisor of the call, by name or by the number of his leg."),
    WHICH: typer.Argument(metavar="CALL-OR-AGENT", help="Id of a call, or an agent who has exactly one.", show_default=False),
}
"""What is named rather than numbered."""


class Derived(TyperGroup):
    """A group some of whose commands are made when they are asked for; until then each has a line of help and nothing else."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that these arguments are for."""
        name, command, rest = super().resolve_command(ctx, args)
        place = self.places().get(name or "")
        return (name, command if place is None else made(place), rest)

    def places(self) -> dict[str, Place]:
        """The commands that are made, by name."""
        return in_group(self.name or TOP)


class Others(Derived):
    """The group of whatever has no place elsewhere."""

    def places(self) -> dict[str, Place]:
        """The commands that are made, by name."""
        return others()

    def list_commands(self, ctx: Any) -> list[str]:
        """All names."""
        return list(self.places())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The line of help of one."""
        place = self.places().get(cmd_name)
        return None if place is None else _app_of(place, _nothing)


def put_into(app: typer.Typer, group: str) -> None:
    """Put the lines of help of a group's commands onto its app, whose class is `Derived`."""
    for place in in_group(group).values():
        app.command(place.name, help=place.help, rich_help_panel=place.panel)(_nothing)


def made(place: Place) -> Any:
    """The whole command."""
    return _app_of(place, _look(place) if place.source is Source.LOOK else _command(place))


def _app_of(place: Place, run: Callable[..., None]) -> Any:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(place.name, help=place.help, rich_help_panel=place.panel)(run)
    return typer.main.get_command(app)


def _nothing() -> None:
    """Stands where the whole command will be."""


def _look(place: Place) -> Callable[..., None]:
    def run(url: Url = DEFAULT_URL, token: Token = "", as_json: AsJson = False) -> None:
        with one_line_errors():
            from mediaserver.cli import telling

            telling.look(url, token, place.kind, as_json)

    return run


def _command(place: Place) -> Callable[..., None]:
    shapes, needed = _fields(place)
    secrets = {name: shape for name, shape in shapes.items() if _is_secret(shape)}

    def run(url: str, token: str, as_json: bool, **given: Any) -> None:
        with one_line_errors():
            from mediaserver.cli import telling

            typed = {name: _typed(name, shape) if given[name] else None for name, shape in secrets.items()}
            telling.command(url, token, place.kind, dict(place.preset) | given | typed, as_json)

    connection = [
        Parameter("url", Parameter.KEYWORD_ONLY, default=DEFAULT_URL, annotation=Url),
        Parameter("token", Parameter.KEYWORD_ONLY, default="", annotation=Token),
        Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
    ]
    parameters = [*_parameters(place, shapes, needed), *connection]
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _fields(place: Place) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """The fields of a command that somebody is asked for, as a model's schema has them, and those that must be there."""
    # Imported late: for a line of help no model is needed.
    from control_api.command_models import COMMANDS
    from control_api.schemas import schemas

    model = COMMANDS[place.kind]
    found = schemas([model], [])
    shape = found[model.__name__]
    fields = {
        name: _plain(each, found)
        for name, each in shape["properties"].items()
        if name not in {"id", "key", "traceparent", "type", *place.preset}
    }
    needed = set(shape.get("required", ()))
    if {"call", "agent"} <= fields.keys():
        del fields["call"], fields["agent"]
        fields = {WHICH: {}} | fields
        needed |= {WHICH} if place.needs_call else set()
    return {name: each | {"description": place.says.get(name, _said(each))} for name, each in fields.items()}, needed


def _said(shape: dict[str, Any]) -> str:
    """What the API says of a field, for who does not write JSON."""
    text = str(shape.get("description", "")).replace("null:", "left out:").replace("Null:", "Left out:")
    return f"Ask for it, or take the next line of a pipe. {text}" if _is_secret(shape) else text


def _is_secret(shape: dict[str, Any]) -> bool:
    return bool(shape.get("format") == "password")


def _typed(name: str, shape: dict[str, Any]) -> str:
    # Imported late: few commands take any.
    from mediaserver.cli.users import asked

    return asked(name.replace("_", " ").capitalize(), shape["minLength"])


def _parameters(place: Place, shapes: dict[str, dict[str, Any]], needed: set[str]) -> list[Parameter]:
    """A parameter a field: first the arguments that must be there, then those that may, then the options."""
    made = [
        _parameter(name, each, name in needed, name in place.positional, place.kind not in OF_THE_PAST) for name, each in shapes.items()
    ]
    return sorted(made, key=lambda each: (each.default is not Parameter.empty, not _is_argument(each)))


def _parameter(name: str, shape: dict[str, Any], is_needed: bool, is_positional: bool, is_live: bool) -> Parameter:
    if _is_secret(shape):
        flag = typer.Option(f"--{name.replace('_', '-')}", metavar="", help=shape["description"])
        return Parameter(name, Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, flag])
    default = Parameter.empty if is_needed and name != "leg" else shape.get("default")
    if name in _NAMED and is_live:
        return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[str | None, _NAMED[name]])
    kind = _type(shape)
    said: Any = typer.Option(metavar="" if kind is bool else None, help=shape["description"], show_default=default not in (None, ""))
    if is_needed or is_positional:
        said = typer.Argument(metavar=name.upper(), help=shape["description"], show_default=False)
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind if is_needed else kind | None, said])


def _is_argument(parameter: Parameter) -> bool:
    return isinstance(parameter.annotation.__metadata__[0], typer.models.ArgumentInfo)


def _type(shape: dict[str, Any]) -> Any:
    if "enum" in shape:
        return Literal[tuple(shape["enum"])]
    if shape.get("type") == "array":
        # Typer has no lists of choices; the server says what there is.
        return list[_TYPES.get(shape["items"].get("type", ""), str)]  # type: ignore[misc]
    return _TYPES.get(shape.get("type", ""), str)


def _plain(shape: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """A field's shape without null, and with what it refers to."""
    kinds = [kind for kind in shape.get("anyOf", ()) if kind != {"type": "null"}]
    plain = shape | (kinds[0] if kinds else {})
    return models[plain["$ref"].rpartition("/")[2]] | plain if "$ref" in plain else plain
