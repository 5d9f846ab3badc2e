"""Arithmetic in the files of systems: parsed, compared with a short list of what may stand there, and computed.

A text becomes a tree of functions of this module. No text is ever run as Python: there is no `eval`, and attributes,
subscripts, strings and calls of anything but `FUNCTIONS` and `PROPERTIES` are refused when the file is read.
"""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LONGEST = 400  # characters of an expression
CONSTANTS = {"pi": math.pi}


class ExpressionError(ValueError):
    """An expression that may not stand in a file, or has no value."""


class Scope(NamedTuple):
    """What the names of an expression stand for.

    Parameters
    ----------
    numbers : mapping
        Value by name.
    properties : mapping
        For each of `PROPERTIES`, the value by name of the material.
    """

    numbers: Mapping[str, float]
    properties: Mapping[str, Mapping[str, float]] = {}


Value = Callable[[Scope], float]


def mean_ball(radius: float, polydispersity: float = 0.0, shell: float = 0.0) -> float:
    """⟨4π/3·(r + shell)³⟩ over a Gaussian distribution of r, by its moments.

    Parameters
    ----------
    radius : float
        Mean of r.
    polydispersity : float
        Standard deviation of r over its mean.
    shell : float
        Added to every r.
    """
    second, third = radius**2 * (1 + polydispersity**2), radius**3 * (1 + 3 * polydispersity**2)
    return 4 / 3 * math.pi * (third + 3 * second * shell + 3 * radius * shell**2 + shell**3)


def mixed(first: float, second: float, share: float) -> float:
    """SLD of a mix by volume, where `share` of it is the second substance: water in a shell, D2O in water.

    Parameters
    ----------
    first, second : float
        SLD of the two substances, 10⁻⁶ Å⁻².
    share : float
        Volume fraction of the second, 0 to 1.
    """
    return (1 - share) * first + share * second


# name: (function, least and largest number of arguments)
FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    "abs": (abs, 1, 1),
    "atan": (math.atan, 1, 1),
    "cos": (math.cos, 1, 1),
    "exp": (math.exp, 1, 1),
    "floor": (math.floor, 1, 1),
    "gamma": (math.gamma, 1, 1),
    "log": (math.log, 1, 1),
    "max": (max, 2, 8),
    "mean_ball": (mean_ball, 1, 3),
    "min": (min, 2, 8),
    "mixed": (mixed, 3, 3),
    "sin": (math.sin, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
}
# functions of a material's name: SLD in 1e-6/Å², volume of a formula unit in cm³/mol, its mass in g/mol, g/cm³
PROPERTIES = ("sld", "molar_volume", "molar_mass", "density")

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@dataclass(frozen=True)
class Expression:
    """A number that depends on other numbers.

    Parameters
    ----------
    text : str
        As in the file.

    Attributes
    ----------
    names : frozenset of str
        Numbers that it needs.
    materials : frozenset of str
        Materials that it needs a property of.

    Raises
    ------
    ExpressionError
        It holds something that is no arithmetic.

    Examples
    --------
    >>> Expression("4/3 * pi * radius**3")(Scope({"radius": 2.0}))
    33.510321638291124
    """

    text: str
    names: frozenset[str] = field(init=False, compare=False)
    materials: frozenset[str] = field(init=False, compare=False)
    _value: Value = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST:
            raise ExpressionError(
                f"has {len(self.text)} characters; expected at most {LONGEST}; split it into `derived`"
            )
        names: set[str] = set()
        materials: set[str] = set()
        try:
            value = _compiled(ast.parse(self.text.strip(), mode="eval").body, names, materials)
        except ExpressionError:
            raise
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ExpressionError(f"{self.text!r} is no arithmetic, as 2 * radius + 10; mend it") from None
        object.__setattr__(self, "_value", value)
        object.__setattr__(self, "names", frozenset(names))
        object.__setattr__(self, "materials", frozenset(materials))

    def __call__(self, scope: Scope) -> float:
        """The value.

        Raises
        ------
        ExpressionError
            It has none: a division by zero, a root of a negative number, or too large a number.
        """
        try:
            value = self._value(scope)
        except (ArithmeticError, ValueError, RecursionError) as error:
            raise ExpressionError(
                f"{self.text!r} has no value ({error}); mend it or the limits it depends on"
            ) from None
        if isinstance(value, complex) or not math.isfinite(value):
            raise ExpressionError(f"{self.text!r} is {value}; expected a number; mend it or what it depends on")
        return float(value)


def _compiled(node: ast.expr, names: set[str], materials: set[str]) -> Value:
    """A node as a function; the names it needs are added to both sets."""

    def below(child: ast.expr) -> Value:
        return _compiled(child, names, materials)

    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _constant(float(value))
        case ast.Name(id=name) if name in CONSTANTS:
            return _constant(CONSTANTS[name])
        case ast.Name(id=name):
            names.add(name)
            return lambda scope: scope.numbers[name]
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _applied(_BINARY[type(sign)], [below(left), below(right)])
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _applied(_UNARY[type(sign)], [below(operand)])
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _COMPARE:
            return _applied(_COMPARE[type(sign)], [below(left), below(right)])
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            condition, first, second = below(test), below(body), below(otherwise)
            return lambda scope: first(scope) if condition(scope) else second(scope)
        case ast.Call(func=ast.Name(id=function), args=[ast.Name(id=material)], keywords=[]) if function in PROPERTIES:
            materials.add(material)
            return lambda scope: scope.properties[function][material]
        case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]) if function in FUNCTIONS:
            action, least, most = FUNCTIONS[function]
            if not least <= len(arguments) <= most:
                expected = least if least == most else f"{least} to {most}"
                raise ExpressionError(f"{function} got {len(arguments)} arguments; expected {expected}; mend it")
            return _applied(action, [below(one) for one in arguments])
    raise ExpressionError(
        f"{ast.unparse(node)!r} may not stand in an expression; expected numbers, names, + - * / **, a comparison, "
        f"`a if b > c else d`, {', '.join(FUNCTIONS)}, or {', '.join(f'{one}(material)' for one in PROPERTIES)}"
    )


def _constant(value: float) -> Value:
    return lambda _: value


def _applied(action: Callable[..., Any], arguments: list[Value]) -> Value:
    if len(arguments) == 2:
        first, second = arguments
        return lambda scope: action(first(scope), second(scope))
    return lambda scope: action(*[one(scope) for one in arguments])
