"""What is wrong with options, in the words of all errors here: the option, its rule, its value."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

_RULES = {
    "greater_than_equal": ">= {ge}",
    "greater_than": "> {gt}",
    "less_than_equal": "<= {le}",
    "less_than": "< {lt}",
    "literal_error": "{expected}",
    "too_short": "of at least {min_length} number(s)",
    "tuple_type": "a sequence of integers",
    "string_type": "a text",
    "finite_number": "finite",
    "model_type": "a table of numbers",
}


def readable(error: ValidationError) -> str:
    """What pydantic found wrong, in the form option, rule, value: the first problem of each option."""
    first: dict[object, Any] = {}
    for problem in error.errors():
        first.setdefault(problem["loc"][:1], problem)
    return "; ".join(map(_readable, first.values()))


def _readable(problem: Any) -> str:
    name, *places = problem["loc"] or ("",)
    name += "".join(f"[{place}]" for place in places)
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "value_error":
        return f"{name} {context['error']}".strip()
    if kind in _RULES:
        rule = _RULES[kind].format(**context)
    else:
        kinds = {"int": "an integer", "float": "a number", "bool": "true or false"}
        rule = kinds.get(kind.partition("_")[0], problem["msg"])
    return f"{name} must be {rule}, but is {problem['input']!r}"
