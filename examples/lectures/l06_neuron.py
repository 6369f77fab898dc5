"""L6 and L8: a neuron with a sigmoid, in pieces and as one node, and its backward pass as code.

The "flat" code of the lecture, forward lines and then ``grad_`` lines in reverse, is what
``explain(f, ...).source()`` writes. It runs with NumPy alone.

    python examples/lectures/l06_neuron.py
"""

import numpy as np
from lecture import close, folder, save, shows

from funcgrad import explain, make_jaxpr, nn, value_and_grad

AT = 2.0, -1.0, -3.0, -2.0, -3.0
ALL = tuple(range(5))


def in_pieces(w0, x0, w1, x1, w2):
    return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))


def flat(w0, x0, w1, x1, w2):
    s0 = w0 * x0
    s1 = w1 * x1
    s2 = s0 + s1
    s3 = s2 + w2
    L = nn.sigmoid(s3)
    return L


def main(argv=None):
    out = folder(argv, __doc__)
    for f in (in_pieces, flat):
        value, gradient = value_and_grad(f, argnums=ALL)(*AT)
        texts = "-0.19661", "0.39322", "-0.39322", "-0.58984", "0.19661"
        print(f"{f.__name__}: {shows(value, '0.73106')}; gradient {shows(gradient, *texts)}")
    slope = np.exp(-1) / (1 + np.exp(-1)) ** 2
    close(gradient, slope * np.array([-1, 2, -2, -3, 1]))
    count = [len(make_jaxpr(f)(*np.array(AT)).equations) for f in (in_pieces, flat)]
    assert count == [8, 5]
    save(explain(in_pieces, *AT, argnums=ALL), out / "l06_in_pieces.svg")

    explained = explain(flat, *AT, argnums=ALL)
    save(explained, out / "l06_one_node.svg")
    save(explained, out / "l06_one_node.html")
    source = explained.source()
    print(source)
    lines = [line.partition("#")[0].rstrip() for line in source.splitlines()]
    wanted = ["s0 = w0 * x0", "s2 = s0 + s1", "grad_L = 1.0", "grad_s3 = grad_L * (1 - L) * L"]
    wanted += ["grad_w2 = grad_s3", "grad_x1 = grad_s1 * w1", "grad_w0 = grad_s0 * x0"]
    places = [lines.index(line) for line in wanted]
    assert places == sorted(places)
    names = {}
    exec(source, names)
    close([names[f"grad_{x}"] for x in ("w0", "x0", "w1", "x1", "w2")], gradient, 1e-15)


if __name__ == "__main__":
    main()
