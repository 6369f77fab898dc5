"""Nothing of the user's reaches generated source as it is: names, numbers, file names, reprs."""

import ast
import enum
import functools
import sys
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass, field, make_dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import every_primitive, every_sample

import funcgrad as fg
from funcgrad import grad, jit, vmap
from funcgrad.compile.source.naming import KERNELS, Names, identifier
from funcgrad.core.ir import Aval, make_aval
from funcgrad.core.plain import one_line, plain, plain_shape
from funcgrad.core.primitive import literal
from funcgrad.errors import MissingRuleError

# Names that mean something in source, or that Python takes for one another.
SPECIAL = [
    *("np", "sqrt", "special", "i", "v", "part", "a", "b", "x", "x_all", "x_part", "f"),
    *("f_in_numpy", "pure_callback_0", "step", "lambda", "match", "type", "_", "__class__"),
    *("print", "float", "__debug__", "None", "mask_mul", "power", "np_", "", "a b", "a-b", "1"),
    *("\uff41", "\uff4e\uff50", "\u00b5", "\u03bc", "\ufb01", "fi", "\u212b", "\u00c5", "A\u030a"),
    *("\u2160", "I", "\u017f", "s", "\u2071", "\ud800", "\n", "x\n", "a\x00", "\u00aa", "\ufdfa"),
]
NAMES = st.one_of(st.sampled_from(SPECIAL), st.text(max_size=4), st.text("abxy\uff41_", max_size=2))


def runs(text, name, *args):
    """What the function ``name`` of a generated source gives, run by itself."""
    space = {}
    exec(compile(text, "source", "exec"), space)
    return space[name](*args)


def function_of(text):
    """The name of the first function that is a compiled program."""
    defined = [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
    return next(name for name in defined if name not in KERNELS)


class TestNames:
    def test_python_takes_every_name_as_it_is_written(self):
        # NFKC is what the parser makes of a name; each character, in first place and in second.
        wide = [chr(c) for c in range(128, sys.maxunicode + 1)]
        names = {identifier(text) for c in wide for text in (c, f"a{c}")}
        parsed = ast.parse("\n".join(sorted(names)))
        assert [n.value.id for n in parsed.body] == sorted(names)
        assert all(unicodedata.normalize("NFKC", n) == n for n in names)

    @given(st.lists(NAMES, max_size=30))
    def test_each_name_is_given_once_and_means_nothing_yet(self, wanted):
        names = Names()
        given_ = [n for w in wanted for n in (names.like(w), names.fresh())]
        assert len({unicodedata.normalize("NFKC", n) for n in given_}) == len(given_)
        for name in given_:
            assert ast.parse(f"{name} = 1").body[0].targets[0].id == name
            assert name not in KERNELS and name not in dir(__builtins__) and name != "np"

    def test_long_names_are_cut(self):
        assert len(identifier("w" * 100_000)) < 100 and len(identifier("\ufdfa" * 100)) < 100

    @given(st.lists(NAMES, unique=True, min_size=1, max_size=5), NAMES)
    def test_keywords_and_functions_of_any_name(self, keys, name):
        def f(**kw):
            return sum((i + 2.0) * np.sin(kw[key]) / kw[key] for i, key in enumerate(keys))

        f.__name__ = name
        args = {key: np.arange(1.0, 3.0) + i for i, key in enumerate(keys)}
        g = jit(f)
        np.testing.assert_array_equal(g(**args), f(**args))
        text = g.source(**args)
        traced = [args[key] for key in sorted(keys)]
        np.testing.assert_array_equal(runs(text, function_of(text), *traced)[0], f(**args))

    @given(st.lists(NAMES, unique=True, min_size=1, max_size=5))
    def test_keys_of_any_text(self, keys):
        def f(params):
            return {key: params[key] * (i + 1.0) + 1 / params[key] for i, key in enumerate(keys)}

        args = {key: np.float64(i + 1) for i, key in enumerate(keys)}
        assert jit(f)(args) == f(args)

    @given(st.lists(NAMES.filter(len), unique=True, min_size=3, max_size=3))
    def test_arguments_of_any_name(self, names):
        def f(a, b, c):
            return (a - 2 * b) / c

        try:
            f.__code__ = f.__code__.replace(co_varnames=tuple(names))
        except ValueError:  # two names that Python does not tell apart
            return
        args = np.float64(1.0), np.arange(3.0), np.float64(4.0)
        np.testing.assert_array_equal(jit(f)(*args), f(*args))

    @given(st.lists(NAMES, min_size=3, max_size=3), NAMES)
    def test_bodies_of_any_name(self, names, argument):
        def body(c, x):
            return c * x + np.sin(c), c

        def then(x):
            return x * 2.0

        def otherwise(x):
            return x - 1.0

        for f, name in zip((body, then, otherwise), names, strict=True):
            f.__name__ = name

        def f(**kw):
            x = kw[argument]
            c, ys = fg.scan(body, 1.0, x)
            return fg.cond(c > 1.0, then, otherwise, c) + np.sum(ys)

        x = np.arange(4.0)
        np.testing.assert_allclose(jit(f)(**{argument: x}), f(**{argument: x}), rtol=1e-15)

    def test_a_primitive_without_text_and_an_argument_of_its_name(self):
        shape = fg.ShapeDtypeStruct((), np.float64)

        def f(pure_callback_0):
            twice = fg.pure_callback(lambda x: 2.0 * x, shape, pure_callback_0)
            return twice + pure_callback_0

        assert jit(f)(3.0) == 9.0

    def test_keys_that_are_no_text(self):
        class Key:
            def __str__(self):
                raise AssertionError("a key was printed")

            __repr__ = __str__

            def __lt__(self, other):
                return id(self) < id(other)

        args = {Key(): np.arange(2.0), Key(): np.arange(2.0) + 3.0}
        f = jit(lambda d: sum(d.values()))
        np.testing.assert_array_equal(f(args), [3.0, 5.0])
        assert "Key" in f.source(args)


def explode(self, *args):
    raise AssertionError("a method of a class of the user's was called")


HOSTILE = dict.fromkeys(("__repr__", "__str__", "__format__", "__index__", "__int__"), explode)


def hostile(value):
    """``value`` with instances of classes of the user's in the place of numbers and text."""
    if type(value) in (tuple, slice):
        parts = value if type(value) is tuple else (value.start, value.stop, value.step)
        parts = [hostile(part) for part in parts]
        return tuple(parts) if type(value) is tuple else slice(*parts)
    return _hostile_class(type(value))(value) if type(value) in (int, float, str) else value


@functools.cache
def _hostile_class(cls):
    own = dict(HOSTILE)
    if cls is not int:
        own.pop("__index__")
    if cls is float:
        own["__float__"] = explode
    return type(f"Hostile{cls.__name__.title()}", (cls,), own)


def is_plain(value):
    if type(value) is tuple:
        return all(map(is_plain, value))
    if type(value) is slice:
        return is_plain((value.start, value.stop, value.step))
    return not type(value).__name__.startswith("Hostile")


class TestParameters:
    def test_plain(self):
        value = (1, (2.0, "x", None, True), slice(1, None, -1), np.float32(2), 1j, Ellipsis)
        assert plain(value) == value and plain(value[1]) is value[1]
        assert is_plain(plain(hostile(value))) and plain(hostile(value)) == value

    def test_subclasses_of_numpys_numbers(self):
        cls = type("F", (np.float32,), dict(HOSTILE))
        found = plain(cls(1.5))
        assert type(found) is np.float32 and found == 1.5

    def test_shapes(self):
        given_ = (hostile(2), np.int64(3), True, 4)
        assert [(type(n), n) for n in plain_shape(given_)] == [(int, n) for n in (2, 3, 1, 4)]

    def test_types_are_interned_in_plain_ints(self):
        dtype = np.dtype(np.float64, metadata={"of": "the user's"})
        made = make_aval(hostile((31, 41, 59)), dtype)
        assert is_plain(made.shape) and made.dtype.metadata is None
        assert make_aval((31, 41, 59), np.dtype(np.float64)) is made
        assert made == Aval((31, 41, 59), np.dtype(np.float64))

    @pytest.mark.parametrize("name", sorted(every_primitive()))
    def test_fields_of_every_primitive(self, name):
        # Made again with classes of the user's in every field, it is equal and has the same text.
        found = [s for s in every_sample() if s.primitive == name]
        for sample in found:
            for p in primitives_of(sample):
                again = type(p)(*map(hostile, p.parameters()))
                assert is_plain(again.parameters()), (name, again.parameters())
                assert again == p
                operands = ["x", "y", "z", "w"]
                assert text_of(again, operands) == text_of(p, operands)

    @pytest.mark.parametrize("value", [object(), [1], {1}, Ellipsis, print, np.dtype("U3")])
    def test_what_has_a_text(self, value):
        if value is Ellipsis:
            assert literal(value) == "Ellipsis"
        else:
            with pytest.raises(MissingRuleError, match="has no text in source"):
                literal((1, value))

    def test_texts_are_read_back(self):
        value = (1, 2.5, "a\n'\"", None, (), (True,), 1j, np.int8(3), np.dtype(np.int16), -0.0)
        assert repr(eval(literal(value), {"np": np})) == repr(value)


def primitives_of(sample):
    """The primitives of that name in the program of a sample, nested programs included."""
    pending, found = [fg.make_jaxpr(sample.function)(*sample.args)], []
    while pending:
        for eqn in pending.pop().equations:
            found += [eqn.primitive] if eqn.primitive.name == sample.primitive else []
            pending.extend([p for _, p in eqn.primitive.bodies()])
    return found


def text_of(primitive, operands):
    """The source of a primitive with the number of operands that it takes."""
    for n in range(1, len(operands) + 1):
        try:
            return primitive.source(*operands[:n])
        except (ValueError, TypeError, IndexError):
            continue
        except NotImplementedError:
            return None
    return None


class Number(enum.IntEnum):
    ONE, TWO, THREE = 1, 2, 3


class Word(enum.StrEnum):
    ORTHO, EDGE, MEAN = "ortho", "edge", "mean"


H = hostile
X = np.arange(27.0).reshape(3, 3, 3)
# What users can write a number or a word in, and the same with plain ones.
PLACES = {
    "broadcast_to": (lambda n, w, x: np.broadcast_to(x, (n(2), n(3), n(3), n(3)))),
    "reshape": (lambda n, w, x: np.reshape(x, (n(9), n(3)))),
    "sum": (lambda n, w, x: np.sum(x, axis=n(1))),
    "sum of axes": (lambda n, w, x: np.sum(x, axis=(n(1), n(2)))),
    "transpose": (lambda n, w, x: np.transpose(x, (n(1), n(0), n(2)))),
    "moveaxis": (lambda n, w, x: np.moveaxis(x, n(1), n(2))),
    "an index": (lambda n, w, x: x[n(1)]),
    "a slice": (lambda n, w, x: x[n(1) : n(3) : n(1), ..., n(2)]),
    "at": (lambda n, w, x: fg.numpy.at(x)[n(1), : n(2)].add(1.0)),
    "concatenate": (lambda n, w, x: np.concatenate([x, x], axis=n(1))),
    "pad": (lambda n, w, x: np.pad(x, n(1), mode=w("edge"))),
    "fft": (lambda n, w, x: np.fft.fft(x, n=n(4), axis=n(1), norm=w("ortho"))),
    "cumsum": (lambda n, w, x: np.cumsum(x, axis=n(1))),
    "sort": (lambda n, w, x: np.sort(x, axis=n(1))),
    "argmax": (lambda n, w, x: np.argmax(x, axis=n(1))),
    "roll": (lambda n, w, x: np.roll(x, n(1), axis=n(2))),
    "round": (lambda n, w, x: np.round(x, n(1))),
    "power": (lambda n, w, x: x ** n(2)),
    "einsum": (lambda n, w, x: np.einsum(w("ijk,jkl->il"), x, x)),
    "diagonal": (lambda n, w, x: np.diagonal(x, n(1), n(0), n(2))),
    "expand_dims": (lambda n, w, x: np.expand_dims(x, n(1))),
    "squeeze": (lambda n, w, x: np.squeeze(x[:1], axis=n(0))),
    "repeat": (lambda n, w, x: np.repeat(x, n(2), axis=n(1))),
    "tile": (lambda n, w, x: np.tile(x, (n(2), n(1), n(1)))),
    "split": (lambda n, w, x: np.split(x, n(3), axis=n(1))[0]),
    "flip": (lambda n, w, x: np.flip(x, axis=n(1))),
    "full": (lambda n, w, x: np.full_like(x, 2.0, shape=(n(2), n(3))) * x[0, 0]),
    "tensordot": (lambda n, w, x: np.tensordot(x, x, axes=n(2))),
    "quantile": (lambda n, w, x: np.quantile(x, 0.3, axis=n(1))),
    "diff": (lambda n, w, x: np.diff(x, n(2), axis=n(1))),
    "softmax": (lambda n, w, x: fg.nn.softmax(x, axis=n(1))),
    "vmap": (lambda n, w, x: vmap(np.sum, axis_name=w("ortho"))(x)),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("kind", ["members of enumerations", "subclasses of numbers"])
def test_numbers_and_words_of_the_users_classes(name, kind):
    def member(value):
        try:
            return Number(value)
        except ValueError:
            return value

    def word(value):
        return Word(value) if value in list(Word) else value

    f = PLACES[name]
    quiet = {int: type("Quiet", (int,), {"__repr__": lambda self: "1/0"})}
    quiet[str] = type("Words", (str,), {"__repr__": lambda self: "1/0"})
    n, w = (member, word) if kind.startswith("members") else (quiet[int], quiet[str])
    expected = f(int, str, X)
    g = jit(lambda x: f(n, w, x))
    np.testing.assert_allclose(g(X), expected, rtol=1e-14)
    assert "1/0" not in g.source(X)
    # A program that never heard of those classes, of the same types.
    np.testing.assert_allclose(jit(lambda x: f(int, str, x))(X), expected, rtol=1e-14)
    if expected.dtype == X.dtype:
        plainly = grad(lambda x: np.sum(f(int, str, x) ** 2))(X)
        np.testing.assert_array_equal(grad(lambda x: np.sum(f(n, w, x) ** 2))(X), plainly)


NEWLINE = "train.py\nraise SystemExit('run')\n\u2028\x00\x0c#"


def compiled_in(filename, text):
    """The function ``f`` of a text whose code says that it stands in ``filename``."""
    space = {"np": np}
    exec(compile(text, filename.replace("\0", ""), "exec"), space)  # compile refuses it
    return space["f"]


class TestComments:
    def test_file_names_and_code_names(self):
        f = compiled_in(NEWLINE, "def f(x):\n    return np.sin(x) * 2.0")
        f.__code__ = f.__code__.replace(co_name=NEWLINE)
        f.__name__ = f.__qualname__ = NEWLINE
        g = jit(f)
        assert g(1.0) == f(1.0)
        text = g.source(1.0)
        assert "\\nraise SystemExit('run')\\n" in text
        assert runs(text, function_of(text), 1.0) == (f(1.0),)
        assert len(str(g.lower(1.0)).splitlines()) == 5
        assert len(str(fg.make_jaxpr(f)(1.0)).splitlines()) == 5

    def test_errors_name_a_place_in_one_line(self):
        f = compiled_in(NEWLINE, "def f(x, i):\n    return x[i]")
        with pytest.raises(IndexError) as caught:
            jit(f)(np.arange(3.0), 7)
        assert "\nraise" not in str(caught.value)

    def test_names_of_callbacks(self):
        def host(x):
            return 2.0 * x

        host.__name__ = host.__qualname__ = NEWLINE
        f = jit(lambda x: fg.pure_callback(host, fg.ShapeDtypeStruct((), np.float64), x))
        assert f(2.0) == 4.0
        ast.parse(f.source(2.0))

    def test_one_line(self):
        assert one_line("caf\u00e9 \u03bb") == "caf\u00e9 \u03bb"
        assert one_line("a\r\n\x85\u2029\ud800") == r"a\r\n\x85\u2029\ud800"


class Hostile:
    """Hashable, and none of its methods that give text may be called."""

    __repr__ = __str__ = __format__ = explode

    def __hash__(self):
        return 3

    def __eq__(self, other):
        return self is other


class TestObjects:
    """Positions in which any object may stand."""

    def test_static_arguments(self):
        key = Hostile()
        f = jit(lambda x, how, *, why: x * 2.0 if how is why else x, static_argnames=("how", "why"))
        assert f(1.0, key, why=key) == 2.0 == f(1.0, key, why=key)
        ast.parse(f.source(1.0, key, why=key))

    def test_leaves_and_results(self):
        key = Hostile()
        f = jit(lambda x, leaf: {"y": x * 2.0, "leaf": leaf})
        for _ in range(2):
            assert f(1.0, key) == {"y": 2.0, "leaf": key}

    def test_keys(self):
        keys = [H("a"), H("b"), Word.EDGE, Number.TWO, Hostile()]
        for container in (dict, OrderedDict):
            args = container((key, float(i + 1)) for i, key in enumerate(keys[:3]))
            f = jit(lambda d: type(d)((k, 2.0 * v) for k, v in d.items()))
            for _ in range(2):
                assert list(f(args).items()) == [(k, 2 * v) for k, v in args.items()]
        for key in keys[3:]:
            assert jit(lambda d: {k: 2 * v for k, v in d.items()})({key: 1.0}) == {key: 2.0}

    def test_names_of_keywords(self):
        f = jit(lambda **kw: kw["a"] * 2.0 + kw["b"])
        for _ in range(2):
            assert f(**{H("a"): 1.0, H("b"): 2.0}) == 4.0

    def test_dataclasses(self):
        key = Hostile()

        @dataclass
        class Params:
            w: float
            how: Hostile = field(metadata={"static": True})

        odd = make_dataclass("Odd", [("w", float)])
        shown = odd.__dataclass_fields__["w"]
        shown.name = H("w")
        for p in (Params(2.0, key), odd(2.0)):
            f = jit(lambda p, x: p.w * x)
            for _ in range(2):
                assert f(p, 3.0) == 6.0

    def test_functions(self):
        class Callable:
            __name__ = H("f\n")
            __qualname__ = H("f\n")

            def __call__(self, x):
                return 2.0 * x

        for name in (H("name"), 3, None, Hostile()):
            Callable.__name__ = H("name") if name is None else "c"
            f = Callable()
            f.__name__ = name
            g = jit(f)
            assert g(1.0) == 2.0
            ast.parse(g.source(1.0))

    def test_names_of_axes(self):
        key = Hostile()
        f = jit(vmap(lambda x: x - fg.lax.psum(x, key), axis_name=key))
        np.testing.assert_array_equal(f(np.arange(3.0)), np.arange(3.0) - 3.0)

    def test_dtypes(self):
        class Odd:
            dtype = np.dtype(np.float32, metadata={"k": Hostile()})

        f = jit(lambda x: x.astype(Odd()) + np.zeros(2, Odd.dtype))
        assert f(np.arange(2.0)).dtype == np.float32
        ast.parse(f.source(np.arange(2.0)))
        made = np.ones(2, np.dtype(np.float64, metadata={"k": Hostile()}))
        assert jit(lambda x: x * 2.0)(made).sum() == 4.0
