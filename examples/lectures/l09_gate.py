"""L9: a gate that knows its own derivative, as a class with a forward and a backward half.

PyTorch writes it as a subclass of ``torch.autograd.Function``, whose forward saves what the
backward half needs:

    class Multiply(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx, grad_z):
            x, y = ctx.saved_tensors
            return grad_z * y, grad_z * x

Here it is a function with two more, and what is saved is what the first of them returns.

    python examples/lectures/l09_gate.py
"""

import numpy as np
from lecture import close, folder, save

from funcgrad import custom_vjp, explain, grad, testing


@custom_vjp
def multiply(x, y):
    return x * y


def forward(x, y):
    return x * y, (x, y)


def backward(saved, grad_z):
    x, y = saved
    return grad_z * y, grad_z * x


multiply.defvjp(forward, backward)


def f(x, y):
    return np.sin(multiply(x, y)) + x


def main(argv=None):
    out = folder(argv, __doc__)
    x, y = 0.7, -1.3
    testing.check_grads(f, (x, y), order=1, modes=("rev",))
    got = grad(f, argnums=(0, 1))(x, y)
    close(got, (np.cos(x * y) * y + 1, np.cos(x * y) * x))
    print("gradient through the gate:", *got)

    # A wrong backward half is found by comparing it with differences.
    multiply.defvjp(forward, lambda saved, grad_z: (grad_z * saved[0], grad_z * saved[1]))
    try:
        testing.check_grads(f, (x, y), order=1, modes=("rev",))
    except AssertionError as error:
        print("a wrong one:", str(error).strip().splitlines()[0])
    else:
        raise AssertionError("the wrong rule was not found")
    finally:
        multiply.defvjp(forward, backward)
    save(explain(f, x, y, argnums=(0, 1)), out / "l09_gate.svg")


if __name__ == "__main__":
    main()
