"""L17: the tour through PyTorch's autograd, and what stands for each stop.

==============================  ==========================================================
PyTorch                         here
==============================  ==========================================================
``requires_grad=True``          ``argnums``: which arguments a gradient is taken by
``y.grad_fn``                   the program: ``make_jaxpr(f)(x)``, or a picture
``y.retain_grad()``, ``y.grad`` ``name(y, "y")``, ``explain(f, x).gradients["y"]``
``w.grad`` after ``backward()`` what ``grad(f)(w)`` returns
``x.detach()``                  ``stop_gradient(x)``
``with torch.no_grad():``       nothing: without ``grad`` nothing is differentiated
torchviz's ``make_dot``         ``explain(f, x).save("graph.svg")``
==============================  ==========================================================

    python examples/lectures/l17_tour.py
"""

import numpy as np
from lecture import close, folder, save

from funcgrad import explain, grad, make_jaxpr, name, stop_gradient


def f(w):
    x = w + 2
    y = name(3 * x, "y")
    return np.mean(y)


def main(argv=None):
    out = folder(argv, __doc__)
    w = np.ones(3)
    assert f(w) == 9.0
    close(grad(f)(w), np.ones(3))
    explained = explain(f, w)
    close(explained.gradients["y"], np.full(3, 1 / 3))
    print("w.grad", grad(f)(w), "  y.grad", explained.gradients["y"])
    save(explained, out / "l17_tour.svg")

    def product(w, data):
        return np.sum(w * data)

    data = np.array([1.0, 2.0, 3.0])
    close(grad(product)(w, data), data)
    close(grad(product, argnums=1)(w, data), w)
    print(make_jaxpr(f)(w))

    close(grad(lambda x: np.sum(x * stop_gradient(x)))(data), data)
    close(grad(lambda x: np.sum(x * x))(data), 2 * data)


if __name__ == "__main__":
    main()
