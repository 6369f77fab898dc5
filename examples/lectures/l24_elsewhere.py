"""L24: the same layers as TensorFlow, Caffe and Torch ship them, and our function.

Each of theirs is a class with a forward and a backward half, or an operation with a registered
gradient; ours is a function, whose backward half is found. Here it is compared with the half that
the textbook has, and with PyTorch's where that is installed.

    python examples/lectures/l24_elsewhere.py
"""

import importlib.util
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from lecture import close, folder, save

from funcgrad import explain, jit, nn, vjp

LABELS = np.array([0, 3, 1, 4])


class Layer(NamedTuple):
    """One layer.

    Attributes:
        tensorflow: What TensorFlow calls it; `caffe` and `torch` (Torch 7) likewise.
        ours: Our expression.
        function: The same as a function of arrays.
        shapes: The shapes of its arguments.
        backward: The textbook's backward half: from the arguments, the result and its gradient.
        pytorch: PyTorch's function of tensors, given its modules.
    """

    tensorflow: str
    caffe: str
    torch: str
    ours: str
    function: Callable
    shapes: tuple
    backward: Callable
    pytorch: Callable


def softmax_loss_backward(args, out, d):
    (z,) = args
    y = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return (d * (y - np.eye(z.shape[1])[LABELS]) / len(z),)


ROWS = (4, 5)
LAYERS = {
    "add": Layer(
        "tf.add",
        "Eltwise (SUM)",
        "nn.CAddTable",
        "x + y",
        lambda x, y: x + y,
        (ROWS, ROWS),
        lambda args, out, d: (d, d),
        lambda torch: torch.add,
    ),
    "multiply": Layer(
        "tf.multiply",
        "Eltwise (PROD)",
        "nn.CMulTable",
        "x * y",
        lambda x, y: x * y,
        (ROWS, ROWS),
        lambda args, out, d: (d * args[1], d * args[0]),
        lambda torch: torch.mul,
    ),
    "ReLU": Layer(
        "tf.nn.relu",
        "ReLU",
        "nn.ReLU",
        "nn.relu(x)",
        nn.relu,
        (ROWS,),
        lambda args, out, d: (np.where(args[0] > 0, d, 0),),
        lambda torch: torch.relu,
    ),
    "sigmoid": Layer(
        "tf.sigmoid",
        "Sigmoid",
        "nn.Sigmoid",
        "nn.sigmoid(x)",
        nn.sigmoid,
        (ROWS,),
        lambda args, out, d: (d * out * (1 - out),),
        lambda torch: torch.sigmoid,
    ),
    "affine": Layer(
        "tf.matmul(x, W) + b",
        "InnerProduct",
        "nn.Linear",
        "x @ W + b",
        lambda x, W, b: x @ W + b,
        (ROWS, (5, 3), (3,)),
        lambda args, out, d: (d @ args[1].T, args[0].T @ d, d.sum(0)),
        lambda torch: lambda x, W, b: x @ W + b,
    ),
    "softmax": Layer(
        "tf.nn.softmax",
        "Softmax",
        "nn.SoftMax",
        "nn.softmax(x)",
        nn.softmax,
        (ROWS,),
        lambda args, out, d: (out * (d - np.sum(d * out, axis=1, keepdims=True)),),
        lambda torch: lambda x: torch.softmax(x, 1),
    ),
    "softmax with loss": Layer(
        "tf.nn.sparse_softmax_cross_entropy_with_logits",
        "SoftmaxWithLoss",
        "nn.CrossEntropyCriterion",
        "nn.cross_entropy(x, t)",
        lambda x: nn.cross_entropy(x, LABELS),
        (ROWS,),
        softmax_loss_backward,
        lambda torch: lambda x: torch.nn.functional.cross_entropy(x, torch.tensor(LABELS)),
    ),
    "multiply by a number": Layer(
        "tf.scalar_mul",
        "Power (scale)",
        "nn.MulConstant",
        "3.0 * x",
        lambda x: 3.0 * x,
        (ROWS,),
        lambda args, out, d: (3.0 * d,),
        lambda torch: lambda x: 3.0 * x,
    ),
}


def torch_backward(layer, args, d):
    """PyTorch's gradients of the same function."""
    import torch

    given = [torch.tensor(x, requires_grad=True) for x in args]
    layer.pytorch(torch)(*given).backward(torch.tensor(d))
    return [x.grad.numpy() for x in given]


def table():
    """The page: a row a layer."""
    lines = ["| layer | TensorFlow | Caffe | Torch | ours |", "|---|---|---|---|---|"]
    for name, row in LAYERS.items():
        cells = row.tensorflow, row.caffe, row.torch, row.ours
        lines.append(f"| {name} | {' | '.join(f'`{cell}`' for cell in cells)} |")
    return "\n".join(lines)


@jit
def softmax_with_loss(x):
    return nn.cross_entropy(x, LABELS)


def network(x, W, b):
    return softmax_with_loss(nn.sigmoid(x @ W + b))


def main(argv=None):
    out = folder(argv, __doc__)
    rng = np.random.default_rng(24)
    has_torch = importlib.util.find_spec("torch") is not None
    for layer in LAYERS.values():
        args = [rng.standard_normal(shape) for shape in layer.shapes]
        result, pull = vjp(layer.function, *args)
        d = np.float64(1.0) if np.ndim(result) == 0 else rng.standard_normal(result.shape)
        expected = [layer.backward(args, result, d)]
        if has_torch:
            expected.append(torch_backward(layer, args, d))
        for gradients in expected:
            for ours, theirs in zip(pull(d), gradients, strict=True):
                close(ours, theirs, 1e-12)
    print(table())
    print(f"{len(LAYERS)} layers agree{' with PyTorch too' if has_torch else ''}")

    x, W, b = rng.standard_normal(ROWS), rng.standard_normal((5, 5)), np.zeros(5)
    save(explain(network, x, W, b, argnums=(1, 2)), out / "l24_elsewhere.svg")


if __name__ == "__main__":
    main()
