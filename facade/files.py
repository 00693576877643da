"""Choose the modules that have a twin, write the twins, and compare them with the files on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict, List

from facade.modules import render_module, render_package, render_reexport
from facade.source import Source
from facade.twins import Twins

__all__ = ["find_differences", "generate", "list_modules", "write"]

WITH_TWINS = (
    "client.py",
    "resources/*.py",
    "resources/_videos/__init__.py",
    "resources/_videos/files.py",
    "resources/_videos/lists.py",
    "batch/batch.py",
    "batch/__init__.py",
    "luma/client.py",
    "luma/resources.py",
    "luma/__init__.py",
)
WITHOUT_TWINS = {"resources/_client_parts.py"}  # async, but not for users
SAME_IN_BOTH = ("errors.py", "types/__init__.py")
BY_HAND = {"_messages.py", "_portal.py", "_thread.py", "py.typed"}
FOLDERS_BY_HAND = {"webhooks"}


def list_modules(root: Path) -> List[Path]:
    """Return the modules of the async package whose public async classes have twins."""
    package = root / "bluma_async"
    found = [path for pattern in WITH_TWINS for path in sorted(package.glob(pattern))]
    return [path for path in found if path.relative_to(package).as_posix() not in WITHOUT_TWINS]


def generate(root: Path) -> Dict[str, str]:
    """
    Return the text of every generated module, by its path in `bluma_sync`.

    Raises:
        RefusedError: A part of the async package has no rule.
    """
    package, found = root / "bluma_async", list_modules(root)
    sources = {path.relative_to(package).as_posix(): _read(root, path) for path in found}
    twins = Twins.collect(list(sources.values()))
    texts = {name: render_module(source, twins) for name, source in sources.items() if twins.list_classes(source)}
    for path in (package / "__init__.py", *(path for path in found if path.name == "__init__.py")):
        texts[path.relative_to(package).as_posix()] = render_package(_read(root, path), twins)
    for name in SAME_IN_BOTH:
        texts[name.replace("/__init__", "")] = render_reexport(_read(root, package / name))
    return _format(texts, root)


def find_differences(root: Path, wanted: Dict[str, str]) -> List[str]:
    """Return one line for each module that is missing, is out of date, or has no source."""
    folder = root / "bluma_sync"
    files = (path.relative_to(folder).as_posix() for path in _list_files(folder))
    there = {name for name in files if not _is_by_hand(name)}
    lines = [f"bluma_sync/{name} has no source: delete it" for name in sorted(there - set(wanted))]
    for name, text in sorted(wanted.items()):
        if name not in there:
            lines.append(f"bluma_sync/{name} is missing: run `nox -s facade`")
        elif (folder / name).read_text(encoding="utf-8") != text:
            lines.append(f"bluma_sync/{name} is stale, or was changed by hand: run `nox -s facade`")
    return lines


def write(root: Path, wanted: Dict[str, str]) -> None:
    """Write the modules, and delete the files that have no source."""
    folder = root / "bluma_sync"
    for path in _list_files(folder):
        name = path.relative_to(folder).as_posix()
        if name not in wanted and not _is_by_hand(name):
            path.unlink()
    for name, text in wanted.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def _is_by_hand(name: str) -> bool:
    return name in BY_HAND or name.split("/", maxsplit=1)[0] in FOLDERS_BY_HAND


def _list_files(folder: Path) -> List[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def _read(root: Path, path: Path) -> Source:
    file = path.relative_to(root)
    parts = file.parent.parts if file.name == "__init__.py" else file.with_suffix("").parts
    return Source(".".join(parts), file.as_posix(), path.read_text(encoding="utf-8"))


def _format(texts: Dict[str, str], root: Path) -> Dict[str, str]:
    """
    Sort the imports and format the texts, with the project's own settings.

    All at once: starting ruff for each module takes longer than its work. No file is named `__init__.py`, where unused
    imports would be left.
    """
    with TemporaryDirectory() as folder:
        files = {name: Path(folder, "bluma_sync", f"module_{number}.py") for number, name in enumerate(texts)}
        Path(folder, "bluma_sync").mkdir()
        for name, file in files.items():
            file.write_text(texts[name], encoding="utf-8")
        for command in (["check", "--select", "I,F401", "--fix-only", "--quiet"], ["format", "--quiet"]):
            ruff = [
                sys.executable,
                "-m",
                "ruff",
                *command,
                "--config",
                str(root / "pyproject.toml"),
                "--no-cache",
                folder,
            ]
            subprocess.run(ruff, cwd=root, capture_output=True, text=True, check=True)
        return {name: file.read_text(encoding="utf-8") for name, file in files.items()}
