"""The measuring room's arithmetic, and every workload's answer at a small size; never its speed.

Time in the room's tests is a fake clock that only the contestants move, so what the room must
report is known exactly.
"""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import time

import numpy as np
import pytest

from benchmarks import (
    child,
    measure,
    peers,
    report,
    w1_lecture,
    w2_neuron,
    w3_spiral,
    w4_mlp,
    w5_elementwise,
    w6_chain,
    w7_hessian,
    w8_per_example,
    w9_start,
    w11_loops,
    w12_calls,
    w13_ode,
)
from benchmarks.__main__ import busy, main
from benchmarks.cases import (
    FIRST_CALL,
    Bar,
    Case,
    Extent,
    Key,
    Programs,
    Workload,
    agree,
    contestants,
    judge,
)
from benchmarks.measure import Contestant, DisagreementError, Settings, Timing
from benchmarks.workloads import all_workloads, find_case

HOME = ("by hand", "funcgrad")


# --- the arithmetic ------------------------------------------------------------------------------


def test_ratio_is_the_ratio_of_medians_with_the_range_over_rounds():
    ours, theirs = [1.0, 2.0, 9.0], [4.0, 5.0, 6.0]
    r = measure.ratio([(ours, theirs)])
    assert r == measure.Ratio(2.0 / 5.0, 1.0 / 4.0, 9.0 / 6.0)


def test_ratio_of_several_pairs_is_their_geometric_mean_by_round():
    pairs = [([2.0, 2.0], [1.0, 1.0]), ([1.0, 2.0], [8.0, 4.0])]
    r = measure.ratio(pairs)
    assert r.value == pytest.approx(math.sqrt(2.0 * 1.5 / 6.0))
    assert (r.low, r.high) == (pytest.approx(0.5), pytest.approx(1.0))


def test_ratio_uses_the_rounds_that_both_have_for_the_spread():
    r = measure.ratio([([1.0, 3.0, 5.0], [2.0])])
    assert r == measure.Ratio(1.5, 0.5, 0.5)


def test_geometric_mean():
    assert measure.geometric_mean([1.0, 10.0, 100.0]) == pytest.approx(10.0)


def test_turn_order_is_fair():
    count, turns = 4, 8
    orders = [measure.turn_order(count, turn) for turn in range(turns)]
    assert orders[:3] == [[0, 1, 2, 3], [3, 2, 1, 0], [1, 2, 3, 0]]
    for order in orders:
        assert sorted(order) == list(range(count))
    for place in range(count):
        held = [order[place] for order in orders]
        assert all(held.count(i) == turns // count for i in range(count))
    neighbours = {pair for order in orders for pair in itertools.pairwise(order)}
    assert all((j, i) in neighbours for i, j in neighbours)


@pytest.mark.parametrize("cost", [1e-7, 1e-3, 0.3, 5.0])
def test_calibrate(cost):
    count = measure.calibrate(lambda n: n * cost, 0.5)
    assert count == max(1, round(0.5 / cost))


def test_calibrate_believes_the_shorter_of_two_trials():
    trials = iter([9.0, 0.25])
    assert measure.calibrate(lambda n: next(trials), 0.5) == 2


# --- the room ------------------------------------------------------------------------------------


class FakeTime:
    """A clock that stands still until a contestant works; it also keeps a diary."""

    def __init__(self):
        self.now = 0.0
        self.diary = []

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.diary.append(("sleep", seconds))

    def contestant(self, name, costs, finish=0.0):
        costs = iter(costs)

        def step(state):
            self.now += next(costs)
            self.diary.append((name, state))
            return state + 1

        def wait(state):
            self.now += finish

        return Contestant(name, step, start=lambda: 0, finish=wait)


def constant(cost):
    while True:
        yield cost


def test_measure_gives_each_contestant_its_cost_by_round():
    fake = FakeTime()
    settings = Settings(rounds=3, batches=2, batch_seconds=8.0, settle_seconds=0.5)
    rivals = [fake.contestant("a", constant(1.0)), fake.contestant("b", constant(4.0), finish=2.0)]
    a, b = measure.measure("case", rivals, settings, clock=fake.clock, sleep=fake.sleep)
    assert (a.case, a.contestant, a.quantity, a.batch) == ("case", "a", "call", 8)
    assert a.seconds == [1.0] * 3
    # One call with its wait takes 6 of the wanted 8 seconds: a batch is one call.
    assert b.batch == 1
    assert b.seconds == [6.0] * 3
    assert a.median == 1.0


def test_measure_interleaves_and_settles_before_each_turn():
    fake = FakeTime()
    settings = Settings(rounds=2, batches=1, batch_seconds=1.0, settle_seconds=0.5)
    rivals = [fake.contestant(name, constant(1.0)) for name in "abc"]
    measure.measure("case", rivals, settings, clock=fake.clock, sleep=fake.sleep)
    first = fake.diary.index(("sleep", 0.5))
    rounds = [who for who, _ in fake.diary[first:]]
    turns = [["sleep", who] for who in "abccba"]
    assert rounds == [word for turn in turns for word in turn]


def test_state_goes_on_from_batch_to_batch():
    fake = FakeTime()
    settings = Settings(rounds=3, batches=2, batch_seconds=4.0)
    rivals = [fake.contestant("a", constant(1.0))]
    measure.measure("case", rivals, settings, clock=fake.clock, sleep=fake.sleep)
    states = [state for who, state in fake.diary if who == "a"]
    assert states == list(range(len(states)))


def test_a_turn_is_the_median_of_its_batches():
    fake = FakeTime()
    # A call that outlasts a batch: once to warm up, twice to calibrate, then three turns.
    costs = [1.0, 1.0, 1.0, 1.0, 1.2, 7.0, 1.0, 1.0, 1.0]
    settings = Settings(rounds=2, batches=3, batch_seconds=1.0)
    rivals = [fake.contestant("a", iter(costs))]
    (a,) = measure.measure("case", rivals, settings, clock=fake.clock, sleep=fake.sleep)
    # The first turn stops as soon as its batches have used up its three seconds.
    assert a.seconds == [pytest.approx(1.2), pytest.approx(1.0)]


def test_leaves_reads_nests_in_key_order():
    got = measure.leaves({"b": (1.0, [2.0]), "a": np.arange(2), "none": None})
    assert [leaf.tolist() for leaf in got] == [[0, 1], 1.0, 2.0]


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ([np.ones(2)], "case: b gives 1 arrays, a gives 2"),
        ([np.ones(3), np.ones(())], "case: result 0 of b is float64[3], of a float64[2]"),
        (
            [np.ones(2, np.float32), np.ones(())],
            "case: result 0 of b is float32[2], of a float64[2]",
        ),
        ([np.ones(2), np.array(1.5)], "case: result 1 of b differs from a's by up to 0.5"),
        ([np.ones(2), np.array(np.nan)], "case: result 1 of b differs from a's by up to nan"),
    ],
)
def test_check_names_what_differs(other, text):
    with pytest.raises(DisagreementError) as caught:
        measure.check("case", {"a": [np.ones(2), np.ones(())], "b": other}, 1e-9, 0.0)
    assert str(caught.value) == text


def test_check_allows_the_tolerance():
    measure.check("case", {"a": [np.ones(2)], "b": [np.ones(2) + 1e-7]}, 1e-6, 0.0)


# --- bars and tables -----------------------------------------------------------------------------


def judged(ours, theirs, limit, *, lower_bound=False, ours_at_least=False, theirs_at_least=False):
    a, b = Key("case", "ours"), Key("case", "theirs")
    bar = Bar("ours / theirs", ((a, b),), limit, lower_bound)
    results = {
        a: Timing(*a, ours, at_least=ours_at_least),
        b: Timing(*b, theirs, at_least=theirs_at_least),
    }
    (outcome,) = judge(Workload("W", "title", (), (bar,)), results)
    return outcome


def test_judge():
    assert judged([1.0], [2.0], 0.5).verdict == "yes"
    assert judged([1.1], [2.0], 0.5).verdict == "no"
    assert judged([1.0], [2.0], 0.5, lower_bound=True).verdict == "yes"
    assert judged([1.1], [2.0], 0.5, lower_bound=True).verdict == "undecided"
    assert judged([1.1], [2.0], 0.5, theirs_at_least=True).verdict == "undecided"
    assert judged([1.0], [2.0], 0.5, ours_at_least=True).verdict == "undecided"
    assert judged([1.1], [2.0], 0.5, ours_at_least=True).verdict == "no"


def test_judge_without_a_time():
    bar = Bar("ours / theirs", ((Key("case", "ours"), Key("case", "theirs")),), 1.0)
    results = {Key("case", "ours"): Timing("case", "ours", "call", [1.0])}
    (outcome,) = judge(Workload("W", "title", (), (bar,)), results)
    assert (outcome.ratio, outcome.verdict) == (None, "not measured")


def test_bar_table():
    outcomes = [judged([1.0, 3.0], [10.0, 10.0], 0.15), judged([0.1], [10.0], 8.0)]
    assert report.bar_table(outcomes).splitlines() == [
        "|   | ours / theirs | ratio  | spread        | bar     | reached |",
        "|---|---------------|--------|---------------|---------|---------|",
        "| W | ours / theirs | 0.200  | 0.100-0.300   | <= 0.15 | no      |",
        "| W | ours / theirs | 0.0100 | 0.0100-0.0100 | <= 8    | yes     |",
    ]


def test_time_table():
    results = {
        Key("c", "funcgrad"): Timing("c", "funcgrad", "call", [2e-6, 3e-6, 4e-6]),
        Key("c", "funcgrad.jit"): Timing("c", "funcgrad.jit", "call", [1e-6]),
        Key("c", "funcgrad.jit", FIRST_CALL): Timing("c", "funcgrad.jit", FIRST_CALL, [0.5]),
        Key("c", "jax"): Timing("c", "jax", "call", [5e-6]),
        Key("c", "jax", FIRST_CALL): Timing("c", "jax", FIRST_CALL, [60.0], at_least=True),
        Key("d", "jax"): Timing("d", "jax", "call", [1.0]),
    }
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in report.time_table(results).splitlines()
    ]
    assert rows[2:] == [
        ["c", "funcgrad", "3.00 us", "2.00 us - 4.00 us", "3.00", "-"],
        ["c", "funcgrad.jit", "1.00 us", "1.00 us - 1.00 us", "1.00", "500 ms"],
        ["c", "jax", "5.00 us", "5.00 us - 5.00 us", "5.00", "> 60.0 s"],
        ["d", "jax", "1.00 s", "1.00 s - 1.00 s", "-", "-"],
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (123.4, "123 s"),
        (1.0, "1.00 s"),
        (0.9996, "1.00 s"),
        (0.0999, "99.9 ms"),
        (12.34e-6, "12.3 us"),
        (5e-10, "0.50 ns"),
    ],
)
def test_seconds_text(seconds, text):
    assert report.seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01234, "0.0123"), (0.4, "0.400"), (1.0, "1.00"), (12.34, "12.3"), (785.9, "786")],
)
def test_ratio_text(value, text):
    assert report.ratio_text(value) == text


def test_markdown_escapes_bars():
    assert report.markdown(["a|b"], [["c"]]).splitlines()[0] == "| a\\|b |"


# --- peers ---------------------------------------------------------------------------------------


def test_peers_are_chosen_by_name(monkeypatch):
    monkeypatch.setattr(peers, "importable", lambda: ("jax", "autograd"))
    assert peers.choose(None) == ("jax", "autograd")
    assert peers.choose("none") == ()
    assert peers.choose("autograd, jax") == ("autograd", "jax")
    with pytest.raises(ValueError, match="torch is not installed; installed are jax, autograd"):
        peers.choose("torch")
    with pytest.raises(ValueError, match="unknown peer 'tensorflow'"):
        peers.choose("tensorflow")


# --- the workloads -------------------------------------------------------------------------------

SMALL = [
    w1_lecture.case(),
    w2_neuron.case(),
    w3_spiral.case("W3 small", points=7, hidden=5),
    w4_mlp.case("W4 small", sizes=(6, 5, 4, 3), batch=8),
    w5_elementwise.case(1000, "float32"),
    w5_elementwise.case(1000, "float64"),
    w5_elementwise.case(20_000, "float32"),
    w5_elementwise.case(20_000, "float64"),
    w6_chain.eager_case(100),
    w6_chain.jitted_case(100),
    w7_hessian.case("W7 small", n=6),
    w8_per_example.case("W8 small", width=5, batch=4),
    w12_calls.dot_case("W12 small", size=5),
    w12_calls.dot_case("W12 small, dense", size=5, dense=True),
    w13_ode.case("odeint", 3),
    w13_ode.case("RK45", 3),
]


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_funcgrad_equals_the_hand_written_code(case):
    results = agree(case, contestants(case, HOME))
    assert any(name.startswith("funcgrad") for name in results)
    assert any(not name.startswith("funcgrad") for name in results)


@pytest.mark.parametrize(
    "case",
    [
        w11_loops.neuron_case("W11 small neuron", count=7),
        w11_loops.spiral_case("W11 small spiral", points=7, count=3),
        w12_calls.calls_case(w12_calls.GRADIENT, "grad"),
        w12_calls.calls_case(w12_calls.BATCH, "vmap"),
        w12_calls.calls_case(w12_calls.PROGRAM, "trace"),
    ],
    ids=lambda case: case.name,
)
def test_both_sides_of_funcgrad_agree(case):
    assert len(agree(case, contestants(case, HOME))) == 2


def test_the_traced_chain_computes_the_gradient():
    (by_hand,) = w6_chain.by_hand(100)
    (traced,) = w6_chain.traced_funcgrad(100)
    expected, got = measure.run_steps(by_hand, 1), measure.run_steps(traced, 1)
    measure.check("trace", {"by hand": expected, "funcgrad": got}, 1e-9, 1e-12)


def test_the_chain_in_x_alone():
    n = 100
    x, a, b = w6_chain.POINT
    slope = a ** (n // 2)
    value = x * slope + b * (1.0 - slope) / (1.0 - a)
    (compiled,) = w6_chain.jitted_funcgrad_in_x(n)
    expected = [np.asarray(value), np.asarray(slope)]
    got = measure.run_steps(compiled, 1)
    measure.check("in x alone", {"closed form": expected, "funcgrad": got}, 1e-9, 0.0)


def test_the_lecture_gradient_by_hand():
    (flat,) = w1_lecture.by_hand()
    assert flat.step(None) == pytest.approx((84.24446, 107.40006, 148.97785), abs=1e-5)


def test_the_neuron_by_hand_starts_from_the_lectures_loss():
    loss = w2_neuron.neuron_loss(np, w2_neuron.X, w2_neuron.Y)
    assert loss(w2_neuron.start()) == pytest.approx(0.17980, abs=1e-5)


def test_a_contestant_that_computes_something_else_is_not_timed():
    case = Case(
        "two answers",
        {
            "by hand": lambda: [Contestant("one", lambda _: 1.0)],
            "funcgrad": lambda: [Contestant("two", lambda _: 2.0)],
        },
    )
    with pytest.raises(DisagreementError, match="result 0 of two differs from one's by up to 1"):
        agree(case, contestants(case, HOME))


@pytest.mark.parametrize("extent", [Extent(quick=True), Extent(), Extent(full=True)])
def test_names_are_unique_and_bars_point_at_cases(extent):
    workloads = all_workloads(extent)
    assert list(workloads) == [f"W{i}" for i in range(1, 14)]
    names = [case.name for w in workloads.values() for case in w.cases]
    assert len(names) == len(set(names))
    if extent.quick:
        return
    for workload in workloads.values():
        for bar in workload.bars:
            for key in (key for pair in bar.pairs for key in pair):
                assert key.case in names, bar.what


def test_what_a_child_looks_up_is_there():
    everything = all_workloads(Extent(full=True))
    for workload in all_workloads(Extent(quick=True)).values():
        assert workload.name in everything
        for case in workload.cases:
            if isinstance(case, Case) and case.first_call:
                assert find_case(case.name, Extent(full=True)).name == case.name


def test_the_growth_of_compile_times_is_told_as_an_extrapolation():
    def first(case, seconds):
        key = Key(case, "jax.jit", FIRST_CALL)
        return key, Timing(*key, [seconds])

    results = dict([first("W6 compile n=300", 0.3), first("W6 jitted n=1000", 3.0)])
    (note,) = w6_chain.growth(results)
    power = math.log(10) / math.log(1000 / 300)
    assert f"it grows as n^{power:.1f}" in note
    assert f"about {3.0 * 10**power:.3g} s, which was not measured" in note
    assert w6_chain.growth(dict([first("W6 compile n=300", 0.3)])) == []


# --- whole runs ----------------------------------------------------------------------------------


def test_a_first_call_is_timed_in_a_fresh_process():
    case = find_case("W1 lecture function", Extent())
    (timing,) = child.run_first_calls(case, HOME, Settings(processes=1))
    assert (timing.contestant, timing.quantity) == ("funcgrad.jit", FIRST_CALL)
    assert len(timing.seconds) == 1
    assert not timing.at_least


def test_a_first_call_beyond_the_limit_is_recorded_as_at_least():
    case = Case(**{**w1_lecture.case().__dict__, "limit_seconds": 0.001})
    (timing,) = child.run_first_calls(case, HOME, Settings(processes=2))
    assert timing.at_least
    assert timing.seconds == [0.001]
    assert timing.remark == "given up after 0.001 s"


def dead_child(monkeypatch, began_seconds_ago):
    """Every child has begun its call that long ago (or never) and has just died."""
    begin = {"begin": time.time() - began_seconds_ago} if began_seconds_ago else None
    out = json.dumps(begin).encode() if begin else b""
    done = subprocess.CompletedProcess([], -6, out, b"some lines\nout of memory\n")
    monkeypatch.setattr(child.subprocess, "run", lambda *args, **kwargs: done)


def one_sided(side, **changes):
    contestant = Contestant("compiled", lambda state: None, compiled=True)
    return Case("one side", {side: lambda: [contestant]}, **changes)


def test_a_peers_child_that_dies_is_recorded_as_at_least_where_that_is_allowed(monkeypatch):
    dead_child(monkeypatch, 5.0)
    case = one_sided("jax", peers_may_fail=True)
    (timing,) = child.run_first_calls(case, ("jax",), Settings(processes=2))
    assert timing.at_least
    assert timing.seconds == [pytest.approx(5.0, abs=1.0)]
    assert timing.remark.endswith(" s (status -6: out of memory)")


@pytest.mark.parametrize(
    ("side", "allowed", "began_seconds_ago"),
    [("jax", False, 5.0), ("funcgrad", True, 5.0), ("jax", True, None)],
)
def test_any_other_child_that_dies_is_an_error(monkeypatch, side, allowed, began_seconds_ago):
    dead_child(monkeypatch, began_seconds_ago)
    case = one_sided(side, peers_may_fail=allowed)
    with pytest.raises(RuntimeError, match="one side: the first call of compiled failed"):
        child.run_first_calls(case, (side,), Settings(processes=1))


def test_whole_programs_print_the_same_gradient():
    case = Programs(w9_start.NAME, w9_start.SOURCES)
    timings = child.run_programs(case, HOME, Settings(starts=1))
    assert [t.contestant for t in timings] == list(HOME)


def test_a_program_that_prints_something_else_is_not_timed():
    case = Programs("two programs", {"by hand": "print(1.0)", "funcgrad": "print(2.0)"})
    with pytest.raises(DisagreementError):
        child.run_programs(case, HOME, Settings(starts=1))


def test_a_run_prints_tables_and_writes_json(tmp_path, capsys):
    path = tmp_path / "times.json"
    arguments = ["W1", "--quick", "--peers", "none", "--no-first-calls", "--json", str(path)]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "| W1 | un-jitted / autograd | -     | -      | <= 0.5  | not measured |" in out
    data = json.loads(path.read_text())
    assert sorted(data) == ["bars", "failures", "machine", "notes", "settings", "times"]
    assert [t["contestant"] for t in data["times"]] == ["flat Python", "funcgrad", "funcgrad.jit"]
    assert all(len(t["seconds"]) == data["settings"]["rounds"] for t in data["times"])
    assert data["machine"]["libraries"]["numpy"] == np.__version__
    assert data["machine"]["cores"] >= 1


def test_a_failing_first_call_leaves_the_times_of_calls(monkeypatch, capsys):
    dead_child(monkeypatch, 5.0)
    assert main(["W1", "--quick", "--peers", "none"]) == 1
    out = capsys.readouterr().out
    assert "| W1 lecture function | funcgrad.jit |" in out
    assert "FAILED W1 lecture function: RuntimeError: W1 lecture function: the first call" in out


def test_a_busy_machine_is_mentioned():
    assert busy([0.5, 9.0, 9.0], 2) == []
    assert busy(None, 2) == []
    (note,) = busy([0.6, 0.0, 0.0], 2)
    assert note.startswith("The machine was busy before the run began (load 0.6 on 2 cores)")


def test_an_unknown_workload_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["W99"])
    assert "unknown workload W99; known are W1, W2" in capsys.readouterr().err
