"""Connectionist temporal classification: labels in order, at unknown times."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..control.flow.loops import scan
from ..errors import ArgumentError, ShapeError
from ..numpy import at
from .categorical import log_softmax
from .checks import Array, as_array, as_float, class_labels

__all__ = ["ctc_loss"]


def ctc_loss(
    logits: Array,
    logit_paddings: Array,
    labels: Array,
    label_paddings: Array,
    *,
    blank_id: int = 0,
    log_epsilon: float = -1e5,
) -> Array:
    """Minus the log-probability of each sequence of labels (Graves et al. 2006, section 4.1).

    A path has a class in each frame; without repetitions, and then without blanks, it is a sequence
    of labels, whose probability is the sum over its paths. With ``l'`` the ``n`` labels between
    blanks, the sum is ``alpha(T, 2n + 1) + alpha(T, 2n)``, where (equation 6) ``alpha(t, s)`` is
    ``y(t, l'_s) * (alpha(t-1, s) + alpha(t-1, s-1))``, and has the term ``alpha(t-1, s-2)`` too
    where ``l'_s`` is neither blank nor ``l'_{s-2}``. All is computed as logarithms.

    Args:
        logits: Shape ``(batch, frames, classes)``.
        logit_paddings: 1 (or True) where a frame is padding, shape ``(batch, frames)``.
        labels: Integers, shape ``(batch, labels)``; those that are padding may be anything.
        label_paddings: 1 (or True) where a label is padding, shape ``(batch, labels)``; all padding
            is at the end.
        blank_id: The class that stands for no label.
        log_epsilon: What stands for ``log(0)``: a sequence longer than its frames costs about its
            negative.

    Returns:
        Shape ``(batch,)``, in the dtype of the logits; float16 is computed in float32.

    Raises:
        ShapeError: The shapes do not fit.
        DtypeError: The labels are no integers.
        OutOfBoundsError: A label is not a class; traced labels raise where the program runs.
        ArgumentError: ``blank_id`` is not a class.

    >>> ctc_loss(np.zeros((1, 2, 2)), np.zeros((1, 2)), [[1]], [[0]]).round(4)
    array([0.2877])
    """
    logits = as_float("ctc_loss", logits)
    labels = as_array("ctc_loss", labels)
    frames_out, labels_out = [
        as_array("ctc_loss", x) != 0 for x in (logit_paddings, label_paddings)
    ]
    _check(logits, labels, frames_out, labels_out, blank_id)
    batch, _, classes = logits.shape
    n = labels.shape[1]
    wide = np.dtype(np.float32) if logits.dtype == np.float16 else logits.dtype
    nothing = wide.type(log_epsilon)
    labels = class_labels("ctc_loss", np.where(labels_out, blank_id, labels), classes)
    spread = at(np.full((batch, 2 * n + 1), blank_id))[:, 1::2].set(labels.astype(int))
    # From two places before: into a label, and not from the same one.
    jump = np.zeros((batch, 2 * n + 1), bool)
    if n > 1:
        jump = at(jump)[:, 3::2].set(labels[:, 1:] != labels[:, :-1])
    log_p: Any = np.moveaxis(log_softmax(logits.astype(wide)), 1, 0)
    emitted = np.take_along_axis(log_p, np.broadcast_to(spread, (len(log_p), *spread.shape)), 2)

    def before(alpha: Array, steps: int) -> Array:
        gone = np.full((batch, min(steps, 2 * n + 1)), nothing)
        return np.concatenate([gone, alpha[:, : max(2 * n + 1 - steps, 0)]], axis=1)

    def step(alpha: Array, frame: tuple[Array, Array]) -> tuple[Array, None]:
        here, out = frame
        reached = np.logaddexp(alpha, before(alpha, 1))
        reached = np.logaddexp(reached, np.where(jump, before(alpha, 2), nothing))
        return np.where(np.expand_dims(out, 1), alpha, reached + here), None

    start = np.full((batch, 2 * n + 1), nothing)
    start[:, 0] = 0
    alpha, _ = scan(step, start, (emitted, np.moveaxis(frames_out, 1, 0)))
    end = np.expand_dims(2 * np.sum(~labels_out, axis=1), 1)
    blank = np.take_along_axis(alpha, end, 1)[:, 0]
    label = np.take_along_axis(alpha, np.maximum(end - 1, 0), 1)[:, 0]
    label = np.where(end[:, 0] > 0, label, nothing)
    return -np.logaddexp(blank, label).astype(logits.dtype)


def _check(logits: Any, labels: Any, frames_out: Any, labels_out: Any, blank: Any) -> None:
    if len(logits.shape) != 3 or len(labels.shape) != 2 or labels.shape[0] != logits.shape[0]:
        raise ShapeError(
            f"ctc_loss: got logits of shape {logits.shape} and labels of shape {labels.shape}",
            "Logits are (batch, frames, classes), labels (batch, labels).",
        )
    for name, got, want in (
        ("logit_paddings", frames_out.shape, logits.shape[:2]),
        ("label_paddings", labels_out.shape, labels.shape),
    ):
        if got != want:
            raise ShapeError(
                f"ctc_loss: {name} has shape {got}, where {want} is meant",
                "It has a 1 where there is padding, and 0 elsewhere.",
            )
    if not isinstance(blank, int | np.integer) or not 0 <= blank < logits.shape[2]:
        raise ArgumentError(
            f"ctc_loss: blank_id={blank!r} is not one of {logits.shape[2]} classes",
            f"Give an integer from 0 to {logits.shape[2] - 1}.",
        )
