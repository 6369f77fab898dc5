"""docs/coming-from-jax.md says of every public name of JAX and Optax what it is here."""

import importlib
import importlib.util
import types
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
spec = importlib.util.spec_from_file_location("make_jax_names", DOCS / "make_jax_names.py")
names = importlib.util.module_from_spec(spec)
spec.loader.exec_module(names)
ROWS = names.classify()


def test_the_page_is_up_to_date():
    assert names.PAGE.read_text() == names.page(), "run python docs/make_jax_names.py"


@pytest.mark.parametrize("kind", [names.PRESENT, names.ALIAS])
def test_what_it_calls_present_is_there(kind):
    rows = [row for row in ROWS if row.kind == kind]
    assert rows
    for row in rows:
        path = f"{row.what}.{row.name}" if kind == names.PRESENT else row.what
        here = importlib.import_module("funcgrad")
        for part in path.split(".")[1:]:
            here = getattr(here, part)


def test_every_name_has_one_row():
    paths = [f"{row.module}.{row.name}" for row in ROWS]
    assert len(paths) == len(set(paths)) == sum(map(len, names.listed().values()))
    assert {row.kind for row in ROWS} <= set(names.KINDS)


def test_no_entry_of_the_tables_is_stale():
    listed = {f"{row.module}.{row.name}": row for row in ROWS}
    assert set(names.ALIASES) <= set(listed)
    for kind, why, patterns in names.REASONS:
        unused = [
            pattern
            for pattern in patterns.split()
            if not any(names.fnmatchcase(path, pattern) for path in listed)
        ]
        assert unused == [], (kind, why)


def test_a_name_that_stands_nowhere_is_an_error():
    with pytest.raises(KeyError, match=r"jax\.lax\.nosuch"):
        names._reason("jax.lax.nosuch")


@pytest.mark.peers
def test_the_list_is_that_of_the_libraries():
    import jax
    import optax

    if (jax.__version__, optax.__version__) != names.VERSIONS:
        # Other versions have other names: the list says of which it is.
        assert all(hasattr(jax.numpy, name) for name in ("sin", "einsum"))
        return
    for module, own in names.listed().items():
        library = importlib.import_module(module)
        public = {
            name
            for name in dir(library)
            if name[0] != "_"
            and not name.endswith("_p")
            and (
                module in ("jax", "jax.scipy.stats")
                or not isinstance(getattr(library, name), types.ModuleType)
            )
        }
        # What other tests have imported stands in `jax` too.
        assert set(own) <= public and public - set(own) <= {"collect_profile", "sharding", "scipy"}
