"""Expressions in the files of systems: arithmetic, and nothing else."""

import math

import pytest

from pairvae.simulation.expressions import Expression, ExpressionError, Scope

SCOPE = Scope({"radius": 100.0, "share": 0.25}, {"sld": {"core": 18.9, "solvent": 6.4}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4/3 * pi * radius**3", 4 / 3 * math.pi * 1e6),
        ("1e-3", 1e-3),
        ("-radius + 3 - -1", -96.0),
        ("mixed(sld(core), sld(solvent), share)", 0.75 * 18.9 + 0.25 * 6.4),
        ("min(radius, 30, 50) / max(2, share)", 15.0),
        ("sqrt(radius) if radius > 50 else 0", 10.0),
        ("mean_ball(2)", 4 / 3 * math.pi * 8),
        ("mean_ball(10, 0.1, 2)", 4 / 3 * math.pi * (1030 + 3 * 101 * 2 + 3 * 10 * 4 + 8)),
    ],
)
def test_arithmetic_has_its_value(text, value):
    assert Expression(text)(SCOPE) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch ran')",
        "open('/etc/passwd')",
        "radius.__class__",
        "().__class__.__bases__[0].__subclasses__()",
        "[x for x in (1, 2)]",
        "(lambda: 1)()",
        "radius[0]",
        "'text'",
        "f'{radius}'",
        "eval('1')",
        "max(*radius)",
        "mixed(1, 2, share=3)",
        "sld('core')",
        "(x := 1)",
        "radius @ share",
        "radius if share",
        "True",
        "1j",
        "",
        "radius; share",
        "sqrt",
        "sqrt.__call__(2)",
        "exp(1)(2)",
    ],
)
def test_anything_else_is_refused_and_not_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ExpressionError, KeyError)):
        Expression(text)(SCOPE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    ["9**9**9**9", "exp(1e9)", "1 / 0", "(-8) ** 0.5", "log(0)", "sqrt(-radius)", "gamma(1000)", "1e308 * 10"],
)
def test_numbers_without_a_value_end_at_once_with_a_sentence(text):
    with pytest.raises(ExpressionError, match="mend it"):
        Expression(text)(SCOPE)


def test_long_expressions_are_refused():
    with pytest.raises(ExpressionError, match="expected at most 400; split it"):
        Expression("1" + "+1" * 500)
    assert Expression("-" * 398 + "1")(SCOPE) == 1.0


def test_an_expression_knows_what_it_needs():
    expression = Expression("radius * sld(core) - molar_volume(shell)")
    assert expression.names == {"radius"}
    assert expression.materials == {"core", "shell"}
