"""The code of README.md, docs/*.md and docstrings runs, and prints what stands below it.

In each page the ```` ```python ```` blocks run in order in one namespace. A block that is followed
by a ```` ```text ```` block must print that text; a block of ``>>>`` lines is a doctest. A block
that is to raise is followed by a ```` ```text error ```` block with the message. A block that
starts with the comment ``# train.py`` is that file, so that what names lines names the block's; any
other stands at its own lines of the page.
"""

import ast
import contextlib
import doctest
import importlib
import io
import itertools
import linecache
import re
from pathlib import Path

import pytest
from samples import every_primitive

from funcgrad.core import primitive

ROOT = Path(__file__).resolve().parents[1]
# Pages whose code needs other libraries; tests/bridge/test_pages.py runs them.
NEEDS = {
    "accelerators.md": ("jax", "torch"),
    "clusters.md": (),  # tests/bridge/test_clusters.py
    "export.md": ("flatbuffers", "jax", "jax2onnx", "onnxruntime"),
}
ALL_PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in ALL_PAGES if page.name not in NEEDS]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page):
    """The fenced blocks of a page, as (what stands behind the fence, line of the code, code)."""
    text = page.read_text()
    return [
        (m["info"].strip(), text[: m.start("body")].count("\n") + 1, m["body"])
        for m in FENCE.finditer(text)
    ]


def docstrings():
    """Every docstring with an example that is written in funcgrad's files.

    They are read from the source: a module's attributes would bring along NumPy's docstrings, which
    wrapped functions show.
    """
    for path in sorted((ROOT / "funcgrad").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node)
                if text and ">>>" in text:
                    name = getattr(node, "name", "module")
                    place = path.relative_to(ROOT)
                    line, marks = node.body[0].lineno, []
                    if place.parts[1] == "bridge":  # it needs other libraries
                        marks = [pytest.mark.bridge]
                    yield pytest.param(place, line, text, id=f"{place}:{name}", marks=marks)


def run_session(body, namespace, place, line=1):
    """Run ``>>>`` lines as a doctest."""
    out = io.StringIO()
    example = doctest.DocTestParser().get_doctest(body, namespace, place, place, line - 1)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    failed = runner.run(example, out=out.write, clear_globs=False).failed
    namespace.update(example.globs)
    assert not failed, out.getvalue()


def run_block(body, line, namespace, page, expected, raises):
    """Run a block of plain code and compare what it prints, or the message that it raises."""
    file = re.match(r"# (\w+\.py)\n", body)
    text, name = (body, file[1]) if file else ("\n" * (line - 1) + body, str(page))
    code = compile(text, name, "exec")
    if file:  # for who asks for its text, as `explain` does for the names of variables
        linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if raises:
            with pytest.raises(Exception) as caught:
                exec(code, namespace)
            print(caught.value)
        else:
            exec(code, namespace)
    if expected is not None:
        assert out.getvalue().rstrip() == expected.rstrip(), f"{page.name}:{line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    every_primitive()  # what a page loads is to stay, what it declares is not
    monkeypatch.setattr(primitive, "REGISTRY", dict(primitive.REGISTRY))
    run_page(page)


def run_page(page):
    """Run the code of a page, and compare what it prints and raises."""
    namespace = {"__name__": "__main__"}
    found = blocks(page)
    for (info, line, body), (below, _, text) in itertools.pairwise([*found, ("", 0, "")]):
        if info != "python":
            continue
        if body.lstrip().startswith(">>>"):
            run_session(body, namespace, page.name, line)
        else:
            expected = text if below.startswith("text") else None
            run_block(body, line, namespace, page, expected, below == "text error")


@pytest.mark.parametrize(("path", "line", "text"), list(docstrings()))
def test_docstring(path, line, text):
    parts = path.with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    run_session(text, dict(vars(importlib.import_module(module))), str(path), line)


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_reach_a_file(page):
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)[^)]*\)", FENCE.sub("", page.read_text()))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_a_block_that_prints_something_else_fails(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\n")
    [(_, line, body), (_, _, text)] = blocks(page)
    assert line == 2
    with pytest.raises(AssertionError, match=r"page\.md:2"):
        run_block(body, line, {}, page, text, False)
    run_block(body, line, {}, page, "1\n", False)


def test_a_block_may_be_a_file(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("\n\n```python\n# train.py\nraise ValueError\n```\n")
    [(_, line, body)] = blocks(page)
    with pytest.raises(ValueError) as caught:
        run_block(body, line, {}, page, None, False)
    assert (str(caught.traceback[-1].path), caught.traceback[-1].lineno + 1) == ("train.py", 2)


def test_a_session_that_prints_something_else_fails():
    with pytest.raises(AssertionError, match="Expected"):
        run_session(">>> 1 + 1\n3\n", {}, "page.md:1")
    namespace = {}
    run_session(">>> a = 2\n>>> a\n2\n", namespace, "page.md:1")
    assert namespace["a"] == 2


def test_the_files_to_read_for_grad_are_as_long_as_the_page_says():
    page = (ROOT / "docs" / "how-grad-works.md").read_text()
    rows = re.findall(r"^\| `([\w/]+\.py)` \| (\d+) \|", page, re.MULTILINE)
    assert len(rows) == 5
    for name, lines in rows:
        assert len((ROOT / "funcgrad" / name).read_text().splitlines()) == int(lines), name
