"""Losses under Optax's names, and metrics: formulas, Optax's numbers, derivatives, bad input."""

import itertools
import re

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

from funcgrad import errors, grad, jit, nn, vmap
from funcgrad.testing import check_grads, check_transforms

RNG = np.random.default_rng(7)
Z, P = RNG.normal(size=(4, 5)) * 3, scipy.special.softmax(RNG.normal(size=(4, 5)), -1)
LABELS = np.array([0, 4, 2, 2])
HOT = np.eye(5)[LABELS]
BINARY = (RNG.random((4, 5)) > 0.5).astype(float)
SIGNS = 2 * BINARY - 1
LOG_P = np.log(scipy.special.softmax(Z, -1))
WHERE = np.array([True, True, False, True, True])
A, B, C = RNG.normal(size=(3, 4, 5))

CALLS = [
    ("softmax_cross_entropy", (Z, P), {}),
    ("softmax_cross_entropy", (Z, P), {"axis": 0}),
    ("softmax_cross_entropy", (Z, P), {"axis": (0, 1)}),
    ("softmax_cross_entropy", (Z, P), {"where": np.broadcast_to(WHERE, (4, 5))}),
    ("safe_softmax_cross_entropy", (Z, HOT), {}),
    ("softmax_cross_entropy_with_integer_labels", (Z, LABELS), {}),
    ("softmax_cross_entropy_with_integer_labels", (Z.T, LABELS), {"axis": 0}),
    ("softmax_cross_entropy_with_integer_labels", (Z.reshape(2, 2, 5), LABELS.reshape(2, 2)), {}),
    (
        "softmax_cross_entropy_with_integer_labels",
        (Z.reshape(2, 2, 5), np.array([3, 7])),
        {"axis": (0, 2)},
    ),
    (
        "softmax_cross_entropy_with_integer_labels",
        (Z, np.array([0, 4, 1, 3])),
        {"where": np.broadcast_to(WHERE, (4, 5))},
    ),
    ("poly_loss_cross_entropy", (Z, P), {"epsilon": 1.5}),
    ("sigmoid_binary_cross_entropy", (Z, BINARY), {}),
    ("sigmoid_binary_cross_entropy", (Z, P), {}),
    ("sigmoid_focal_loss", (Z, BINARY), {}),
    ("sigmoid_focal_loss", (Z, P), {"gamma": 1.5, "alpha": 0.25}),
    ("huber_loss", (A, B), {}),
    ("huber_loss", (A,), {"delta": 0.4}),
    ("log_cosh", (A, B), {}),
    ("log_cosh", (A * 100,), {}),
    ("l2_loss", (A, B), {}),
    ("l2_loss", (A,), {}),
    ("squared_error", (A, B), {}),
    ("cosine_similarity", (A, B), {}),
    ("cosine_similarity", (A, B), {"epsilon": 9.0, "axis": 0}),
    ("cosine_distance", (A, B), {"where": np.broadcast_to(WHERE, (4, 5))}),
    ("kl_divergence", (LOG_P, P), {}),
    ("kl_divergence", (LOG_P, HOT), {"axis": 0}),
    (
        "kl_divergence_with_log_targets",
        (LOG_P, np.log(P)),
        {"where": np.broadcast_to(WHERE, (4, 5))},
    ),
    ("generalized_kl_divergence", (LOG_P, 2 * P), {}),
    ("smooth_labels", (HOT, 0.2), {}),
    ("smooth_labels", (HOT, 0.2), {"axis": 0}),
    ("smooth_labels", (HOT, 0.2), {"where": np.broadcast_to(WHERE, (4, 5))}),
    ("triplet_margin_loss", (A, B, C), {}),
    ("triplet_margin_loss", (A, B, C), {"axis": 0, "norm_degree": 4, "margin": 0.3}),
    ("hinge_loss", (A, SIGNS), {}),
    ("perceptron_loss", (A, SIGNS), {}),
]
IDS = [f"{name}{i}" for i, (name, _, _) in enumerate(CALLS)]


def sequences():
    """Logits, labels and paddings of sequences of several lengths."""
    logits = RNG.normal(size=(5, 6, 4)) * 2
    labels = np.array([[1, 2, 3], [1, 1, 0], [2, 0, 0], [0, 0, 0], [3, 2, 3]])
    lengths, frames = np.array([3, 2, 1, 0, 3]), np.array([6, 5, 6, 2, 3])
    label_paddings = (np.arange(3) >= lengths[:, None]).astype(float)
    logit_paddings = (np.arange(6) >= frames[:, None]).astype(float)
    return logits, logit_paddings, labels, label_paddings


@pytest.mark.peers
@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_optax_has_the_same_numbers(call):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    name, args, kwargs = call
    with jax.enable_x64(True):
        args_there = [jax.numpy.asarray(x) if isinstance(x, np.ndarray) else x for x in args]
        kwargs_there = {k: jax.numpy.asarray(x) if k == "where" else x for k, x in kwargs.items()}
        theirs = getattr(optax.losses, name)(*args_there, **kwargs_there)
    ours = getattr(nn, name)(*args, **kwargs)
    assert ours.shape == theirs.shape
    assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.peers
@pytest.mark.parametrize("blank", [0, 2])
def test_optax_has_the_same_ctc_loss(blank):
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    logits, logit_paddings, labels, label_paddings = sequences()
    labels = np.where(labels == blank, 1 if blank else 0, labels)
    args = logits, logit_paddings, labels, label_paddings
    with jax.enable_x64(True):
        theirs = optax.losses.ctc_loss(*args, blank_id=blank)
        slope = jax.grad(lambda x: optax.losses.ctc_loss(x, *args[1:], blank_id=blank).sum())(
            logits
        )
    assert_allclose(nn.ctc_loss(*args, blank_id=blank), theirs, rtol=1e-9)
    ours = grad(lambda x: np.sum(nn.ctc_loss(x, *args[1:], blank_id=blank)))(logits)
    assert_allclose(ours, slope, rtol=1e-7, atol=1e-10)


def test_the_short_names_are_their_means():
    assert_allclose(
        nn.cross_entropy(Z, LABELS), nn.softmax_cross_entropy_with_integer_labels(Z, LABELS).mean()
    )
    assert_allclose(nn.cross_entropy(Z, P), nn.softmax_cross_entropy(Z, P).mean())
    assert_allclose(nn.binary_cross_entropy(Z, P), nn.sigmoid_binary_cross_entropy(Z, P).mean())
    assert_allclose(nn.mse(A, B), nn.squared_error(A, B).mean())
    assert nn.convex_kl_divergence is nn.generalized_kl_divergence
    assert nn.safe_softmax_cross_entropy is nn.softmax_cross_entropy


class TestFormulas:
    def test_cross_entropies(self):
        log_p = Z - scipy.special.logsumexp(Z, -1, keepdims=True)
        assert_allclose(nn.softmax_cross_entropy(Z, P), -(P * log_p).sum(-1), rtol=1e-13)
        want = -log_p[np.arange(4), LABELS]
        assert_allclose(nn.softmax_cross_entropy_with_integer_labels(Z, LABELS), want, rtol=1e-13)
        cut = Z[:, WHERE] - scipy.special.logsumexp(Z[:, WHERE], -1, keepdims=True)
        for where in (WHERE, np.broadcast_to(WHERE, Z.shape)):
            found = nn.softmax_cross_entropy(Z, P, where=np.broadcast_to(where, Z.shape))
            assert_allclose(found, -(P[:, WHERE] * cut).sum(-1), rtol=1e-13)

    def test_binary(self):
        p = scipy.special.expit(Z)
        want = -P * np.log(p) - (1 - P) * np.log1p(-p)
        assert_allclose(nn.sigmoid_binary_cross_entropy(Z, P), want, rtol=1e-9)
        missed = p * (1 - BINARY) + (1 - p) * BINARY
        want = -np.log(1 - missed) * missed**2.5
        assert_allclose(nn.sigmoid_focal_loss(Z, BINARY, gamma=2.5), want, rtol=1e-9)

    def test_errors(self):
        e = A - B
        want = np.where(abs(e) < 0.7, e**2 / 2, 0.7 * (abs(e) - 0.35))
        assert_allclose(nn.huber_loss(A, B, delta=0.7), want, rtol=1e-14)
        assert_allclose(nn.log_cosh(A, B), np.log(np.cosh(e)), rtol=1e-12)
        small = np.array([1e-3, 1e-8, -1e-100, 0.0])
        assert_allclose(nn.log_cosh(small), small**2 / 2, rtol=1e-6)
        assert nn.log_cosh(np.array([1e300])) == 1e300
        assert_allclose(grad(nn.log_cosh)(0.3), np.tanh(0.3), rtol=1e-14)

    def test_vectors_and_distributions(self):
        norm = np.linalg.norm
        want = (A * B).sum(-1) / norm(A, axis=-1) / norm(B, axis=-1)
        assert_allclose(nn.cosine_similarity(A, B), want, rtol=1e-13)
        assert_allclose(nn.cosine_distance(A, B), 1 - want, rtol=1e-13)
        want = scipy.special.rel_entr(P, np.exp(LOG_P)).sum(-1)
        assert_allclose(nn.kl_divergence(LOG_P, P), want, rtol=1e-12)
        assert_allclose(nn.kl_divergence_with_log_targets(LOG_P, np.log(P)), want, rtol=1e-12)
        want = scipy.special.kl_div(3 * P, np.exp(LOG_P)).sum(-1)
        assert_allclose(nn.generalized_kl_divergence(LOG_P, 3 * P), want, rtol=1e-12)

    def test_triplets_of_an_odd_degree(self):
        d = lambda x: (np.abs(A - x) ** 3).sum(-1) ** (1 / 3)  # noqa: E731
        found = nn.triplet_margin_loss(A, B, C, norm_degree=3, margin=0.2, eps=0.0)
        assert_allclose(found, np.maximum(d(B) - d(C) + 0.2, 0), rtol=1e-12)

    def test_ctc_is_the_sum_over_all_paths(self):
        logits, logit_paddings, labels, label_paddings = sequences()
        found = nn.ctc_loss(logits, logit_paddings, labels, label_paddings)
        for b in range(5):
            frames = int((1 - logit_paddings[b]).sum())
            target = list(labels[b][label_paddings[b] == 0])
            p, total = scipy.special.softmax(logits[b], -1), 0.0
            for path in itertools.product(range(4), repeat=frames):
                merged = [k for k, _ in itertools.groupby(path) if k != 0]
                if merged == target:
                    total += np.prod(p[np.arange(frames), path])
            if total:
                assert_allclose(found[b], -np.log(total), rtol=1e-10)
        assert b == 4 and target == [3, 2, 3] and np.isfinite(found).all()

    def test_a_sequence_longer_than_its_frames_costs_much(self):
        args = np.zeros((1, 2, 4)), np.zeros((1, 2)), np.array([[1, 1]]), np.zeros((1, 2))
        assert nn.ctc_loss(*args) > 9e4
        assert np.all(np.isfinite(grad(lambda x: np.sum(nn.ctc_loss(x, *args[1:])))(args[0])))


class TestExtremes:
    def test_masked_classes_and_zero_targets(self):
        z = np.array([[0.0, -np.inf, 1.0]])
        t = np.array([[0.5, 0.0, 0.5]])
        assert np.isfinite(nn.softmax_cross_entropy(z, t))
        assert np.all(np.isfinite(grad(lambda z: nn.softmax_cross_entropy(z, t)[0])(z)))
        log_p = np.array([-np.inf, 0.0])
        assert nn.kl_divergence(log_p, [0.0, 1.0]) == 0
        assert nn.kl_divergence_with_log_targets(log_p, log_p) == 0
        assert np.all(np.isfinite(grad(lambda x: nn.kl_divergence(x, [0.0, 1.0]))(log_p)))

    @pytest.mark.parametrize("z", [-1000.0, 1000.0, 0.0])
    @pytest.mark.parametrize("label", [0.0, 1.0, 0.3])
    @pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
    def test_focal_far_out(self, z, label, gamma):
        f = lambda z: nn.sigmoid_focal_loss(z, label, gamma=gamma)  # noqa: E731
        value, slope = f(z), grad(f)(z)
        assert np.isfinite(value) and np.isfinite(slope)
        if gamma == 0:
            assert_allclose(value, nn.sigmoid_binary_cross_entropy(z, label), rtol=1e-14)

    def test_zero_vectors(self):
        assert nn.cosine_similarity(np.zeros(3), np.ones(3)) == 0
        assert_array_equal(grad(lambda x: nn.cosine_similarity(x, np.ones(3)))(np.zeros(3)) * 0, 0)

    def test_where_nothing_is_left(self):
        none = np.zeros((4, 5), bool)
        assert_array_equal(nn.softmax_cross_entropy_with_integer_labels(Z, LABELS, where=none), 0)
        assert nn.softmax_cross_entropy(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0,)
        assert nn.softmax_cross_entropy_with_integer_labels(
            np.zeros((0, 3)), np.zeros(0, int)
        ).shape == (0,)


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_derivatives_and_transforms(call):
    name, args, kwargs = call
    f = lambda x: getattr(nn, name)(x, *args[1:], **kwargs)  # noqa: E731
    check_grads(f, (args[0],), order=1)
    check_transforms(f, (args[0],))


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_float32_stays(call):
    name, args, kwargs = call
    small = [
        x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
        for x in args
    ]
    found = getattr(nn, name)(*small, **kwargs)
    assert found.dtype == np.float32
    assert_allclose(found, getattr(nn, name)(*args, **kwargs), rtol=1e-3, atol=1e-5)


def test_ctc_under_transforms():
    logits, *rest = sequences()
    f = lambda x: nn.ctc_loss(x, *rest)  # noqa: E731
    check_grads(f, (logits[:, :, :],), order=1)
    assert_allclose(jit(f)(logits), f(logits), rtol=1e-12)
    assert_allclose(jit(nn.ctc_loss)(logits, *rest), f(logits), rtol=1e-12)
    assert f(logits.astype(np.float16)).dtype == np.float16
    assert_allclose(vmap(f)(np.stack([logits, 2 * logits])), [f(logits), f(2 * logits)], rtol=1e-12)


class TestMetrics:
    scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0], [0.3, 0.3, 0.4], [0.9, 0.1, 0.0]])

    @pytest.mark.parametrize("k", [1, 2, 3])
    def test_accuracy(self, k):
        for labels in itertools.product(range(3), repeat=4):
            order = np.argsort(-self.scores, axis=1, kind="stable")[:, :k]
            want = np.mean([label in row for label, row in zip(labels, order)])
            assert nn.accuracy(self.scores, np.array(labels), k) == want

    def test_accuracy_of_classes_and_of_more_axes(self):
        assert nn.accuracy(np.array([1, 2, 3, 4]), np.array([1, 0, 3, 4])) == 0.75
        assert nn.accuracy(self.scores.reshape(2, 2, 3), np.array([[1, 1], [2, 0]])) == 0.75

    def test_equal_or_missing_scores_are_no_guesses(self):
        assert nn.accuracy(np.zeros((4, 3)), np.array([0, 1, 2, 2])) == 0.25
        assert nn.accuracy(np.full((2, 3), np.nan), np.array([0, 1])) == 0

    def test_confusion(self):
        true, taken = RNG.integers(0, 4, 50), RNG.integers(0, 4, 50)
        found = nn.confusion_matrix(taken, true, 4)
        want = [[np.sum((true == i) & (taken == j)) for j in range(4)] for i in range(4)]
        assert_array_equal(found, want)
        assert found.dtype == np.int64 and found.sum() == 50
        assert_array_equal(nn.confusion_matrix(np.eye(4)[taken], true), want)
        assert np.trace(found) / 50 == nn.accuracy(taken, true)

    def test_compiled_and_mapped(self):
        labels = np.array([1, 1, 2, 0])
        assert jit(nn.accuracy)(self.scores, labels) == 0.75
        assert_array_equal(vmap(nn.accuracy)(self.scores[:, None], labels[:, None]), [1, 0, 1, 1])
        found = jit(lambda s, y: nn.confusion_matrix(s, y))(self.scores, labels)
        assert_array_equal(found, nn.confusion_matrix(self.scores, labels))


def message(caught):
    what, fix, place = str(caught.value).split("\n")
    assert re.match(r"At test_optax_losses\.py:\d+ in ", place), place
    return f"{what}\n{fix}"


integer = nn.softmax_cross_entropy_with_integer_labels
CTC = sequences()


@pytest.mark.parametrize(
    ("call", "cls", "text"),
    [
        (lambda: nn.l2_loss(np.ones(3), np.ones((3, 1))), errors.ShapeError, r"\(3,\) and \(3, 1"),
        (lambda: nn.huber_loss(np.ones(3), np.ones(2)), errors.ShapeError, "huber_loss: "),
        (lambda: nn.softmax_cross_entropy(Z, LABELS), errors.ShapeError, r"\(4, 5\) and \(4,\)"),
        (lambda: nn.softmax_cross_entropy(Z, P, axis=2), errors.ShapeError, "axis 2 does not"),
        (lambda: integer(Z, P), errors.DtypeError, "must be integers, got float64"),
        (lambda: integer(Z, LABELS[:3]), errors.ShapeError, r"need labels of shape \(4,\)"),
        (lambda: integer(Z, LABELS + 1), errors.OutOfBoundsError, "label 5 is not one of 5"),
        (lambda: integer(Z, LABELS, axis=()), errors.ShapeError, "no axis of classes"),
        (lambda: nn.sigmoid_binary_cross_entropy(Z, Z), errors.ArgumentError, "probabilities from"),
        (lambda: nn.sigmoid_focal_loss(Z, 2 * P), errors.ArgumentError, "sigmoid_focal_loss: "),
        (lambda: nn.smooth_labels(LABELS, 0.1), errors.DtypeError, "labels are probabilities"),
        (lambda: nn.smooth_labels(HOT, 1.5), errors.ArgumentError, "alpha is from 0 to 1"),
        (lambda: nn.cosine_distance(A, 1j * B), errors.DtypeError, "real numbers"),
        (lambda: nn.huber_loss(A, B, 0.5), errors.ArgumentError, "huber_loss: "),
        (lambda: nn.ctc_loss(Z, *CTC[1:]), errors.ShapeError, "Logits are"),
        (lambda: nn.ctc_loss(CTC[0], CTC[3], *CTC[2:]), errors.ShapeError, "logit_paddings has"),
        (lambda: nn.ctc_loss(*CTC, blank_id=4), errors.ArgumentError, "not one of 4 classes"),
        (lambda: nn.ctc_loss(*CTC[:2], CTC[2] + 2, CTC[3]), errors.OutOfBoundsError, "label 5"),
        (lambda: nn.ctc_loss(*CTC[:2], CTC[2] * 1.0, CTC[3]), errors.DtypeError, "integers"),
        (lambda: nn.accuracy(Z, LABELS, 6), errors.ArgumentError, "k is from 1 to 5"),
        (lambda: nn.accuracy(Z, LABELS[:3]), errors.ShapeError, "need labels of shape"),
        (lambda: nn.accuracy(LABELS[:0], LABELS[:0]), errors.ArgumentError, "empty batches"),
        (lambda: nn.confusion_matrix(LABELS, LABELS), errors.ArgumentError, "num_classes is an"),
        (lambda: nn.confusion_matrix(LABELS, LABELS, 4), errors.OutOfBoundsError, "label 4"),
        (lambda: nn.confusion_matrix(LABELS, LABELS[:2], 5), errors.ShapeError, "one shape"),
    ],
)  # fmt: skip
def test_bad_input(call, cls, text):
    with pytest.raises(cls, match=text) as caught:
        call()
    assert message(caught)
