"""Draw the pictures of docs/lectures.md: ``python docs/make_pictures.py``.

Runs the lectures and keeps, of what they draw, the pictures that the page shows. The tests check
that those drawn by funcgrad itself are up to date.
"""

import importlib
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PICTURES = DOCS / "lectures"
LECTURES = DOCS.parent / "examples" / "lectures"


def shown():
    """The names of the pictures of the page, in order."""
    return re.findall(r"\]\(lectures/([\w.]+)\)", (DOCS / "lectures.md").read_text())


def draw(names, folder):
    """Draw pictures into a folder, with the lectures that they come from."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    sys.path[:0] = [str(LECTURES), str(DOCS.parent)]
    with tempfile.TemporaryDirectory() as everything:
        for path in sorted(LECTURES.glob("l[0-9]*.py")):
            # L5, L7 and L11 share a file, and so do others.
            importlib.import_module(path.stem).main(["--out", everything])
        for name in names:
            shutil.copy(Path(everything) / name, folder / name)


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    draw(shown(), PICTURES)
