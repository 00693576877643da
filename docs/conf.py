"""The settings of Sphinx for the documents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "bluma_async" / "_version.py").read_text(encoding="utf-8"))

project = "Bluma SDK"
version = release = VERSION.group(1) if VERSION else ""
copyright = ""  # noqa: A001 - the name that Sphinx reads
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"Bluma SDK {release}"
html_static_path: list[str] = []
html_extra_path = ["llms.txt"]
html_show_copyright = False
html_show_sphinx = False

myst_heading_anchors = 3
suppress_warnings = ["ref.python"]  # both twins have classes of one name; annotations do not say which is meant

default_role = "code"  # docstrings are Markdown-like: one pair of backquotes is code
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
autodoc_default_options = {"members": True, "inherited-members": False, "undoc-members": False}
napoleon_numpy_docstring = False
napoleon_use_ivar = True


def name_headings(_: Any, __: str, source: list[str]) -> None:
    """Make targets of the HTML anchors of headings, which other viewers of Markdown follow too."""
    source[0] = re.sub(r'^(#+) <a id="([\w-]+)"></a>', r"(\2)=\n\n\1 ", source[0], flags=re.MULTILINE)


def setup(app: Any) -> None:
    """Connect the functions above."""
    app.connect("source-read", name_headings)
