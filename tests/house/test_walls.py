"""The walls between the rooms: what import-linter is told covers every room, and what a process really loads agrees with it."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, SHIPPED, WITH_NUMPY, imported_names, is_within, module_of, name_of, python_files

WITHOUT_NUMPY = {"mixer.coders.libopus", "mixer.formats", "mixer.modes", "mixer.opus_parameters"}
"""Modules of the mixer that signalling may read."""
SIGNALLING = sorted(
    {module_of(file) for file in python_files(*SHIPPED) if not is_within(module_of(file), WITH_NUMPY) and file.name != "__main__.py"}
    | WITHOUT_NUMPY
)


def contract(name: str) -> configparser.SectionProxy:
    """One contract of .importlinter."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    return contracts[f"importlinter:contract:{name}"]


def listed(section: configparser.SectionProxy, key: str) -> set[str]:
    """A multi-line value as a set."""
    return {line.strip() for line in section[key].splitlines() if line.strip()}


def loaded_with(module: str) -> set[str]:
    """Everything in ``sys.modules`` after a fresh interpreter imported one module."""
    code = "import importlib, sys; importlib.import_module(sys.argv[1]); print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code, module], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, f"{module} cannot be imported by itself:\n{done.stderr}"
    return set(done.stdout.split())


def test_every_part_of_the_application_except_the_worker_is_kept_from_numpy() -> None:
    parts = {f"mediaserver.{path.name}" for path in (ROOT / "mediaserver").iterdir() if (path / "__init__.py").exists()}
    kept = listed(contract("no-numpy"), "source_modules")
    assert parts - {"mediaserver.worker"} <= kept, "new part: add it to the contract no-numpy in .importlinter"
    assert {"sip", "control_api", "config"} | WITHOUT_NUMPY <= kept


def test_every_shipped_package_is_kept_from_the_gpl_phone() -> None:
    assert listed(contract("no-gpl"), "source_modules") == set(SHIPPED)


def test_no_shipped_file_and_no_example_imports_the_gpl_phone() -> None:
    guilty = [
        name_of(file)
        for file in python_files(*SHIPPED, "examples", "scripts")
        if any(is_within(name, ("pyVoIP",)) for name in imported_names(file))
    ]
    assert not guilty


def test_the_signalling_side_loads_no_numpy_when_all_of_it_is_imported() -> None:
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    if 'numpy' in sys.modules: sys.exit(f'{name} loaded numpy')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *SIGNALLING], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", ["sip.negotiated", "mixer.modes", "mediaserver.call.inputs", "mediaserver.link.messages"])
def test_a_contract_between_rooms_costs_no_event_loop_to_import(module: str) -> None:
    assert not {"asyncio", "uvloop", "numpy"} & loaded_with(module)


BREACHES = {
    "a sibling is imported": ("layers", "rtp", "mixer.modes"),
    "a room below imports one above": ("layers", "config", "sip.negotiated"),
    "the API reads more of the mixer than modes": ("modes-only", "control_api", "mixer.bait"),
    "signalling loads numpy": ("no-numpy", "mediaserver/signalling", "numpy"),
    "signalling loads numpy through another": ("no-numpy", "mediaserver/signalling", "rtp.bait"),
    "the GPL phone is shipped": ("no-gpl", "bench", "pyVoIP"),
    "the media loop learns of asyncio": ("worker-without-asyncio", "mediaserver/worker", "asyncio"),
    "a core reads the clock": ("sans-io", "mediaserver/call", "time"),
    "a core reaches for its shell": ("shells", "sip", "sip.transport.bait"),
}
HOLES = {breach: f"breach_{number}" for number, breach in enumerate(BREACHES)}
"""The module that imports what it must not."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What import-linter says of each contract that it finds broken, in a copy of the shipped rooms with all breaches at once."""
    folder = tmp_path_factory.mktemp("rooms")
    for room in SHIPPED:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "*.wav"))
    shutil.copy(ROOT / ".importlinter", folder)
    for breach, (_, room, module) in BREACHES.items():
        (folder / room / f"{HOLES[breach]}.py").write_text(f"import {module}\n")
        if module.endswith(".bait"):
            (folder / module.replace(".", "/")).with_suffix(".py").write_text("import numpy\nimport socket\n")
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    wide = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, cwd=folder, env=wide, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 1
    said = re.split(r"^(.+)\n-+\n", done.stdout.partition("Broken contracts")[2], flags=re.MULTILINE)
    return dict(zip(said[1::2], said[2::2], strict=True))


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_in_a_wall_is_caught(found: dict[str, str], breach: str) -> None:
    name, room, module = BREACHES[breach]
    assert f"{room.replace('/', '.')}.{HOLES[breach]} -> {module} (" in found[contract(name)["name"]]
