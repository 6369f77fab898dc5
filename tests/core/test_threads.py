"""Threads, forks: what the package keeps for all calls survives several of them at once."""

import os
import subprocess
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import funcgrad
import funcgrad.numpy as fnp
from funcgrad import (
    cond,
    custom_jvp,
    custom_vjp,
    fori_loop,
    grad,
    jacobian,
    jit,
    jvp,
    linearize,
    make_jaxpr,
    random,
    scan,
    tree,
    vjp,
    vmap,
)
from funcgrad.compile import jit as jit_module
from funcgrad.core import ir
from funcgrad.numpy import promote
from funcgrad.ops import linalg
from funcgrad.scipy import result
from funcgrad.tree import containers as _containers
from funcgrad.tree import treedef as _treedef

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Params:
    w: object
    b: object


def in_threads(work, count=16):
    """Run ``work(k)`` in threads that change often; the exceptions that left them."""
    failures = []

    def run(k):
        try:
            work(k)
        except BaseException as error:
            failures.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    return failures


def test_many_functions_compiled_at_once():
    def work(k):
        for _ in range(300):
            assert jit(lambda x: x * k)(2.0) == 2.0 * k

    assert in_threads(work) == []


@custom_vjp
def halved(x):
    return x / 2.0


halved.defvjp(lambda x: (x / 2.0, None), lambda _, ct: (ct / 2.0,))


@custom_jvp
def squared(x):
    return x * x


squared.defjvp(lambda primals, tangents: (primals[0] ** 2, 2.0 * primals[0] * tangents[0]))

SHARED = jit(lambda x: np.sum(np.sin(x) * x))
STATIC = jit(lambda x, n: x * n, static_argnames="n")


def loops(n):
    x = np.arange(1.0, n + 1.0)
    total = jit(grad(lambda x: scan(lambda c, y: (c * 0.5 + y * c, c), 1.0, x)[0]))(x)
    assert np.shape(total) == (n,)
    assert fori_loop(0, n, lambda i, c: c + 1.0, 0.0) == n
    assert grad(lambda x: cond(x > 0, lambda: x * n, lambda: x))(1.0) == n


def trees(n):
    p = {f"k{n % 7}": [1.0] * (n % 5), "p": Params(1.0, OrderedDict(a=2.0 * n)), "n": (None, n)}
    leaves, treedef = tree.flatten(p)
    assert tree.unflatten(treedef, leaves) == p
    assert tree.structure(p) is treedef
    assert jit(lambda p: tree.map(lambda x: 2 * x, p))(p)["p"].b["a"] == 4.0 * n


def products(n):
    a = np.ones((n, 3))
    assert grad(lambda a: np.sum(np.einsum("ij,kj->ik", a, a)))(a)[0, 0] == 2.0 * n
    assert jit(lambda a: a.T @ a)(a)[0, 0] == n


def rules(n):
    assert grad(halved)(float(n)) == 0.5
    assert jit(grad(squared))(float(n)) == 2.0 * n
    np.testing.assert_array_equal(vmap(grad(halved))(np.ones(n)), np.full(n, 0.5))
    assert jvp(squared, (1.0,), (float(n),))[1] == 2.0 * n


def programs(n):
    x = np.linspace(0.0, 1.0, n)
    assert SHARED(x) == pytest.approx(np.sum(np.sin(x) * x))
    assert STATIC(2.0, n) == 2.0 * n
    assert "mul" in str(make_jaxpr(lambda x: x * n)(x))
    np.testing.assert_allclose(linearize(lambda x: x * x, x)[1](np.ones(n)), 2 * x)
    np.testing.assert_allclose(vjp(lambda x: x * x, x)[1](np.ones(n))[0], 2 * x)
    np.testing.assert_allclose(jacobian(lambda x: x * n)(x), np.eye(n) * n)


def others(n):
    assert random.normal(random.key(n), (n,)).shape == (n,)
    assert fnp.astype(np.float32(n), np.int8) == np.int8(n)
    assert grad(lambda x: x.astype(np.float32) * np.float32(n))(1.0) == n
    assert result.code_of(f"message {n}") == result.code_of(f"message {n}")


@pytest.mark.parametrize("features", [loops, trees, products, rules, programs, others])
def test_every_cache_while_it_overflows(features, monkeypatch):
    # Tiny caches: threads empty what others are about to read.
    for module, name in [
        (jit_module, "_PROGRAMS_MOST"),
        (_treedef, "CACHE_SIZE"),
        (_containers, "CACHE_SIZE"),
        (ir, "_INTERNED_MOST"),
        (promote, "_LOOPS_MOST"),
        (linalg, "_KNOWN_MOST"),
    ]:
        assert getattr(module, name) > 4
        monkeypatch.setattr(module, name, 4)

    def work(k):
        for n in range(2, 12):
            features(1 + (k * n) % 11)

    assert in_threads(work, 8) == []


def test_there_is_one_lock():
    kinds = (type(threading.Lock()), type(threading.RLock()), threading.Condition)
    for name in [*funcgrad.__all__, "scipy.optimize", "scipy.integrate", "nn", "optim"]:
        __import__(f"funcgrad.{name}") if "." in name else getattr(funcgrad, name)
    found = [
        (module.__name__, name)
        for key, module in list(sys.modules.items())
        if key.partition(".")[0] == "funcgrad"
        for name, value in list(vars(module).items())
        if isinstance(value, kinds)
    ]
    assert found == [("funcgrad.tree.treedef", "_shared_lock")]


FORKS = """
import os, signal, sys, threading
import numpy as np
from funcgrad import grad, jit, tree
from funcgrad.tree import treedef as _treedef
from funcgrad.scipy.result import code_of

stop = threading.Event()

def work():
    n = 0
    while not stop.is_set():
        n += 1
        tree.structure({f"k{n}": [1.0] * (n % 7), "b": (n, (n,))})
        code_of(f"message {n % 100}")

threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads:
    t.start()
hung = 0
for n in range(20):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        tree.structure({f"child {n}": [1.0], "c": {"d": 1}})
        code_of(f"child {n}")
        ok = jit(grad(lambda p: p["x"] ** 2))({"x": 3.0})["x"] == 6.0
        os._exit(0 if ok else 1)
    hung += os.waitpid(pid, 0)[1] != 0
stop.set()
for t in threads:
    t.join()

# Held for sure: the child's lock is another one.
held, release = threading.Event(), threading.Event()

def hold():
    with _treedef.lock():
        held.set()
        release.wait()

t = threading.Thread(target=hold)
t.start()
held.wait()
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    tree.structure({"new in the child": [1.0]})
    os._exit(0)
hung += os.waitpid(pid, 0)[1] != 0
release.set()
t.join()
sys.exit(hung)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_children_forked_while_other_threads_work():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS]
    done = subprocess.run(command, env=environment, timeout=500, check=False)
    assert done.returncode == 0
