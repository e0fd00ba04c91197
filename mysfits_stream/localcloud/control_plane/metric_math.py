"""Metric math in an alarm on one metric: IF with a condition on time (F340).

An expression is compiled into a function of the metric's value and of the time of the value. Functions over a
whole time series, several metrics and all further functions are rejected.
"""

from __future__ import annotations

import ast
import datetime as dt
import operator
import re
from collections.abc import Callable
from functools import cache
from typing import Any

LONGEST = 2048
"""The most characters of an expression, as of PutMetricAlarm."""

Value = float | None
Compiled = Callable[[Value, float], Value]
"""(the metric's value, None without a value; the time of the value in seconds since the epoch) -> value."""

TIMES: dict[str, Callable[[dt.datetime], float]] = {
    "MINUTE": lambda moment: moment.minute,
    "HOUR": lambda moment: moment.hour,
    "DAY": lambda moment: moment.isoweekday(),
    "DATE": lambda moment: moment.day,
    "MONTH": lambda moment: moment.month,
    "YEAR": lambda moment: moment.year,
}
BINARY: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
WORDS = {"AND": " and ", "&&": " and ", "OR": " or ", "||": " or "}


class NotSimulatedError(ValueError):
    """The expression is valid on AWS, perhaps, and not simulated."""


@cache
def compiled(expression: str, metric: str) -> Compiled:
    """The function of an expression of the metric's Id.

    Raises NotSimulatedError.
    """
    # The grammar of the simulated part is Python's, except for the words.
    text = re.sub(r"\bAND\b|\bOR\b|&&|\|\|", lambda found: WORDS[found[0]], expression)
    try:
        if len(expression) > LONGEST or re.search(r"\b(and|or|not|if|is|in)\b", expression):
            raise NotSimulatedError(expression)
        return _series(ast.parse(text.strip(), mode="eval").body, metric)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise NotSimulatedError(expression) from error


def _series(node: ast.expr, metric: str) -> Compiled:
    """The metric itself, a number, or an IF of these."""
    if isinstance(node, ast.Name) and node.id == metric:
        return lambda value, at: value
    if isinstance(node, ast.Call) and _name(node) == "IF" and len(node.args) == 3:
        condition = _time(node.args[0], metric)
        then, other = _series(node.args[1], metric), _series(node.args[2], metric)

        def chosen(value: Value, at: float) -> Value:
            if condition(at):
                # A missing value counts as 0 where the condition is true, and is dropped where it is false.
                return then(value, at) or 0.0
            return other(value, at)

        return chosen
    number = _time(node, metric)
    return lambda value, at: number(at)


def _time(node: ast.expr, metric: str) -> Callable[[float], float]:
    """Numbers, functions of time, and what is computed of these."""
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
    ):
        number = float(node.value)
        return lambda at: number
    if isinstance(node, ast.Call) and _name(node) in TIMES and len(node.args) == 1:
        if not (isinstance(node.args[0], ast.Name) and node.args[0].id == metric):
            raise NotSimulatedError(ast.unparse(node))
        part = TIMES[_name(node)]
        return lambda at: float(part(dt.datetime.fromtimestamp(at, dt.UTC)))
    if isinstance(node, ast.BoolOp):
        parts = [_time(each, metric) for each in node.values]
        every = all if isinstance(node.op, ast.And) else any
        return lambda at: float(every(part(at) for part in parts))
    sides: tuple[ast.expr, Any, ast.expr] | None = None
    if isinstance(node, ast.BinOp):
        sides = node.left, node.op, node.right
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        sides = node.left, node.ops[0], node.comparators[0]
    if sides is None or type(sides[1]) not in BINARY:
        raise NotSimulatedError(ast.unparse(node))
    left, compute, right = _time(sides[0], metric), BINARY[type(sides[1])], _time(sides[2], metric)
    return lambda at: float(compute(left(at), right(at)))


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) and not call.keywords else ""
