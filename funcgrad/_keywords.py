"""What to write where a call does not fit the parameters of a function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["instead", "miscalled", "name_of", "near"]

_UNKNOWN = re.compile(r"got an unexpected keyword argument '(.*?)'")

_ELSEWHERE = {
    "axis": ("dim", "dims", "axes", "axis"),
    "key": ("rng", "seed", "prng", "generator", "random_state"),
    "shape": ("size", "shape", "dims"),
    "learning_rate": ("lr", "alpha", "eta", "step_size"),
    "kernel": ("weight", "weights", "filter", "filters"),
    "stride": ("strides", "window_strides"),
    "true_fun": ("true_fn", "on_true"),
    "false_fun": ("false_fn", "on_false"),
    "body_fun": ("body_fn", "body", "fn", "func"),
    "cond_fun": ("cond_fn", "cond", "predicate"),
    "init": ("carry", "init_val", "initial", "init_carry"),
    "init_val": ("init", "carry", "initial"),
    "f": ("fn", "fun", "func", "function", "body"),
    "argnums": ("argnum", "wrt", "args"),
    "rate": ("p", "drop_rate", "prob"),
    "x0": ("init", "x", "guess", "start"),
    "scale": ("sigma", "std", "stddev", "sd"),
    "loc": ("mu", "mean"),
    "b1": ("beta1", "beta_1"),
    "b2": ("beta2", "beta_2"),
}
"""What other libraries, or other functions of this one, call a parameter."""


_HINTS: dict[str, dict[str, str]] = {
    "nn": {
        "Dense": "Write nn.Linear.init(key, inputs, outputs)",
        **{
            f"Conv{n}d": f"Write nn.Conv.init(key, inputs, outputs, {window})"
            for n, window in ((1, "(3,)"), (2, "(3, 3)"), (3, "(3, 3, 3)"))
        },
        **dict.fromkeys(("BatchNorm1d", "BatchNorm2d"), "Write nn.BatchNorm.init(key, features)"),
        **dict.fromkeys(("GRUCell", "LSTMCell"), "Write nn.GRU or nn.LSTM, which have step"),
        "Embed": "Write nn.Embedding.init(key, rows, features)",
        "Module": (
            "There is no class to derive from: any dataclass of arrays and layers is a pytree, and "
            "its __call__ may do anything"
        ),
        "Parameter": "An array is a parameter where it is a field of a dataclass",
    },
    "random": {
        **dict.fromkeys(
            ("seed", "default_rng", "RandomState", "get_state", "set_state"),
            "There is no state: make a key, key = random.key(0), and pass it to every function; "
            "random.split makes new ones",
        ),
        **dict.fromkeys(("randn", "standard_normal"), "Write random.normal(key, shape)"),
        **dict.fromkeys(("rand", "random", "random_sample"), "Write random.uniform(key, shape)"),
        "integers": "Write random.randint(key, shape, minval, maxval)",
        "shuffle": "Write random.permutation(key, x)",
    },
}
"""What to write for names that other libraries have."""


def instead(module: str, name: str, names: Sequence[str]) -> str:
    """What to write for a name that a module does not have."""
    home = module.rpartition(".")[2]
    hint = _HINTS.get(home, {}).get(name)
    if hint:
        return f"{hint}."
    folded = {each.lower().replace("_", ""): each for each in names}
    same = folded.get(name.lower().removeprefix(f"{home}_").replace("_", ""))
    found = same or near(name.lower(), names)
    called = found if home == "funcgrad" else f"{home}.{found}"
    if not found:
        return f"See help({module})."
    return f"Write {called}." if same else f"The nearest is {called}."


def near(name: str, among: Sequence[str]) -> str | None:
    """The parameter among several that somebody who wrote ``name`` is likely to have meant."""
    import difflib

    for parameter in among:
        if name in _ELSEWHERE.get(parameter, ()):
            return parameter
    found = difflib.get_close_matches(name, among, n=1, cutoff=0.6)
    if found:
        return found[0]
    for parameter in among:
        words = parameter.split("_")
        if len(words) > 1 and name == "".join([word[:1] for word in words]):
            return parameter
    return next((p for p in among if len(name) > 1 and (name in p or p.startswith(name))), None)


def name_of(f: Callable[..., Any], args: Sequence[Any]) -> str:
    """What users call ``f``: ``"grad"``, ``"nn.conv"``, ``"scipy.stats.norm.pdf"``."""
    module = f.__module__.partition(".")[2]
    if module.partition(".")[0] in ("api", "control", "compile", "core"):
        module = ""
    owner, _, name = f.__qualname__.replace(".<locals>.", "(...).").rpartition(".")
    if owner and args and next(iter(inspect.signature(f).parameters), "") == "self":
        owner = getattr(args[0], "name", owner)
    return ".".join([part for part in (module, owner, name) if part])


def miscalled(f: Callable[..., Any], args: Sequence[Any], error: str) -> tuple[str, str]:
    """What an error says where a function was called with arguments that it does not take.

    Args:
        f: The function.
        args: The positional arguments.
        error: Python's message.

    Returns:
        What was called and what it got, and what to write instead.
    """
    called = name_of(f, args)
    parameters = [
        p for p in inspect.signature(f).parameters.values() if p.name not in ("self", "cls")
    ]
    got = error.partition("() ")[2] or error
    unknown = _UNKNOWN.search(error)
    taken = "It takes " + ", ".join([_written(p) for p in parameters]) + "."
    if unknown:
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        meant = near(unknown[1], names)
        got = unknown[0]
        return f"{called}: {got}", f"Write {meant}=. {taken}" if meant else taken
    return f"{called}: {got}", taken


def _written(parameter: inspect.Parameter) -> str:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    if parameter.kind is parameter.VAR_KEYWORD:
        return f"**{parameter.name}"
    needed = parameter.default is parameter.empty
    keyword = parameter.kind is parameter.KEYWORD_ONLY
    return parameter.name if needed and not keyword else f"{parameter.name}="
