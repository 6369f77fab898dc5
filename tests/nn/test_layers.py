"""Layers: the formulas in NumPy, pure pytrees, every transform, training, bad input."""

import dataclasses
import pickle
import re

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

from funcgrad import errors, grad, jit, load, nn, optim, random, save, tree, value_and_grad, vmap
from funcgrad.testing import check_grads

KEY = random.key(0)
sigmoid = scipy.special.expit


def wave(*shape):
    return np.sin(np.arange(float(np.prod(shape))) * 0.7 + 0.2).reshape(shape)


def waved(layer):
    """The layer, with no parameter 0 and no two alike."""
    leaves, treedef = tree.flatten(layer)
    new = [0.5 * np.cos(np.arange(x.size) + i).reshape(x.shape) for i, x in enumerate(leaves)]
    return tree.unflatten(treedef, new)


LAYERS = {
    "linear": (nn.Linear.init(KEY, 3, 4), wave(2, 3)),
    "linear without bias": (nn.Linear.init(KEY, 3, 4, bias=False), wave(2, 5, 3)),
    "conv": (nn.Conv.init(KEY, 2, 4, (3, 3), strides=2), wave(1, 5, 5, 2)),
    "conv 1d": (nn.Conv.init(KEY, 4, 4, 3, groups=2, padding="VALID"), wave(2, 6, 4)),
    "layer norm": (nn.LayerNorm.init(None, (2, 3)), wave(4, 2, 3)),
    "rms norm": (nn.RMSNorm.init(None, 3), wave(4, 3)),
    "gru": (nn.GRU.init(KEY, 3, 4), wave(2, 5, 3)),
    "lstm": (nn.LSTM.init(KEY, 3, 4), wave(2, 5, 3)),
    "attention": (nn.MultiHeadAttention.init(KEY, 6, 2), wave(2, 4, 6)),
    "grouped": (nn.MultiHeadAttention.init(KEY, 8, 4, kv_heads=2, bias=False), wave(3, 8)),
    "mlp": (nn.MLP.init(KEY, (3, 5, 2), activation=np.tanh), wave(2, 3)),
    "sequential": (
        nn.Sequential.init(KEY, (nn.Linear, 3, 4), np.tanh, (nn.LSTM, 4, 2)),
        wave(2, 5, 3),
    ),
}
EACH = pytest.mark.parametrize(("layer", "x"), LAYERS.values(), ids=LAYERS)


def energy(layer, x):
    return sum(np.sum(np.sin(y)) for y in tree.leaves(layer(x)))


class TestFormulas:
    def test_linear(self):
        layer, x = waved(nn.Linear.init(KEY, 3, 4)), wave(2, 5, 3)
        assert_allclose(layer(x), x @ layer.kernel + layer.bias, rtol=1e-15)
        alone = dataclasses.replace(layer, bias=None)
        assert_allclose(alone(x[0, 0]), x[0, 0] @ layer.kernel, rtol=1e-15)

    def test_complex_linear(self):
        layer = nn.Linear.init(KEY, 3, 4, dtype=complex)
        assert layer.kernel.dtype == layer.bias.dtype == complex
        assert layer(wave(2, 3)).dtype == complex

    def test_conv(self):
        made = nn.Conv.init(KEY, 2, 4, (3, 3), strides=[2, 2], padding=[(1, 1), (0, 1)])
        layer, x = waved(made), wave(1, 5, 5, 2)
        want = nn.conv(x, layer.kernel, layer.bias, strides=(2, 2), padding=((1, 1), (0, 1)))
        assert_array_equal(layer(x), want)
        assert layer.kernel.shape == (3, 3, 2, 4)

    def test_embedding(self):
        layer = nn.Embedding.init(KEY, 7, 3)
        assert_array_equal(layer([[1, 6], [0, 1]]), layer.table[[[1, 6], [0, 1]]])
        assert_allclose(layer.attend(wave(2, 3)), wave(2, 3) @ layer.table.T)
        assert abs(nn.Embedding.init(KEY, 2000, 4).table.std() - 0.5) < 0.02

    def test_norms(self):
        x = wave(4, 2, 3)
        layer = waved(nn.LayerNorm.init(None, (2, 3), epsilon=0.1))
        centred = x - x.mean((1, 2), keepdims=True)
        want = centred / np.sqrt((centred**2).mean((1, 2), keepdims=True) + 0.1)
        assert_allclose(layer(x), want * layer.scale + layer.bias, rtol=1e-12)
        layer = waved(nn.RMSNorm.init(None, 3, epsilon=0.1))
        want = x / np.sqrt((x**2).mean(-1, keepdims=True) + 0.1) * layer.scale
        assert_allclose(layer(x), want, rtol=1e-12)

    def test_batch_norm(self):
        layer, x = waved(nn.BatchNorm.init(None, 3, momentum=0.75)), wave(8, 3)
        state = layer.initial_state()
        y, new = layer(x, state, training=True)
        want = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * layer.scale + layer.bias
        assert_allclose(y, want, rtol=1e-10)
        assert_allclose(new.mean, 0.25 * x.mean(0), rtol=1e-12)
        y, kept = layer(x, new, training=False)
        want = (x - new.mean) / np.sqrt(new.var + 1e-5) * layer.scale + layer.bias
        assert_allclose(y, want, rtol=1e-10)
        assert_array_equal(kept.mean, new.mean)

    @pytest.mark.parametrize("bias", [True, False])
    def test_gru(self, bias):
        layer, xs = waved(nn.GRU.init(KEY, 3, 4, bias=bias)), wave(2, 5, 3)
        W, U = np.split(layer.input_kernel, 3, 1), np.split(layer.hidden_kernel, 3, 1)
        b = np.split(layer.bias, 3) if bias else [0, 0, 0]
        c = layer.hidden_bias if bias else 0
        h, want = np.full((2, 4), 0.3), []
        start = h
        for t in range(5):
            x = xs[:, t]
            r = sigmoid(x @ W[0] + b[0] + h @ U[0])
            z = sigmoid(x @ W[1] + b[1] + h @ U[1])
            n = np.tanh(x @ W[2] + b[2] + r * (h @ U[2] + c))
            h = (1 - z) * n + z * h
            want.append(h)
        ys, last = layer(xs, start)
        assert_allclose(ys, np.stack(want, 1), rtol=1e-12)
        assert_array_equal(last, ys[:, -1])
        one, again = layer.step(start, xs[:, 0])
        assert_allclose(one, want[0], rtol=1e-12)
        assert_array_equal(one, again)

    @pytest.mark.parametrize("bias", [True, False])
    def test_lstm(self, bias):
        layer, xs = waved(nn.LSTM.init(KEY, 3, 4, bias=bias)), wave(2, 5, 3)
        h, c, want = np.zeros((2, 4)), np.zeros((2, 4)), []
        for t in range(5):
            gates = xs[:, t] @ layer.input_kernel + h @ layer.hidden_kernel
            i, f, g, o = np.split(gates + (layer.bias if bias else 0), 4, -1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            want.append(h)
        ys, last = layer(xs)
        assert_allclose(ys, np.stack(want, 1), rtol=1e-12)
        assert_allclose(last.cell, c, rtol=1e-12)
        state = nn.LSTMState(np.zeros((2, 4)), np.zeros((2, 4)))
        for t in range(5):
            state, y = layer.step(state, xs[:, t])
            assert_allclose(y, want[t], rtol=1e-12)

    def test_recurrent_parameters_at_the_start(self):
        layer = nn.LSTM.init(KEY, 30, 40)
        for U in np.split(layer.hidden_kernel, 4, 1):
            assert_allclose(U.T @ U, np.eye(40), atol=1e-12)
        assert_array_equal(layer.bias, np.repeat([0.0, 1.0, 0.0, 0.0], 40))
        assert abs(layer.input_kernel.var() * 30 - 1) < 0.1
        assert nn.GRU.init(KEY, 3, 4, bias=False).hidden_bias is None

    @pytest.mark.parametrize("kv_heads", [4, 2, 1])
    def test_attention(self, kv_heads):
        layer = waved(nn.MultiHeadAttention.init(KEY, 8, 4, kv_heads=kv_heads, context_features=5))
        x, context = wave(2, 3, 8), wave(2, 6, 5)
        q, k, v = layer.query(x), layer.key(context), layer.value(context)
        want = np.zeros((2, 3, 8))
        for head in range(4):
            own, other = slice(2 * head, 2 * head + 2), head // (4 // kv_heads)
            shared = slice(2 * other, 2 * other + 2)
            scores = q[..., own] @ np.swapaxes(k[..., shared], 1, 2) / np.sqrt(2)
            want[..., own] = scipy.special.softmax(scores, -1) @ v[..., shared]
        assert_allclose(layer(x, context), layer.out(want), rtol=1e-12)

    def test_attention_does_not_look_ahead(self):
        layer, x = nn.MultiHeadAttention.init(KEY, 8, 2), wave(5, 8)
        changed = np.concatenate([x[:3], -x[3:]])
        whole, other = layer(x, is_causal=True), layer(changed, is_causal=True)
        assert_allclose(whole[:3], other[:3], rtol=1e-12)
        assert np.all(whole[3:] != other[3:])
        mask = np.tril(np.ones((5, 5), bool))
        assert_allclose(layer(x, mask=mask), whole, rtol=1e-12)

    def test_mlp(self):
        layer, x = waved(nn.MLP.init(KEY, (3, 5, 4, 2))), wave(6, 3)
        want = x
        for i, part in enumerate(layer.layers):
            want = want @ part.kernel + part.bias
            want = np.maximum(want, 0) if i < 2 else want
        assert_allclose(layer(x), want, rtol=1e-14)

    def test_dropout(self):
        layer, x = nn.Dropout.init(None, 0.25, broadcast_dims=(0,)), np.ones((4, 9))
        want = nn.dropout(KEY, x, 0.25, broadcast_dims=(0,))
        assert_array_equal(layer(x, training=True, key=KEY), want)
        assert_array_equal(layer(x, training=False), x)


class TestPureTrees:
    @EACH
    def test_leaves_are_arrays_and_come_back(self, layer, x):
        leaves, treedef = tree.flatten(layer)
        assert leaves and all(isinstance(leaf, np.ndarray) for leaf in leaves)
        assert type(tree.unflatten(treedef, leaves)) is type(layer)
        assert hash(treedef) == hash(tree.structure(layer))

    @EACH
    def test_every_transform(self, layer, x):
        want = energy(layer, x)
        assert_allclose(jit(energy)(layer, x), want, rtol=1e-12)
        stacked = tree.map(lambda p: np.stack([p, 2 * p]), layer)
        both = vmap(energy, in_axes=(0, None))(stacked, x)
        assert_allclose(both, [want, energy(tree.map(lambda p: 2 * p, layer), x)], rtol=1e-12)
        found = grad(energy)(layer, x)
        assert tree.structure(found) is tree.structure(layer)
        compiled = jit(grad(energy))(layer, x)
        for one, two in zip(tree.leaves(found), tree.leaves(compiled), strict=True):
            assert_allclose(one, two, rtol=1e-10, atol=1e-14)

    @EACH
    def test_gradients(self, layer, x):
        check_grads(energy, (waved(layer), x), order=1)

    @EACH
    def test_they_pickle_print_and_are_saved(self, layer, x, tmp_path):
        again = pickle.loads(pickle.dumps(layer))
        assert_array_equal(energy(again, x), energy(layer, x))
        assert repr(layer).startswith(f"{type(layer).__name__}(") and len(repr(layer)) < 400
        save(tmp_path / "m.npz", layer)
        again = load(tmp_path / "m.npz", like=layer)
        assert type(again) is type(layer) and energy(again, x) == energy(layer, x)

    @EACH
    def test_nothing_is_changed(self, layer, x):
        before = [leaf.copy() for leaf in tree.leaves(layer)]
        value_and_grad(energy)(layer, x)
        for one, two in zip(before, tree.leaves(layer), strict=True):
            assert_array_equal(one, two)
        with pytest.raises(dataclasses.FrozenInstanceError):
            layer.anything = 1

    def test_float32_stays(self):
        for make, shape in [
            (lambda **k: nn.Linear.init(KEY, 3, 4, **k), (2, 3)),
            (lambda **k: nn.LSTM.init(KEY, 3, 4, **k), (2, 5, 3)),
            (lambda **k: nn.GRU.init(KEY, 3, 4, **k), (2, 5, 3)),
            (lambda **k: nn.MultiHeadAttention.init(KEY, 4, 2, **k), (5, 4)),
            (lambda **k: nn.Conv.init(KEY, 3, 4, 3, **k), (1, 5, 3)),
            (lambda **k: nn.LayerNorm.init(KEY, 3, **k), (5, 3)),
        ]:
            layer = make(dtype=np.float32)
            assert {leaf.dtype for leaf in tree.leaves(layer)} == {np.dtype(np.float32)}
            found = tree.leaves(layer(wave(*shape).astype(np.float32)))
            assert {y.dtype for y in found} == {np.dtype(np.float32)}
            g = grad(energy)(layer, wave(*shape).astype(np.float32))
            assert {leaf.dtype for leaf in tree.leaves(g)} == {np.dtype(np.float32)}

    def test_the_same_key_makes_the_same_layer(self):
        one, two = [nn.MLP.init(KEY, (3, 4, 4, 2)) for _ in range(2)]
        for a, b in zip(tree.leaves(one), tree.leaves(two)):
            assert_array_equal(a, b)
        other = nn.MLP.init(random.key(1), (3, 4, 4, 2))
        assert not np.array_equal(one.layers[0].kernel, other.layers[0].kernel)
        assert not np.array_equal(one.layers[1].kernel[:, :2], one.layers[2].kernel)

    def test_initialisers_are_taken(self):
        makers = {"kernel_init": nn.initializers.ones, "bias_init": nn.initializers.constant(2.0)}
        layer = nn.Linear.init(KEY, 3, 4, **makers)
        assert np.all(layer.kernel == 1) and np.all(layer.bias == 2)

    def test_layers_are_made_under_transforms(self):
        models = vmap(lambda key: nn.MLP.init(key, (3, 4, 2)))(random.split(KEY, 5))
        assert models.layers[0].kernel.shape == (5, 3, 4)
        assert jit(lambda key: nn.LSTM.init(key, 3, 4))(KEY).bias.shape == (16,)


class TestSequential:
    model = nn.Sequential.init(
        KEY,
        (nn.Linear, 3, 8),
        (nn.BatchNorm, 8),
        nn.relu,
        (nn.Dropout, 0.5),
        (nn.Linear, 8, 2, {"bias": False}),
    )

    def test_it_is_its_parts(self):
        first, norm, _, drop, last = self.model.layers
        x, state = wave(6, 3), self.model.initial_state()
        y, new = self.model(x, state, training=True, key=KEY)
        h, want_state = norm(first(x), state[1], training=True)
        want = last(drop(nn.relu(h), training=True, key=random.fold_in(KEY, 3)))
        assert_array_equal(y, want)
        assert_array_equal(new[1].mean, want_state.mean)
        assert [s is None for s in new] == [True, False, True, True, True]
        y, kept = self.model(x, new, training=False)
        assert_array_equal(kept[1].mean, new[1].mean)

    def test_nested_with_state_and_layers_that_are_there(self):
        outer = nn.Sequential.init(KEY, self.model, np.tanh, nn.Linear.init(KEY, 2, 1))
        assert outer.stateful and outer.layers[0] is self.model
        y, state = outer(wave(6, 3), outer.initial_state(), training=True, key=KEY)
        assert y.shape == (6, 1) and state[0][1].mean.shape == (8,)

    def test_without_state_there_is_only_a_result(self):
        model = nn.Sequential.init(KEY, (nn.Linear, 3, 4), np.tanh)
        assert model(wave(2, 3)).shape == (2, 4) and model.initial_state() is None

    def test_recurrent_layers_give_their_outputs(self):
        model = nn.Sequential.init(KEY, (nn.GRU, 3, 4), (nn.LSTM, 4, 2))
        assert model(wave(2, 7, 3)).shape == (2, 7, 2)

    def test_it_trains(self):
        x = random.normal(KEY, (128, 3))
        labels = (x[:, 0] * x[:, 1] > 0).astype(int)
        optimizer = optim.adam(0.02)

        @jit
        def step(model, state, opt, key):
            def loss(model):
                y, new = model(x, state, training=True, key=key)
                return nn.cross_entropy(y, labels), new

            (value, state), g = value_and_grad(loss, has_aux=True)(model)
            updates, opt = optimizer.update(g, opt, model)
            return optim.apply_updates(model, updates), state, opt, value

        model, state = self.model, self.model.initial_state()
        opt = optimizer.init(model)
        for i in range(300):
            model, state, opt, _ = step(model, state, opt, random.fold_in(KEY, i))
        scores, _ = model(x, state, training=False)
        assert np.mean(np.argmax(scores, 1) == labels) > 0.75
        assert type(model) is nn.Sequential


def message(caught):
    what, fix, place = str(caught.value).split("\n")
    assert re.match(r"At test_layers\.py:\d+ in ", place), place
    return f"{what}\n{fix}"


X = wave(2, 3)


@pytest.mark.parametrize(
    ("call", "cls", "text"),
    [
        (lambda: nn.Linear.init(KEY, 0, 4), errors.ArgumentError, "inputs is an integer >= 1, got"),
        (lambda: nn.Linear.init(KEY, 3, 4.0), errors.ArgumentError, "outputs is an integer >= 1"),
        (lambda: nn.Linear.init(3, 4), errors.ArgumentError, "It takes key, inputs, outputs"),
        (lambda: nn.Linear.init(3, 4, 5), errors.DtypeError, "a key is an array of two uint64"),
        (lambda: nn.Linear.init(KEY, 3, 4, dtype=int), errors.DtypeError, "floating or complex"),
        (lambda: nn.Linear.init(KEY, 3, 4, use_bias=1), errors.ArgumentError, "Write bias="),
        (lambda: nn.Linear(3, 4)(X), errors.ShapeError, r"made by nn\.Linear\.init"),
        (lambda: nn.Linear.init(KEY, 4, 3)(X), errors.ShapeError, r"\(2, 3\), and takes 4 feat"),
        (lambda: nn.Linear.init(KEY, 4, 3)("x"), errors.DtypeError, "expected numbers"),
        (lambda: nn.Conv.init(KEY, 3, 4, (3, 3), groups=2), errors.ShapeError, "2 groups do not"),
        (lambda: nn.Conv.init(KEY, 3, 4, "3"), errors.ArgumentError, "window is made of integers"),
        (lambda: nn.Conv.init(KEY, 3, 4, 3)(X), errors.ShapeError, "x is "),
        (lambda: nn.Embedding.init(KEY, 3, 4)([3]), errors.OutOfBoundsError, "index 3"),
        (lambda: nn.Embedding.init(KEY, 3, 4).attend(X), errors.ShapeError, "takes 4 features"),
        (lambda: nn.LayerNorm.init(KEY, 0), errors.ArgumentError, "a length of at least 1"),
        (lambda: nn.LayerNorm.init(KEY, 4)(X), errors.ShapeError, r"scale of shape \(4,\)"),
        (lambda: nn.BatchNorm.init(KEY, 3)(X), errors.ArgumentError, "state"),
        (lambda: nn.Dropout.init(KEY, 1.5), errors.ArgumentError, "a probability from 0 to 1"),
        (lambda: nn.Dropout(0.5)(X, training=True), errors.DtypeError, "a key is needed"),
        (lambda: nn.Dropout(0.5)(X, training=None), errors.ArgumentError, "it was left out"),
        (lambda: nn.GRU.init(KEY, 3, 4)(X[0]), errors.ShapeError, "without time"),
        (lambda: nn.LSTM.init(KEY, 4, 4)(X), errors.ShapeError, "takes 4 features"),
        (lambda: nn.LSTM.init(KEY, 4, -1), errors.ArgumentError, "hidden is an integer >= 1"),
        (lambda: nn.MultiHeadAttention.init(KEY, 9, 2), errors.ShapeError, "divide the features"),
        (lambda: nn.MLP.init(KEY, 3), errors.ArgumentError, "sizes are those"),
        (lambda: nn.MLP.init(KEY, (3,)), errors.ArgumentError, "sizes are those"),
        (lambda: nn.Sequential.init(KEY, nn.Linear), errors.ArgumentError, "part 0 is a type"),
        (lambda: nn.Sequential.init(KEY, 3), errors.ArgumentError, "part 0 is an int"),
        (lambda: TestSequential.model(X), errors.StructureError, "initial_state"),
        (lambda: TestSequential.model(X, (1, 2)), errors.StructureError, "not one of its layers"),
        (
            lambda: nn.Sequential.init(KEY, np.tanh)(X, (None,)),
            errors.StructureError,
            "leave it out",
        ),
        (
            lambda: TestSequential.model(X, TestSequential.model.initial_state()),
            errors.ArgumentError,
            "training is True or False, and it was left out",
        ),
        (
            lambda: TestSequential.model(X, TestSequential.model.initial_state(), training=True),
            errors.DtypeError,
            "a key is needed",
        ),
    ],
)
def test_bad_input(call, cls, text):
    with pytest.raises(cls, match=text) as caught:
        call()
    assert message(caught)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Dense", r"nn\.Linear\.init"),
        ("Conv2d", r"nn\.Conv\.init\(key, inputs, outputs, \(3, 3\)\)"),
        ("Module", "any dataclass"),
        ("MultiheadAttention", r"nn\.MultiHeadAttention"),
        ("Embed", r"nn\.Embedding"),
        ("LSTMCell", "step"),
    ],
)
def test_names_of_other_libraries_lead_to_ours(name, text):
    with pytest.raises(AttributeError, match=text):
        getattr(nn, name)
