"""The walls between the rooms: what import-linter is told covers every room, and what a process really loads agrees with it."""

import configparser
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


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped rooms and their contracts, to be broken."""
    folder = tmp_path_factory.mktemp("rooms")
    for room in SHIPPED:
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "*.wav"))
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


BREACHES = {
    "a sibling is imported": ("layers", "rtp", "mixer.modes"),
    "a room below imports one above": ("layers", "config", "sip.negotiated"),
    "the API reads more of the mixer than modes": ("modes-only", "control_api", "mixer.breach"),
    "signalling loads numpy": ("no-numpy", "mediaserver/signalling", "numpy"),
    "signalling loads numpy through another": ("no-numpy", "mediaserver/signalling", "rtp.breach"),
    "the GPL phone is shipped": ("no-gpl", "bench", "pyVoIP.VoIP"),
    "the media loop learns of asyncio": ("worker-without-asyncio", "mediaserver/worker", "asyncio"),
    "a core reads the clock": ("sans-io", "mediaserver/call", "time"),
    "a core reaches for its shell": ("shells", "sip", "sip.transport.breach"),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_in_a_wall_is_caught(copy: Path, breach: str) -> None:
    name, room, module = BREACHES[breach]
    hole = copy / room / "breach.py"
    bait = {"rtp.breach": "rtp/breach.py", "mixer.breach": "mixer/breach.py", "sip.transport.breach": "sip/transport/breach.py"}.get(module)
    written = [hole]
    hole.write_text(f"import {module}\n")
    if bait:
        (copy / bait).write_text("import numpy\nimport socket\n")
        written.append(copy / bait)
    try:
        command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache", "--contract", name]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=50)
    finally:
        for file in written:
            file.unlink()
    assert done.returncode == 1
    assert "1 broken" in done.stdout
    assert "breach" in done.stdout
