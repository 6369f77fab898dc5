"""The examples run, say what they promise, and save a picture; the full spiral is lecture L23."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]


def assert_picture(path, least_colors=20):
    """A PNG of some size with something in it."""
    image = matplotlib.image.imread(path)
    assert min(image.shape[:2]) > 400
    assert len(np.unique(image.reshape(-1, image.shape[2]), axis=0)) > least_colors


def test_gradient_descent(example, tmp_path, capsys):
    runs = example("gradient_descent").main(["--out", str(tmp_path)])
    (bowl, _), (valley, _), (flown, costs) = runs.values()
    np.testing.assert_allclose(bowl[-1], 0.25, rtol=1e-12)
    np.testing.assert_allclose(valley[-1], (0.18348, 0.28415), atol=5e-6)
    assert np.isnan(flown[-1]).all()
    assert costs[2] == np.inf
    assert "step 100   (0.25000, 0.25000, 0.25000)   cost 2.25000" in capsys.readouterr().out
    assert_picture(tmp_path / "gradient_descent.png")


def test_neuron(example, tmp_path, capsys):
    loss = example("neuron").main(["--steps", "300", "--out", str(tmp_path)])
    assert loss < 0.1798
    assert "first loss: 0.17980" in capsys.readouterr().out
    assert_picture(tmp_path / "neuron.png")


def test_digits(example, tmp_path, capsys):
    accuracy = example("digits").main(["--out", str(tmp_path)])
    assert accuracy > 0.96
    assert (
        f"1,437 digits trained on, 360 tested: accuracy {accuracy:.4f}" in capsys.readouterr().out
    )
    assert_picture(tmp_path / "digits.png")


def test_convnet(example, tmp_path, capsys):
    accuracy = example("convnet").main(["--steps", "120", "--out", str(tmp_path)])
    assert accuracy > 0.96
    assert (
        f"1,437 digits trained on, 360 tested: accuracy {accuracy:.4f}" in capsys.readouterr().out
    )
    assert_picture(tmp_path / "convnet.png")


LECTURES = sorted(path.stem for path in (ROOT / "examples" / "lectures").glob("l[0-9]*.py"))
SHORTER = {"l23_spiral": ["--steps", "1000"]}
"""The full training of the spiral is in test_lectures."""


@pytest.mark.parametrize("name", LECTURES)
def test_lecture(name, example, monkeypatch, tmp_path, capsys):
    """Its numbers are asserted in the file; here that it runs, and what it draws."""
    monkeypatch.syspath_prepend(ROOT / "examples" / "lectures")
    module = example(f"lectures/{name}")
    assert f"python examples/lectures/{name}.py" in module.__doc__
    module.main(["--out", str(tmp_path), *SHORTER.get(name, [])])
    drawn = sorted(path.name for path in tmp_path.iterdir())
    printed = capsys.readouterr().out
    assert drawn
    for picture in drawn:
        assert picture in printed
        path = tmp_path / picture
        if path.suffix == ".png":
            assert_picture(path)
        elif path.suffix == ".svg":
            assert xml.etree.ElementTree.parse(path).getroot().tag.endswith("svg")
            of_the_page = ROOT / "docs" / "lectures" / picture
            if of_the_page.exists():
                same = path.read_text() == of_the_page.read_text()
                assert same, f"{picture} has changed: run python docs/make_pictures.py"
        elif path.suffix == ".gif":
            with Image.open(path) as film:
                assert film.n_frames >= 5
        else:
            assert path.suffix == ".html"
            assert "<svg" in path.read_text()


def test_every_lecture_has_a_file():
    text = "\n".join(
        (ROOT / "examples" / "lectures" / f"{name}.py").read_text().splitlines()[0]
        for name in LECTURES
    )
    rows = {int(row) for row in re.findall(r"\bL(\d+)\b", text)}
    assert rows == set(range(1, 25))


def test_a_lecture_is_a_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "examples/lectures/l01_chain.py", "--out", tmp_path],
        cwd=ROOT,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "dw, du -0.26894, 0.26894" in done.stdout


def test_all_in_one_command(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "examples", "--steps", "40", "--out", tmp_path],
        cwd=ROOT,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "40/40" in done.stderr  # the progress bars
    for name in ("gradient_descent", "neuron", "spiral", "digits", "convnet"):
        assert_picture(tmp_path / f"{name}.png")
