"""The flat code of what every lecture explains runs with NumPy alone and gives the same numbers."""

import importlib
import importlib.util
import sys

import numpy as np
import pytest

import funcgrad
from funcgrad import explain
from funcgrad.compile.source.naming import identifier
from tests.test_layout import ROOT

LECTURES = ROOT / "examples" / "lectures"
EXPLAINING = sorted(p.name for p in LECTURES.glob("l*_*.py") if "explain(" in p.read_text())


@pytest.mark.parametrize("file", EXPLAINING)
def test_a_lecture(file, monkeypatch, tmp_path, capsys):
    found = []

    def explaining(*args, **kwargs):
        found.append(explain(*args, **kwargs))
        return found[-1]

    monkeypatch.setattr(funcgrad, "explain", explaining, raising=False)
    monkeypatch.syspath_prepend(str(LECTURES))
    lecture = importlib.import_module("lecture")
    monkeypatch.setattr(lecture, "save", lambda picture, path: None)
    spec = importlib.util.spec_from_file_location(f"flat_{file[:-3]}", LECTURES / file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    module.main(["--out", str(tmp_path)])
    assert found
    for explained in found:
        names = {}
        exec(explained.source(), names)
        assert_ulp(names["result"], explained.value)
        inputs = [n for n in explained.graph.nodes if n.kind == "input"]
        for node in inputs:
            wanted = node.cotangents[0]
            if wanted is not None:
                assert_ulp(names[f"grad_{identifier(node.names[0])}"], wanted)


def assert_ulp(got, want, most=4):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    assert np.all(np.abs(got - want) <= most * np.spacing(np.abs(want)))
