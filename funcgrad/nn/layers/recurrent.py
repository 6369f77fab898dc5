"""Recurrent layers: over a sequence at once, or a step at a time."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np

from ... import random
from ...control.flow.loops import scan
from ...errors import ShapeError
from .. import initializers
from ..activations import sigmoid
from ..checks import Array
from .base import Layer, check_last, count, layer, parameter_dtype

__all__ = ["GRU", "LSTM", "LSTMState"]


class LSTMState(NamedTuple):
    """What an LSTM carries from step to step.

    Attributes:
        hidden: The last output, shape ``(..., hidden)``.
        cell: The memory, of that shape.
    """

    hidden: Array
    cell: Array


def _kernels(called: str, key: Array, inputs: int, hidden: int, gates: int, dtype: Any) -> Any:
    """The kernels for what goes in and for the last output, the gates side by side."""
    n, m = count(called, "inputs", inputs), count(called, "hidden", hidden)
    keys = random.split(key, gates + 1)
    rotations = [initializers.orthogonal()(k, (m, m), dtype) for k in keys[1:]]
    split = initializers.variance_scaling(
        1.0, "fan_in", "truncated_normal", in_axis=0, out_axis=(1, 2)
    )
    inward = np.reshape(split(keys[0], (n, gates, m), dtype), (n, gates * m))
    return inward, np.concatenate(rotations, axis=1)


class _Recurrent(Layer):
    """What both share: the loop over the steps. A step is ``_next(carry, projected x)``."""

    input_kernel: Array
    hidden_kernel: Array
    bias: Array | None

    def _next(self, carry: Any, projected: Array) -> tuple[Any, Array]:
        raise NotImplementedError

    def _zeros(self, shape: tuple[int, ...], dtype: Any) -> Any:
        raise NotImplementedError

    def _project(self, x: Array) -> Array:
        y = np.matmul(check_last(type(self).__name__, x, self.input_kernel, 2), self.input_kernel)
        return y if self.bias is None else y + self.bias

    def _features(self) -> int:
        return np.shape(self.hidden_kernel)[0]

    def _run(self, xs: Array, carry: Any) -> tuple[Array, Any]:
        projected = self._project(xs)
        if len(projected.shape) < 2:
            raise ShapeError(
                f"nn.{type(self).__name__}: got x of shape {np.shape(xs)}, without time",
                "Give x of shape (..., time, inputs), or call step for one step.",
            )
        if carry is None:
            shape = (*projected.shape[:-2], self._features())
            carry = self._zeros(shape, np.result_type(projected.dtype, self.hidden_kernel.dtype))
        carry, ys = scan(self._next, carry, np.moveaxis(projected, -2, 0))
        return np.moveaxis(ys, 0, -2), carry

    def apply(self, x: Array, state: Any, training: bool | None, key: Any) -> tuple[Array, Any]:
        return self(x)[0], state  # type: ignore[operator]


@layer
class GRU(_Recurrent):
    """A gated recurrent unit (Cho et al. 2014), with the reset gate behind the product.

    ``r = sigmoid(x W_r + b_r + h U_r)``, ``z = sigmoid(x W_z + b_z + h U_z)``,
    ``n = tanh(x W_n + b_n + r * (h U_n + c))``, and the new ``h`` is ``(1 - z) * n + z * h``: the
    form that cuDNN, PyTorch and Flax compute.

    Attributes:
        input_kernel: ``W_r, W_z, W_n`` side by side, shape ``(inputs, 3 * hidden)``.
        hidden_kernel: ``U_r, U_z, U_n`` side by side, shape ``(hidden, 3 * hidden)``.
        bias: ``b_r, b_z, b_n``, shape ``(3 * hidden,)``, or None.
        hidden_bias: ``c``, shape ``(hidden,)``, or None.

    >>> ys, h = GRU.init(random.key(0), 3, 5)(np.ones((2, 7, 3)))
    >>> ys.shape, h.shape
    ((2, 7, 5), (2, 5))
    """

    input_kernel: Array
    hidden_kernel: Array
    bias: Array | None = None
    hidden_bias: Array | None = None

    @classmethod
    def init(
        cls, key: Array, inputs: int, hidden: int, *, bias: bool = True, dtype: Any = float
    ) -> Self:
        """A layer with new parameters: LeCun's for what goes in, orthogonal ones, biases 0.

        Args:
            key: A key.
            inputs: The number of features that go in.
            hidden: The number that come out and are carried on.
            bias: Whether there are biases.
            dtype: The dtype of the parameters.

        Raises:
            ArgumentError: A number is no integer of at least 1.
        """
        dtype = parameter_dtype("GRU", dtype)
        inward, recurrent = _kernels("GRU", key, inputs, hidden, 3, dtype)
        if not bias:
            return cls(inward, recurrent)
        return cls(inward, recurrent, np.zeros(3 * hidden, dtype), np.zeros(hidden, dtype))

    def __call__(self, xs: Array, carry: Array | None = None) -> tuple[Array, Array]:
        """All steps of a sequence.

        Args:
            xs: Shape ``(..., time, inputs)``.
            carry: ``h`` before the first step, shape ``(..., hidden)``; zeros where None.

        Returns:
            The outputs, shape ``(..., time, hidden)``, and the last ``h``.

        Raises:
            ShapeError: The shapes do not fit.
        """
        return self._run(xs, carry)

    def step(self, carry: Array, x: Array) -> tuple[Array, Array]:
        """One step, in the order of `scan`: ``h`` and ``(..., inputs)`` to ``h`` and ``h``."""
        return self._next(carry, self._project(x))

    def _next(self, carry: Any, projected: Array) -> tuple[Any, Array]:
        m = self._features()
        a, b = projected, np.matmul(carry, self.hidden_kernel)
        r = sigmoid(a[..., :m] + b[..., :m])
        z = sigmoid(a[..., m : 2 * m] + b[..., m : 2 * m])
        inside = b[..., 2 * m :] if self.hidden_bias is None else b[..., 2 * m :] + self.hidden_bias
        n = np.tanh(a[..., 2 * m :] + r * inside)
        h = (1 - z) * n + z * carry
        return h, h

    def _zeros(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return np.zeros(shape, dtype)


@layer
class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers 2000).

    With ``i, f, g, o`` the four parts of ``x W + h U + b``, the new memory is
    ``c = sigmoid(f) * c + sigmoid(i) * tanh(g)`` and the output ``h = sigmoid(o) * tanh(c)``.

    Attributes:
        input_kernel: The four ``W`` side by side, shape ``(inputs, 4 * hidden)``.
        hidden_kernel: The four ``U`` side by side, shape ``(hidden, 4 * hidden)``.
        bias: Shape ``(4 * hidden,)``, or None.

    >>> ys, state = LSTM.init(random.key(0), 3, 5)(np.ones((2, 7, 3)))
    >>> ys.shape, state.cell.shape
    ((2, 7, 5), (2, 5))
    """

    input_kernel: Array
    hidden_kernel: Array
    bias: Array | None = None

    @classmethod
    def init(
        cls,
        key: Array,
        inputs: int,
        hidden: int,
        *,
        bias: bool = True,
        forget_bias: float = 1.0,
        dtype: Any = float,
    ) -> Self:
        """A layer with new parameters: LeCun's for what goes in, orthogonal ones, biases 0.

        Args:
            key: A key.
            inputs: The number of features that go in.
            hidden: The number that come out and are carried on.
            bias: Whether there is one.
            forget_bias: Where the bias of the forget gate begins: 1 lets memories last (Jozefowicz,
                Zaremba and Sutskever 2015).
            dtype: The dtype of the parameters.

        Raises:
            ArgumentError: A number is no integer of at least 1.
        """
        dtype = parameter_dtype("LSTM", dtype)
        inward, recurrent = _kernels("LSTM", key, inputs, hidden, 4, dtype)
        if not bias:
            return cls(inward, recurrent)
        terms = np.zeros((4, hidden), dtype)
        terms[1] = forget_bias
        return cls(inward, recurrent, terms.ravel())

    def __call__(self, xs: Array, carry: LSTMState | None = None) -> tuple[Array, LSTMState]:
        """All steps of a sequence.

        Args:
            xs: Shape ``(..., time, inputs)``.
            carry: The state before the first step; zeros where None.

        Returns:
            The outputs, shape ``(..., time, hidden)``, and the last state.

        Raises:
            ShapeError: The shapes do not fit.
        """
        return self._run(xs, carry)

    def step(self, carry: LSTMState, x: Array) -> tuple[LSTMState, Array]:
        """One step, in the order of `scan`: a state and ``(..., inputs)`` to a state and ``h``."""
        return self._next(carry, self._project(x))

    def _next(self, carry: Any, projected: Array) -> tuple[Any, Array]:
        hidden, cell = carry
        m, gates = self._features(), projected + np.matmul(hidden, self.hidden_kernel)
        i, f, g, o = [gates[..., k * m : (k + 1) * m] for k in range(4)]
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
        return LSTMState(hidden, cell), hidden

    def _zeros(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return LSTMState(np.zeros(shape, dtype), np.zeros(shape, dtype))
