"""`serve` and `check-config`."""

import gc
import json
import os
from pathlib import Path
from typing import Final

import typer

from config.errors import ConfigError, Problem
from config.loading import load
from config.settings import Settings
from mediaserver.cli.ending import CONFIGURATION

LEVELS: Final = ("debug", "info", "warning", "error")


def serve(config: Path | None, log_json: bool, log_level: str) -> int:
    """Run the server; the exit code."""
    if log_level not in LEVELS:
        raise ValueError(f"--log-level: must be {', '.join(LEVELS)}, not {log_level!r}")
    settings = load(config, os.environ)
    # Imported late: a wrong configuration should be told at once.
    gc.disable()  # what is loaded stays: to look through it again and again would be a fifth of the start
    try:
        from mediaserver.observing.logs import configure_logs
        from mediaserver.signalling.application import run
    finally:
        gc.enable()

    configure_logs(as_json=log_json, level=log_level)
    return run(settings, lambda: load(config, os.environ))


def check_config(config: Path | None, as_json: bool) -> None:
    """Say whether the configuration can be used, and what it holds."""
    try:
        settings = load(config, os.environ)
        _open_secrets(settings, config)
    except ConfigError as error:
        if not as_json:
            raise
        print(json.dumps({"ok": False, "problems": [{"source": p.source, "key": p.key, "text": p.text} for p in error.problems]}))
        raise typer.Exit(CONFIGURATION) from None
    counts = {name: len(getattr(settings, name)) for name in ("trunks", "routes", "agents", "users", "tokens")}
    if as_json:
        print(json.dumps({"ok": True, "problems": [], **counts}))
    else:
        print(f"{config or 'defaults'}: right; " + ", ".join(_counted(count, name) for name, count in counts.items()))


def _counted(count: int, names: str) -> str:
    return f"{count} {names.removesuffix('s') if count == 1 else names}"


def _open_secrets(settings: Settings, config: Path | None) -> None:
    """Try the key on what is sealed, where there is a key. Raises `ConfigError`."""
    # Imported late: most configurations have nothing sealed.
    from mediaserver.secrecy.key import SecrecyError, key_of
    from mediaserver.signalling.entering.identities import ConfiguredUsers

    try:
        key = key_of(os.environ)
        if key is not None:
            ConfiguredUsers(settings, key)
    except SecrecyError as error:
        raise ConfigError((Problem(str(config or "defaults"), "", str(error)),)) from None
