"""The lectures that this project grew from: every number that they give, from `funcgrad`.

One function a row. A number in quotes is what the lecture shows, with as many decimals.
"""

import itertools

import numpy as np
import pytest

from funcgrad import (
    grad,
    jit,
    make_jaxpr,
    nn,
    optim,
    stop_gradient,
    testing,
    tree,
    value_and_grad,
    vjp,
    vmap,
)


def shows(value, *texts):
    """Whether numbers, rounded to the decimals of the texts, are the texts."""
    values = np.ravel(value)
    rounded = [
        f"{v:.{len(text.partition('.')[2])}f}" for v, text in zip(values, texts, strict=True)
    ]
    assert rounded == list(texts)
    return True


def close(got, expected, tolerance=1e-12):
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def test_L01_chain_of_local_derivatives():
    def f(w, u, x):
        return np.log(1 + u * np.exp(-w * x))

    assert shows(f(1.0, 1.0, 1.0), "0.31326")
    value, (dw, du) = value_and_grad(f, argnums=(0, 1))(1.0, 1.0, 1.0)
    close(value, np.log(1 + np.exp(-1)))
    assert shows((dw, du), "-0.26894", "0.26894")
    close((dw, du), np.array([-1, 1]) * np.exp(-1) / (1 + np.exp(-1)))

    def alpha(w):
        return -w * 1.0

    def beta(a):
        return np.exp(a)

    def gamma(b):
        return 1 + 1.0 * b

    a, b, c = alpha(1.0), beta(alpha(1.0)), gamma(beta(alpha(1.0)))
    locals_ = [grad(alpha)(1.0), grad(beta)(a), grad(gamma)(b), grad(np.log)(c)]
    assert shows([*locals_, c], "-1.0", "0.3679", "1.0", "0.7311", "1.3679")
    close(locals_[3], 1 / c)
    close(np.prod(locals_), dw)
    assert shows(1.0 + 0.001 * dw, "0.9997")


@pytest.mark.parametrize(
    ("sign", "value", "gradient"),
    [
        (1, "106.31119", ("84.24446", "107.40006", "148.97785")),
        (-1, "98.90139", ("39.33333", "59.33333", "99.33333")),
    ],
)
def test_L02_three_variables(sign, value, gradient):
    if sign == 1:

        def f(x, y, z):
            square = (x + 3 * y + 4 * z) ** 2
            return (2 * x + y + 3 * z) ** 2 + square * np.log(x**2 + y**2 + z**2)

        log3 = np.log(3)
        exact = np.array([24, 12, 36]) + np.array([16, 48, 64]) * log3 + 64 * 2 / 3
    else:

        def f(x, y, z):
            square = (x + 3 * y + 4 * z) ** 2
            return (2 * x + y + 3 * z) ** 2 + square - np.log(x**2 + y**2 + z**2)

        x = y = z = 1
        slide = 10 * x + 10 * y + 20 * z - 2 * x / (x**2 + y**2 + z**2)
        exact = np.array([slide, 60 - 2 / 3, 100 - 2 / 3])

    assert shows(f(1.0, 1.0, 1.0), value)
    for gradient_of in (grad(f, argnums=(0, 1, 2)), jit(grad(f, argnums=(0, 1, 2)))):
        got = gradient_of(1.0, 1.0, 1.0)
        assert shows(got, *gradient)
        close(got, exact)


def bowl(p):
    x, y, z = p
    return (x + y + z) ** 2 + (x - 1) ** 2 + (y - 1) ** 2 + (z - 1) ** 2


def valley(p):
    x, y = p
    return 2 * x**2 + y**2 + np.exp(4 * x * y)


def descend(cost, start, rate, steps, compiled):
    slope = jit(grad(cost)) if compiled else grad(cost)
    opt = optim.sgd(rate)
    p = np.array(start)
    state = opt.init(p)
    for _ in range(steps):
        updates, state = opt.update(slope(p), state, p)
        p = optim.apply_updates(p, updates)
    return p


@pytest.mark.parametrize("compiled", [False, True])
def test_L03_descent_in_a_bowl(compiled):
    p = descend(bowl, (1.0, 1.0, 1.0), 0.1, 100, compiled)
    close(p, 0.25)
    close(bowl(p), 2.25)


@pytest.mark.parametrize("compiled", [False, True])
def test_L04_descent_in_a_valley_and_divergence(compiled):
    p = descend(valley, (1.0, 1.0), 0.001, 100, compiled)
    assert shows(p, "0.18348", "0.28415")
    assert shows(valley(p), "1.37996")
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isnan(descend(valley, (1.0, 1.0), 0.01, 100, compiled)).all()


def test_L05_a_product_of_a_sum():
    def f(x, y, z):
        return (x + y) * z

    assert grad(f, argnums=(0, 1, 2))(-2.0, 5.0, -4.0) == (-4.0, -4.0, 3.0)


def test_L06_sigmoid_neuron_in_pieces_and_as_one():
    def in_pieces(w0, x0, w1, x1, w2):
        return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))

    def as_one(w0, x0, w1, x1, w2):
        return nn.sigmoid(w0 * x0 + w1 * x1 + w2)

    at = (2.0, -1.0, -3.0, -2.0, -3.0)
    slope = np.exp(-1) / (1 + np.exp(-1)) ** 2
    for f in (in_pieces, as_one):
        value, gradient = value_and_grad(f, argnums=tuple(range(5)))(*at)
        assert shows(value, "0.73106")
        assert shows(gradient, "-0.19661", "0.39322", "-0.39322", "-0.58984", "0.19661")
        close(gradient, slope * np.array([-1, 2, -2, -3, 1]))
    count = [len(make_jaxpr(f)(*np.array(at)).equations) for f in (in_pieces, as_one)]
    assert count == [8, 5]


def test_L07_patterns_of_the_backward_pass():
    assert grad(lambda x, y: x + y, argnums=(0, 1))(3.0, 7.0) == (1.0, 1.0)
    assert grad(lambda x, y: x * y, argnums=(0, 1))(3.0, 7.0) == (7.0, 3.0)
    assert grad(lambda x: 2 * x + 5 * x)(3.0) == 7.0
    assert grad(np.maximum, argnums=(0, 1))(4.0, 2.0) == (1.0, 0.0)


def test_L08_flat_backward_code_runs_with_numpy_alone():
    def neuron(w0, x0, w1, x1, w2):
        return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))

    at = (2.0, -1.0, -3.0, -2.0, -3.0)
    source = jit(value_and_grad(neuron, argnums=(0, 1, 2, 3, 4))).source(*at)
    imports = [line for line in source.splitlines() if "import" in line]
    assert imports == ["import numpy as np"]
    namespace = {}
    exec(source, namespace)
    gradient = ("-0.19661", "0.39322", "-0.39322", "-0.58984", "0.19661")
    assert shows(namespace["neuron"](*at), "0.73106", *gradient)


def test_L11_a_sum_over_paths():
    def apart(a, b, d):
        return (a + b) * d

    def shared(a, b):
        return apart(a, b, b + 1)

    assert grad(shared, argnums=(0, 1))(2.0, 1.0) == (2.0, 5.0)
    da, db, dd = grad(apart, argnums=(0, 1, 2))(2.0, 1.0, 2.0)
    assert (da, db + dd) == (2.0, 5.0)


def test_L12_regression_by_the_textbook():
    w1, b1, w2, b2, x, y = 0.7, -0.2, 1.3, 0.4, 2.0, 3.0

    def loss(w1, b1, w2, b2):
        return (w2 * (w1 * x + b1) + b2 - y) ** 2

    error = 2 * (w2 * (w1 * x + b1) + b2 - y)
    textbook = (error * w2 * x, error * w2, error * (w1 * x + b1), error)
    close(grad(loss, argnums=(0, 1, 2, 3))(w1, b1, w2, b2), textbook)


def test_L12_two_layers_and_their_errors():
    rng = np.random.default_rng(12)
    x, y = rng.standard_normal(4), rng.standard_normal(2)
    params = {
        "W1": rng.standard_normal((3, 4)),
        "b1": rng.standard_normal(3),
        "W2": rng.standard_normal((2, 3)),
        "b2": rng.standard_normal(2),
    }

    def loss(params, shift1, shift2):
        """Zeros are added before each sigmoid: their gradients are the layers' errors."""
        a1 = nn.sigmoid(params["W1"] @ x + params["b1"] + shift1)
        a2 = nn.sigmoid(params["W2"] @ a1 + params["b2"] + shift2)
        return 0.5 * np.sum((a2 - y) ** 2)

    grads, delta1, delta2 = grad(loss, argnums=(0, 1, 2))(params, np.zeros(3), np.zeros(2))

    a1 = 1 / (1 + np.exp(-(params["W1"] @ x + params["b1"])))
    a2 = 1 / (1 + np.exp(-(params["W2"] @ a1 + params["b2"])))
    error2 = (a2 - y) * a2 * (1 - a2)
    error1 = (params["W2"].T @ error2) * a1 * (1 - a1)
    close(delta2, error2)
    close(delta1, error1)
    close(grads["W2"], np.outer(error2, a1))
    close(grads["b2"], error2)
    close(grads["W1"], np.outer(error1, x))
    close(grads["b1"], error1)


def test_L13_one_neuron_on_twelve_samples(example):
    neuron = example("neuron")
    X, y = neuron.X, neuron.y
    W, b = np.ones(2), 0.0
    prediction = neuron.predict(W, b)
    ones = ["1.0000"]
    assert shows(prediction, "0.8022", *ones * 5, "0.9973", "0.0198", *ones * 3, "0.6225")
    assert shows(nn.mse(prediction, y), "2673.9029")
    assert shows(neuron.loss(W, b), "0.17980")
    slip = np.where(X == -4.0, 4.0, X)
    assert shows(nn.mse(nn.sigmoid(np.sum(slip * W, 1) + b), 0.01 * y), "0.2254")

    for _ in range(20_000):
        W, b, _ = neuron.step(W, b)
    assert shows(W, "0.13588", "-0.07157")
    assert shows(b, "-0.65944")
    assert shows(neuron.loss(W, b), "0.00064555")


def test_L14_a_loader_hands_out_every_sample_once_an_epoch(example):
    digits = example("digits")
    X = np.arange(5 * digits.BATCH + 7)
    loader = digits.batches(np.random.default_rng(0), X[:, None], X)
    epochs = [np.concatenate([y for _, y in itertools.islice(loader, 5)]) for _ in range(2)]
    for drawn in epochs:
        assert len(np.unique(drawn)) == 5 * digits.BATCH
    assert not np.array_equal(*epochs)
    images, labels = next(loader)
    assert np.array_equal(images[:, 0], labels)


def test_L15_numerical_differentiation():
    def f(x):
        return np.exp(x) * np.sin(x)

    exact = grad(f)(1.0)
    close(exact, np.e * (np.sin(1) + np.cos(1)))
    second, third = 2 * np.e * np.cos(1), 2 * np.e * (np.cos(1) - np.sin(1))
    for h in (1e-2, 1e-3):
        forward = (f(1.0 + h) - f(1.0)) / h
        central = (f(1.0 + h) - f(1.0 - h)) / (2 * h)
        close((forward - exact) / (h * second / 2), 1, 2 * h)
        close((central - exact) / (h**2 * third / 6), 1, 2 * h)
    testing.check_grads(f, (1.0,), order=2, modes=("fwd", "rev"))


def test_L15_root_mean_square_and_mean_absolute_error():
    p, y = np.array([1.0, 2.0, 5.0]), np.array([2.0, 4.0, 1.0])
    close(nn.mse(p, y), 7.0)
    close(nn.rmse(p, y), np.sqrt(7.0))
    close(nn.mae(p, y), 7 / 3)
    close(grad(nn.mse)(p, y), 2 * (p - y) / 3)
    close(grad(nn.rmse)(p, y), (p - y) / (3 * np.sqrt(7)))
    close(grad(nn.mae)(p, y), np.sign(p - y) / 3)


@pytest.mark.parametrize(
    ("activation", "value", "derivative"),
    [
        (nn.step, lambda x: 1.0 * (x > 0), lambda x: 0 * x),
        (nn.sigmoid, lambda x: 1 / (1 + np.exp(-x)), lambda x: 1 / (2 + 2 * np.cosh(x))),
        (nn.tanh, lambda x: 1 - 2 / (np.exp(2 * x) + 1), lambda x: np.cosh(x) ** -2),
        (nn.relu, lambda x: x * (x > 0), lambda x: 1.0 * (x > 0)),
        (
            nn.leaky_relu,
            lambda x: x * np.where(x > 0, 1, 0.01),
            lambda x: np.where(x > 0, 1, 0.01),
        ),
        (
            nn.elu,
            lambda x: np.where(x > 0, x, np.exp(x) - 1),
            lambda x: np.where(x > 0, 1, np.exp(x)),
        ),
    ],
)
def test_L16_activations_and_their_derivatives(activation, value, derivative):
    x = np.linspace(-5, 5, 40)
    close(activation(x), value(x))
    close(vmap(grad(activation))(x), derivative(x))


def test_L17_requires_grad_is_argnums():
    def f(w, data):
        return np.sum(w * data)

    w, data = np.ones(3), np.array([1.0, 2.0, 3.0])
    close(grad(f)(w, data), data)
    close(grad(f, argnums=1)(w, data), w)


def test_L17_grad_fn_is_the_jaxpr():
    jaxpr = make_jaxpr(lambda w: np.mean(3 * (w + 2)))(np.ones(3))
    text = str(jaxpr)
    assert text.index("add") < text.index("mul") < text.index("sum")
    assert [v.aval.short() for v in (*jaxpr.inputs, *jaxpr.outputs)] == ["f64[3]", "f64[]"]


def test_L17_gradients_of_intermediate_values():
    def to_y(w):
        x = w + 2
        return 3 * x

    w = np.ones(3)
    assert np.mean(to_y(w)) == 9.0
    close(grad(lambda w: np.mean(to_y(w)))(w), np.ones(3))
    y, pull = vjp(to_y, w)
    retained = grad(np.mean)(y)
    close(retained, np.full(3, 1 / 3))
    close(pull(retained)[0], np.ones(3))


def test_L17_detach_is_stop_gradient():
    def f(w):
        return np.sum(w * stop_gradient(w))

    w = np.array([1.0, 2.0, 3.0])
    assert f(w) == 14.0
    close(grad(f)(w), w)
    close(grad(lambda w: np.sum(w * w))(w), 2 * w)


def test_L18_there_is_nothing_to_empty():
    def output(weights):
        return np.sum(3 * weights)

    weights, opt = np.ones(4), optim.sgd(0.1)
    state, outputs = opt.init(weights), []
    for _ in range(3):
        value, gradient = value_and_grad(output)(weights)
        close(gradient, np.full(4, 3.0))
        outputs.append(value)
        updates, state = opt.update(gradient, state, weights)
        weights = optim.apply_updates(weights, updates)
    close(outputs, [12.0, 8.4, 4.8])
    close(output(weights), 1.2)


def test_L19_optimizers():
    def cost(params):
        return (params["a"] - 3.0) ** 2 + 10 * (params["b"] + 1.0) ** 2

    start = {"a": 0.0, "b": 0.0}
    for opt, steps in ((optim.sgd(0.04), 400), (optim.rmsprop(0.01), 2000)):
        params, history = optim.minimize(cost, start, opt, steps=steps)
        assert history[0] == 19.0
        close(history[-1], 0.0, 1e-3)
        close((params["a"], params["b"]), (3.0, -1.0), 1e-2)
    assert start == {"a": 0.0, "b": 0.0}


def chain(x, steps):
    """A graph with two edges a node, so that 2**steps paths lead from x to the end."""
    for _ in range(steps):
        x = np.sin(x) * x
    return x


def test_L20_cost_is_proportional_to_the_edges():
    def edges(jaxpr):
        return sum(len(equation.inputs) for equation in jaxpr.equations)

    lengths = [8, 16, 24, 32]
    forward = [edges(make_jaxpr(lambda x, n=n: chain(x, n))(0.5)) for n in lengths]
    backward = [edges(make_jaxpr(grad(lambda x, n=n: chain(x, n)))(0.5)) for n in lengths]
    assert np.diff(forward).tolist() == [3 * 8] * 3
    assert len(set(np.diff(backward).tolist())) == 1
    assert np.diff(backward)[0] <= 5 * np.diff(forward)[0]


def test_L20_the_gradient_table_of_every_node():
    # u1, u2 are inputs; every later node is an operation on earlier ones (Goodfellow, 6.1 and 6.2).
    operations = [
        (np.multiply, (0, 1), lambda a, b: (b, a)),
        (np.sin, (0,), lambda a: (np.cos(a),)),
        (np.add, (2, 3), lambda a, b: (1.0, 1.0)),
        (np.exp, (3,), lambda a: (np.exp(a),)),
        (np.multiply, (4, 5), lambda a, b: (b, a)),
    ]

    def graph(shifts, u1, u2):
        """Zeros are added to each node: their gradients are the nodes' own."""
        nodes = [u1, u2]
        for (operation, parents, _), shift in zip(operations, shifts, strict=True):
            nodes.append(operation(*(nodes[p] for p in parents)) + shift)
        return nodes

    u = (0.7, -1.2)
    zeros = [0.0] * len(operations)
    nodes = graph(zeros, *u)
    table = [0.0] * (len(nodes) - 1) + [1.0]
    for i in reversed(range(len(operations))):
        _, parents, partials = operations[i]
        for parent, partial in zip(parents, partials(*(nodes[p] for p in parents)), strict=True):
            table[parent] += table[i + 2] * partial

    shifts, u1, u2 = grad(lambda *args: graph(*args)[-1], argnums=(0, 1, 2))(zeros, *u)
    close([u1, u2, *shifts], table)


def test_L21_a_deep_net_with_a_regulariser():
    rng = np.random.default_rng(21)
    sizes, decay = [4, 6, 5, 2], 0.1
    params = [
        (rng.standard_normal((m, n)), rng.standard_normal(m)) for n, m in itertools.pairwise(sizes)
    ]
    x, y = rng.standard_normal(4), rng.standard_normal(2)

    def cost(params):
        h = x
        for W, b in params:
            h = np.tanh(b + W @ h)
        regulariser = sum(np.sum(W**2) for W, _ in params)
        return 0.5 * np.sum((h - y) ** 2) + decay * regulariser

    hidden = [x]
    for W, b in params:
        hidden.append(np.tanh(b + W @ hidden[-1]))
    g = hidden[-1] - y
    by_hand = []
    for (W, _), below, above in zip(params[::-1], hidden[-2::-1], hidden[:0:-1], strict=True):
        g = g * (1 - above**2)
        by_hand.insert(0, (np.outer(g, below) + decay * 2 * W, g))
        g = W.T @ g

    tree.map(close, grad(cost)(params), by_hand)
    tree.map(close, jit(grad(cost))(params), by_hand)


def test_L22_layers():
    rng = np.random.default_rng(22)
    X, W, b, dY = (rng.standard_normal(s) for s in ((5, 3), (3, 4), (4,), (5, 4)))
    _, pull = vjp(lambda X, W, b: X @ W + b, X, W, b)
    for got, textbook in zip(pull(dY), (dY @ W.T, X.T @ dY, dY.sum(0)), strict=True):
        close(got, textbook)

    x, dx = rng.standard_normal((2, 7))
    close(vjp(nn.relu, x)[1](dx)[0], np.where(x > 0, dx, 0))
    s = nn.sigmoid(x)
    close(vjp(nn.sigmoid, x)[1](dx)[0], dx * s * (1 - s))
    assert [d.tolist() for d in vjp(np.add, x, x)[1](dx)] == [dx.tolist()] * 2
    close(vjp(np.multiply, x, X.ravel()[:7])[1](dx), (dx * X.ravel()[:7], dx * x))


def test_L22_softmax_with_cross_entropy():
    rng = np.random.default_rng(22)
    scores, labels = rng.standard_normal((5, 4)), np.array([0, 3, 1, 1, 2])
    softmax = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    value, gradient = value_and_grad(nn.cross_entropy)(scores, labels)
    close(value, -np.mean(np.log(softmax[np.arange(5), labels])))
    close(gradient, (softmax - np.eye(4)[labels]) / 5)
    close(grad(nn.cross_entropy)(scores[0], 0), softmax[0] - np.eye(4)[0])


def test_L22_no_overflow_at_1000():
    x = np.array([-1000.0, 0.0, 1000.0])
    assert nn.sigmoid(x).tolist() == [0.0, 0.5, 1.0]
    assert vmap(grad(nn.sigmoid))(x).tolist() == [0.0, 0.25, 0.0]
    assert nn.softmax(x).tolist() == [0.0, 0.0, 1.0]
    value, gradient = value_and_grad(nn.cross_entropy)(x[None], np.array([0]))
    assert (value, gradient.tolist()) == (2000.0, [[-1.0, 0.0, 1.0]])


def test_L23_spiral(example, tmp_path, capfd):
    accuracy = example("spiral").main(["--out", str(tmp_path)])
    assert accuracy > 0.97
    printed = [line for line in capfd.readouterr().out.splitlines() if line.startswith("step")]
    assert [int(line.split()[1].replace(",", "")) for line in printed] == list(
        range(0, 10_000, 1000)
    )
    losses = [float(line.split()[-1]) for line in printed]
    close(losses[0], np.log(3), 1e-3)
    assert losses == sorted(losses, reverse=True)
    assert (tmp_path / "spiral.png").stat().st_size > 10_000
