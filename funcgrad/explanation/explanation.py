"""`explain`: one evaluation of a function, looked into."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from .. import tree
from .._stack import LIBRARIES
from ..api.leaves import describe, is_inexact, type_of
from ..core.source_info import SourceInfo, name_of
from ..core.trace import Tracer, aval_of
from ..errors import ArgumentError, MissingRuleError, entry, trim
from .arguments import label_arguments
from .assemble import assemble
from .evaluation import GraphFrame
from .flat_source import Evaluation, flat_source
from .gradients import Gradients, gradients
from .graph import Graph, Node
from .page import page
from .png import png
from .provenance import NonFinite, nonfinite
from .svg import Theme, svg
from .sweep import Contributions, active_values, sweep_back
from .table import Table, table
from .text_pictures import dot, mermaid

__all__ = ["Explanation", "explain"]


class Explanation:
    """One evaluation: its value, its gradients, and every node of its graph.

    Attributes:
        value: The function's result; None where it raised.
        gradients: The derivatives of the result, by name (`Gradients`).
        graph: All nodes, with values, cotangents and local derivatives (`Graph`).
        error: What the function raised; None where it did not.
        reason: Why there are no gradients; empty where there are.
    """

    def __init__(
        self,
        value: Any,
        gradients: Gradients,
        graph: Graph,
        error: Exception | None,
        reason: str,
        evaluation: Evaluation,
    ) -> None:
        self.value, self.gradients, self.graph = value, gradients, graph
        self.error, self.reason = error, reason
        self._evaluation = evaluation

    def source(self) -> str:
        """The evaluation as "flat" code: forward line by line, then backward line by line.

        Values have the names that the function gave them, gradients the same with ``grad_`` before
        it; comments say where the user wrote each. Copied into a file of its own it runs with NumPy
        alone and gives the same numbers. Loops are written out step by step.

        Raises:
            ArgumentError: Where the function raised, or an operation has no text as NumPy.

        >>> def f(w, x):
        ...     s = w * x
        ...     return s * s
        >>> for line in explain(f, 0.5, 2.0).source().splitlines()[-5:]:
        ...     print(line.partition("  #")[0].rstrip())
        grad_a = 1.0
        grad_s = grad_a * s
        grad_s = grad_s + grad_a * s
        grad_w = grad_s * x
        grad_x = grad_s * w
        """
        if self.error is not None:
            raise ArgumentError(
                f"explain: the function raised {type(self.error).__name__}, and has no flat code",
                "Look at what was reached with table() or save().",
            )
        return flat_source(self._evaluation)

    def table(self) -> Table:
        """Every value with its derivative, in the order of evaluation (Goodfellow's grad_table).

        Goodfellow, Bengio & Courville, Deep Learning, 2016, algorithm 6.2. Printed it is a text;
        as a tuple it has a `Row` for each value.
        """
        return table(self.graph)

    def to_svg(self, theme: Theme = "auto") -> str:
        """The picture as SVG: values above the wires, gradients below, derivatives at the gates.

        From 60 operations on runs of them are folded into boxes.

        Args:
            theme: ``"light"``, ``"dark"``, or ``"auto"`` for what the reader has chosen.
        """
        if theme not in ("auto", "light", "dark"):
            raise ArgumentError(
                f"explain: there is no theme {theme!r}", 'Write "auto", "light" or "dark".'
            )
        return svg(self.graph, theme)

    def to_html(self) -> str:
        """The page: the picture, to be gone through step by step; it needs no network."""
        return page(self.graph)

    def to_dot(self) -> str:
        """The picture in the language of Graphviz."""
        return dot(self.graph)

    def to_mermaid(self) -> str:
        """The picture as a Mermaid flowchart, which GitHub shows in Markdown."""
        return mermaid(self.graph)

    def to_png(self, theme: Literal["light", "dark"] = "light") -> bytes:
        """The picture as the content of a PNG file; drawn by matplotlib.

        Raises:
            ImportError: Where matplotlib is not installed.
        """
        return png(self.graph, theme)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file, in the format that its name ends in.

        Args:
            path: The file: ``.svg``, ``.html``, ``.png``, ``.dot`` or ``.mmd`` (Mermaid).

        Raises:
            ArgumentError: For another ending.
            ImportError: For ``.png`` where matplotlib is not installed.
        """
        name = os.fspath(path)
        make = _FORMATS.get(os.path.splitext(name)[1].lower())
        if make is None:
            raise ArgumentError(
                f"explain: save does not know the format of {name!r}",
                f"End the name in one of {', '.join(_FORMATS)}.",
            )
        made = make(self)
        content = made if isinstance(made, bytes) else made.encode()
        with open(name, "wb") as file:
            file.write(content)

    def _repr_html_(self) -> str:
        """What notebooks show."""
        return self.to_svg()

    def nans(self) -> NonFinite:
        """Where the nans and infs come from: the first operation that made one, and the way on.

        Printed it says which operation made the first, forward and backward, in which line and in
        which step of a loop; it is false where the result and the gradients are finite.

        >>> import numpy as np
        >>> print(explain(lambda x: np.sqrt(x), 0.0).nans())  # doctest: +ELLIPSIS
        The result is finite.
        Not finite are the gradients by x.
        The first inf of the backward pass is made by the derivative of sqrt of float64[] 0.0 ...
        """
        return nonfinite(self.graph)

    def __repr__(self) -> str:
        return f"Explanation of {self.graph.title}, {self._state()}"

    def _state(self) -> str:
        if self.error is not None:
            return f"which raised {type(self.error).__name__}: {self.error}"
        count = sum(1 for node in self.graph.nodes if node.kind in ("operation", "fold"))
        return f"{count} operation{'s' * (count != 1)}"

    def __str__(self) -> str:
        lines = [repr(self)]
        if self.reason:
            lines.append(f"No gradients: {self.reason}")
        return "\n".join([*lines, str(self.table())])


_FORMATS: dict[str, Callable[[Explanation], str | bytes]] = {
    ".svg": Explanation.to_svg,
    ".html": Explanation.to_html,
    ".png": Explanation.to_png,
    ".dot": Explanation.to_dot,
    ".mmd": Explanation.to_mermaid,
}


@entry
def explain(
    f: Callable[..., Any],
    /,
    *args: Any,
    argnums: int | tuple[int, ...] | None = None,
    **kwargs: Any,
) -> Explanation:
    """One evaluation of ``f``, looked into: every value, every gradient, and how they came to be.

    ``f`` is called once, on values, as `grad` does; programs of `jit`, loops and branches are run
    operation by operation. ``f`` may itself be the result of a transform: ``explain(grad(g), x)``.

    Args:
        f: A function of pytrees. Gradients are there where its result is one real number.
        *args: Its arguments.
        argnums: Which positional arguments to differentiate; by default all floats among the
            arguments, keyword arguments included.
        **kwargs: Further arguments of ``f``.

    Returns:
        The `Explanation`. Where ``f`` raises, what was reached, with the exception as its
        ``error``.

    Raises:
        ArgumentError: ``f`` is no function, it is called inside of a transform, or ``argnums`` has
            an argument that the call does not have.

    >>> import numpy as np
    >>> def f(w, x):
    ...     s = w * x
    ...     return np.tanh(s)
    >>> found = explain(f, 0.5, 2.0)
    >>> found.value, found.gradients["w"]
    (np.float64(0.7615941559557649), np.float64(0.8399486832280523))
    >>> [(row.name, row.operation) for row in found.table()]
    [('w', 'input'), ('x', 'input'), ('s', 'mul'), ('%3', 'tanh')]
    """
    if not callable(f):
        raise ArgumentError(
            f"explain: expected a function, got {type(f).__name__}",
            "Write explain(f, x): the function, then its arguments.",
        )
    if any(isinstance(leaf, Tracer) for leaf in tree.leaves((args, kwargs))):
        raise ArgumentError(
            "explain: values are looked at, and inside of a transform there are tracers",
            "Call it outside, on arrays and numbers: explain(grad(f), x) in place of "
            "grad(lambda x: explain(f, x)).",
        )
    chosen = _chosen(f, args, argnums)
    frame = GraphFrame("explain", _call.__code__)
    leaves, treedef = tree.flatten((args, kwargs))
    labels = label_arguments(f, treedef)
    given: list[Any] = []
    inputs: dict[int, Tracer] = {}
    for i, (leaf, label) in enumerate(zip(leaves, labels.leaves, strict=True)):
        if isinstance(leaf, (np.ndarray, np.generic)) or is_inexact(leaf):
            inputs[i] = frame.input(_native(leaf), label)
            given.append(inputs[i])
        else:
            given.append(leaf)
    new_args, new_kwargs = tree.unflatten(treedef, given)
    error: Exception | None = None
    result: Any = None
    try:
        result = _call(f, new_args, new_kwargs)
    except Exception as raised:
        error = trim(raised)
    finally:
        frame.closed = True
    results, result_def = tree.flatten(result)
    frame.finish(results)
    wanted = {
        i: x
        for i, x in inputs.items()
        if x.aval.inexact and (chosen is None or labels.positions[i] in chosen)
    }
    reason = _no_gradients(results, wanted, error)
    flow = Contributions()
    if not reason:
        active = active_values(frame, [*wanted.values()])
        seeds = [(results[0], results[0].aval.dtype.type(1))]
        try:
            flow = sweep_back(frame, seeds, lambda x: id(x) in active)
        except MissingRuleError as missing:  # the values are worth showing all the same
            reason = missing.what
    graph, _ = assemble(frame, flow, name_of(f), _output_labels(result_def))
    if error is not None and all(node.error is None for node in graph.nodes):
        graph.nodes.append(_raised(error, len(graph.nodes)))
    value = tree.unflatten(result_def, [frame.value(x) for x in results]) if error is None else None
    found = Gradients({}, {}, reason)
    if not reason:
        found = gradients(frame, flow, wanted, labels, treedef)
    outputs = [*zip(_output_labels(result_def), results, strict=True)] if error is None else []
    given, by = [*inputs.values()], [*wanted.values()]
    evaluation = Evaluation(name_of(f), frame, flow, given, by, outputs, reason, error)
    return Explanation(value, found, graph, error, reason, evaluation)


def _raised(error: Exception, index: int) -> Node:
    """The node of an exception that no operation raised: at the user's innermost line."""
    place: SourceInfo | None = None
    tb = error.__traceback__
    while tb is not None:
        if not tb.tb_frame.f_code.co_filename.startswith(LIBRARIES):
            place = tb.tb_frame.f_code, tb.tb_lasti
        tb = tb.tb_next
    name = type(error).__name__
    return Node(index, "operation", "raise", name, ("",), place, (), (), (), (), None, error)


def _call(f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The call below which the user's own stack begins."""
    return f(*args, **kwargs)


def _native(leaf: Any) -> Any:
    aval = aval_of(leaf)
    return np.array(leaf, aval.dtype) if isinstance(leaf, np.ndarray) else leaf


def _chosen(f: Callable[..., Any], args: Sequence[Any], argnums: Any) -> set[Any] | None:
    if argnums is None:
        return None
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    for n in numbers:
        if type(n) is not int or not -len(args) <= n < len(args):
            raise ArgumentError(
                f"explain: argnums has {n!r}, and {describe(f)} was called with {len(args)} "
                f"positional argument{'s' * (len(args) != 1)}",
                "Arguments are counted from 0; leave argnums out to differentiate all floats.",
            )
    return {n % len(args) for n in numbers}


def _no_gradients(
    results: Sequence[Any], wanted: Mapping[int, Tracer], error: Exception | None
) -> str:
    """Why there are no gradients; empty where there are."""
    if error is not None:
        return f"the function raised {type(error).__name__}"
    if not wanted:
        return "no float among the arguments is differentiated"
    if len(results) != 1:
        return f"the function has {len(results) or 'no'} results"
    result = results[0]
    if not isinstance(result, Tracer):
        return f"the result, {type_of(result)}, does not depend on the arguments"
    aval = result.aval
    if aval.shape or not aval.inexact or aval.dtype.kind == "c":
        return f"the result, {aval}, is not one real number"
    return ""


def _output_labels(treedef: tree.TreeDef) -> list[str]:
    paths = treedef.paths()
    if len(paths) == 1 and not paths[0]:
        return ["output"]
    return [f"output{tree.path_string(path)}" for path in paths]
