"""The examples run, say what they promise, and save a picture; the full spiral is lecture L23."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np

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
