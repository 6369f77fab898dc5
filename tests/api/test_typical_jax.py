"""A typical JAX program runs here unchanged but for its imports, with JAX's numbers."""

from pathlib import Path

import numpy as np
import pytest

from funcgrad import tree

SOURCE = Path(__file__).with_name("typical_jax.py")
IMPORTS = {
    "funcgrad": "import funcgrad as jax\nimport funcgrad.numpy as jnp\n"
    "import funcgrad.optim as optax\n",
    "jax": "import jax\nimport jax.numpy as jnp\nimport jax.flatten_util\nimport optax\n",
}


def results(library):
    text = SOURCE.read_text()
    space = {"__name__": "typical"}
    exec(compile(IMPORTS[library] + text, str(SOURCE), "exec"), space)
    return space["RESULTS"]


def test_the_program_is_as_long_as_it_is_to_be():
    lines = [line for line in SOURCE.read_text().splitlines() if line.strip()]
    assert len(lines) >= 150


def test_the_program_runs():
    found = results("funcgrad")
    assert found["losses"][-1] < 0.5 * found["losses"][0]
    assert found["accuracies"][-1] > 0.9
    assert found["isinstance"] == (True, False)
    np.testing.assert_allclose(found["newton"], 2.0**0.5)
    np.testing.assert_allclose(found["hessian"], found["jacobian"])


@pytest.mark.peers
def test_the_numbers_are_those_of_jax():
    import jax

    with jax.enable_x64(True):
        theirs = results("jax")
    ours = results("funcgrad")
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        found = tree.leaves(ours[name])
        wanted = jax.tree.leaves(expected)
        assert len(found) == len(wanted), name
        for a, b in zip(found, wanted, strict=True):
            if isinstance(b, str):
                assert a == b, name
                continue
            assert np.shape(a) == np.shape(b), name
            np.testing.assert_allclose(a, np.asarray(b), rtol=1e-8, atol=1e-10, err_msg=name)
