"""The rooms keep their form: lower floors never import higher ones, and one namespace spans all folders."""

from __future__ import annotations

import ast
import platform
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = (
    {"core"},
    {"tasks"},
    {"generator", "teacher", "student", "registry"},
    {"orchestrator"},
    {"platform"},
)
# Beside the floors: migrations declare the tables of every room, and only the platform calls them.
ROOMS = set.union(*FLOORS) | {"migrations"}
HEAVY = ("torch", "transformers", "sklearn", "ray", "pyarrow", "onnxruntime", "fastapi", "sqlalchemy")


def floor(room: str) -> int:
    return next(height for height, rooms in enumerate(FLOORS) if room in rooms)


def may_import(room: str, module: str) -> bool:
    other = module.split(".")[1]
    if other == room:
        return True
    if room == "migrations":
        return other == "core" or module.endswith((".tables", "_tables"))
    if other == "migrations":
        return room == "platform"
    return floor(other) < floor(room)


def imported(source: str) -> Iterator[tuple[int, str]]:
    """Every module of ours that a file imports, also inside functions, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import; write gts.<room>.<module>"
            whole = node.module == "gts"
            names = [f"gts.{alias.name}" for alias in node.names] if whole else [str(node.module)]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.startswith("gts."))


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_only_rooms_below_it(room):
    files = sorted((ROOT / room / "gts" / room).rglob("*.py"))
    assert files
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in files
        for line, module in imported(path.read_text("utf-8"))
        if not may_import(room, module)
    ]
    assert not wrong


def test_the_floors_tell_up_from_down():
    source = "def f():\n    from gts import platform\n    import gts.core.errors, json\n"
    assert list(imported(source)) == [(2, "gts.platform"), (3, "gts.core.errors")]
    assert may_import("platform", "gts.core.errors") and not may_import("core", "gts.platform")
    assert not may_import("teacher", "gts.student.static") and not may_import("student", "gts.migrations")
    assert may_import("migrations", "gts.registry.tables")
    assert not may_import("migrations", "gts.registry.registry")


def test_the_lists_of_folders_in_pyproject_are_those_on_disk():
    on_disk = {path.parent.name for path in ROOT.glob("*/gts") if not path.parent.name.startswith(".")}
    assert on_disk == ROOMS
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    assert set(tool["hatch"]["build"]["dev-mode-dirs"]) == ROOMS
    assert set(tool["hatch"]["build"]["targets"]["wheel"]["packages"]) == {f"{room}/gts" for room in ROOMS}
    assert set(tool["pytest"]["ini_options"]["pythonpath"]) == ROOMS
    checked = {path.removeprefix("$MYPY_CONFIG_FILE_DIR/") for path in tool["mypy"]["mypy_path"]}
    assert checked == ROOMS | {"examples"}
    assert set(tool["coverage"]["run"]["source"]) == ROOMS - {"migrations"}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_the_namespace_stays_open(room):
    entries = {path.name for path in (ROOT / room / "gts").iterdir()} - {"__pycache__"}
    assert entries == {room}
    assert not (ROOT / room / "__init__.py").exists()


def test_test_folders_are_no_packages():
    # tests/platform/__init__.py would hide the standard library's `platform`.
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_the_standard_librarys_platform_is_intact():
    assert Path(platform.__file__).parent == Path(sysconfig.get_path("stdlib"))
    code = "import platform; print(platform.__file__)"
    from_root = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert Path(from_root.stdout.strip()) == Path(platform.__file__)


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom gts.platform.cli import run\nassert run(['--help']) == 0\n"
        f"print(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stderr.strip() == "[]" and "produce" in shown.stdout


def test_the_server_imports_no_torch():
    code = (
        "import sys, gts.platform.app, gts.platform.supervisor, gts.platform.worker_main\n"
        "print(sorted(set(sys.modules) & {'torch', 'transformers', 'sklearn', 'ray'}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
