"""NumPy's public names by what they do when traced, as docs/make_coverage.py classifies them."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
spec = importlib.util.spec_from_file_location("make_coverage", DOCS / "make_coverage.py")
coverage = importlib.util.module_from_spec(spec)
spec.loader.exec_module(coverage)

ROWS = {row.name: row for row in coverage.classify()}
DIFFERENTIABLE = [n for n, row in ROWS.items() if row.kind == coverage.DIFFERENTIABLE]
DISCRETE = [n for n, row in ROWS.items() if row.kind == coverage.TRACED]
