"""KeyboardInterrupt at any moment: no transform stays open, and what comes next is right.

What is open is kept in context variables. They are set within the ``try`` whose ``finally`` sets
them back, since an interrupt may come between the call that sets one and the next instruction.
"""

import ast
import importlib
import itertools
import os
import random as randoms
import signal
import threading
import time
from contextvars import ContextVar
from pathlib import Path

import numpy as np
import pytest

import funcgrad
from funcgrad import (
    _stack,
    cond,
    custom_jvp,
    custom_vjp,
    debug,
    errors,
    grad,
    jit,
    make_jaxpr,
    psum,
    random,
    scan,
    vmap,
    while_loop,
)
from funcgrad.api import transformed
from funcgrad.compile import jit as jits
from funcgrad.control.callbacks import host
from funcgrad.control.custom import recursion as staging
from funcgrad.core import axes, record
from funcgrad.transforms import vmap as batches

PACKAGE = Path(funcgrad.__file__).parent
checked = importlib.import_module("funcgrad.random.checked")
traced = importlib.import_module("funcgrad.compile.stages")

# Each variable and where it is known.
VARIABLES = {
    "open frames": (record._OPEN, [(record, "_OPEN")]),
    "open axes": (axes.OPEN, [(axes, "OPEN"), (batches, "OPEN")]),
    "watching": (axes.WATCHING, [(axes, "WATCHING"), (traced, "WATCHING")]),
    "staging": (staging._STAGING, [(staging, "_STAGING")]),
    "lanes": (host._RUNNING, [(host, "_RUNNING")]),
    "errors": (_stack.STATE, [(m, "STATE") for m in (errors, transformed, jits)]),
    "watched keys": (checked._WATCHING, [(checked, "_WATCHING")]),
}


@custom_vjp
def doubled(x):
    return x * 2.0


doubled.defvjp(lambda x: (x * 2.0, None), lambda _, ct: (ct * 2.0,))


@custom_jvp
def tripled(x):
    return x * 3.0


tripled.defjvp(lambda primals, tangents: (primals[0] * 3.0, tangents[0] * 3.0))


def looped(x):
    x = scan(lambda c, _: (c * 2.0, None), x, None, length=1)[0]
    x = np.sum(vmap(lambda t: t / psum(1.0, "i"), axis_name="i")(np.ones(2) * x))
    return doubled(tripled(x))


def printed(x):
    debug.callback(lambda x: None, x)
    return x + 1.0


def work():
    """Every way in which something is open; the results are checked."""
    assert jit(grad(looped))(1.0) == 12.0
    assert grad(looped)(1.0) == 12.0
    assert make_jaxpr(looped)(1.0).out_avals[0].shape == ()
    lanes = vmap(lambda x: cond(x > 0.0, lambda: printed(x), lambda: x))
    np.testing.assert_array_equal(lanes(np.array([0.0, 1.0])), [0.0, 2.0])
    steps = vmap(lambda n: while_loop(lambda c: c < n, printed, 0.0))
    np.testing.assert_array_equal(steps(np.arange(3.0)), [0.0, 1.0, 2.0])
    assert random.checked(lambda key: random.normal(key))(random.key(0)).dtype == np.float64


def opened():
    return {name: var.get() for name, (var, _) in VARIABLES.items()}


class Interrupting:
    """A context variable; as soon as it is set for the n-th time, an interrupt comes."""

    def __init__(self, var, n):
        self.var, self.left = var, n
        self.get = var.get

    def set(self, value):
        self.var.set(value)
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", VARIABLES)
def test_as_soon_as_a_variable_is_set(name, monkeypatch):
    work()
    before = opened()
    var, places = VARIABLES[name]
    for n in itertools.count(1):
        proxy = Interrupting(var, n)
        with monkeypatch.context() as patch:
            for module, attribute in places:
                patch.setattr(module, attribute, proxy)
            try:
                work()
            except KeyboardInterrupt:
                assert opened() == before, n
        if proxy.left > 0:
            break
        if n < 6:
            work()
    assert n > 1


def test_every_context_variable_is_in_the_table():
    found = set()
    for _, tree in parsed("ContextVar("):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ContextVar":
                found.add(node.args[0].value)
    assert found == {var.name for var, _ in VARIABLES.values()} - {"numpy.ufunc.extobj"}
    assert all(type(var) is ContextVar for var, _ in VARIABLES.values())


def test_they_are_set_within_try_and_back_in_finally():
    # What the proxies show for these calls holds for whoever sets a variable.
    for path, tree in parsed(".set("):
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            safe, calls = set(), []
            for node in ast.walk(function):
                if isinstance(node, ast.Try):
                    inside = [n for part in node.body for n in ast.walk(part)]
                    back = [n for part in node.finalbody for n in ast.walk(part)]
                    if any(map(is_set, back)):
                        safe.update(inside, back)
                        # Nothing comes before it that could be interrupted.
                        first = node.finalbody[0]
                        while isinstance(first, ast.If):
                            assert not any(isinstance(n, ast.Call) for n in ast.walk(first.test))
                            first = first.body[0]
                        assert is_set(first.value), f"{path.name}:{first.lineno}"
                calls += [node] if is_set(node) else []
            assert safe.issuperset(calls), f"{path.name}:{function.name}"


def parsed(text):
    """The package's files in which ``text`` stands."""
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text()
        if text in source:
            yield path, ast.parse(source)


def is_set(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("set", "reset")
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id.isupper()
    )


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_real_interrupts():
    def handler(*_):
        raise KeyboardInterrupt

    def small():
        vmap(lambda t: psum(t, "i"), axis_name="i")(np.ones(2))
        scan(lambda c, _: (c, None), 1.0, None, length=0)
        jit(lambda x: x)(1.0)

    small()
    before = opened()
    rng = randoms.Random(0)
    most = int(os.environ.get("INTERRUPTS", "1500"))
    begin = time.perf_counter()
    small()
    duration = time.perf_counter() - begin
    old = signal.signal(signal.SIGALRM, handler)
    interrupted = 0
    try:
        for _ in range(most):
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(1e-5, duration))
                small()
                signal.setitimer(signal.ITIMER_REAL, 0.0)
            except KeyboardInterrupt:
                interrupted += 1
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            assert opened() == before
    finally:
        signal.signal(signal.SIGALRM, old)
    assert interrupted > most / 10
    work()
