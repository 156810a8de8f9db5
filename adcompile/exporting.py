"""Write a function and its derivative as a module of their own, which needs NumPy only and tests itself."""

from __future__ import annotations

import ast
import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal

import numpy as np

from adcompile import driver
from adcompile.api import Derivative, grad
from adcompile.dispatch import assembly
from adcompile.dispatch.constants import stated
from adcompile.dispatch.guess import guessed_arguments
from adcompile.dispatch.signature import Signature, Transform
from adcompile.errors import ArgumentError, DerivativeMismatch
from adcompile.example import Example
from adcompile.files import write_text
from adcompile.version import __version__

__all__ = ["export", "export_function"]

Mode = Literal["forward", "reverse"]

RESERVED: Final = frozenset({"_leaves", "_moved", "self_test"})
LARGEST: Final = 200  # entries of an example argument that are written down; of larger ones these are repeated


def export(derivative: Callable[..., object], path: str | os.PathLike[str], *args: object, **kwargs: object) -> None:
    """Write a gradient and its function to a Python file that needs NumPy only.

    The file has the function, its derivative and a test, which compares the derivative with finite differences at the
    example arguments; run as a script, it tests itself. The test is run before anything is written, and the file
    appears whole or not at all.

    Parameters
    ----------
    derivative : Derivative
        What `grad` or `value_and_grad` returned.
    path : path
        The file to write.
    *args, **kwargs
        Example arguments: the file is for arguments of these kinds, dtypes and ranks. Without them they are guessed
        from the annotations.

    >>> import numpy as np, os, tempfile
    >>> from adcompile import export, grad
    >>> path = os.path.join(tempfile.mkdtemp(), "loss.py")
    >>> export(grad(lambda w: np.sum(np.sin(w) ** 2)), path, np.array([0.1, 0.2]))
    >>> "import numpy as np" in open(path).read()
    True
    """
    if not isinstance(derivative, Derivative) or derivative.transform.kind not in ("grad", "value_and_grad"):
        raise ArgumentError("export takes what grad or value_and_grad returned")
    signature = Signature(derivative.primal, derivative.transform._replace(finite=False))
    write_text(path, module_text(signature, args, kwargs, "reverse"))


def export_function(
    function: Callable[..., object],
    path: str | os.PathLike[str],
    *args: object,
    wrt: int | Sequence[int] = 0,
    mode: Mode = "reverse",
) -> None:
    """Write a function and its derivative by `mode` to a file; see `export`.

    Parameters
    ----------
    function : callable
        Any function that adcompile differentiates.
    path : path
        The file to write.
    *args
        Example arguments.
    wrt : int or sequence of int
        The arguments to differentiate.
    mode : "forward" or "reverse"
        Reverse mode gives the gradient of a function that returns one number; forward mode ``f_jvp(*args, *tangents)``,
        which returns the value and its derivative along tangents of the arguments `wrt`.
    """
    if mode == "reverse":
        export(grad(function, argnums=wrt), path, *args)
    elif mode == "forward":
        numbers = (wrt,) if isinstance(wrt, int) else tuple(wrt)
        write_text(path, module_text(Signature(function, Transform("grad", numbers)), args, {}, "forward"))
    else:
        raise ArgumentError(f'mode must be "forward" or "reverse", not {mode!r}')


# -- the module


def module_text(signature: Signature, args: Sequence[object], kwargs: Mapping[str, object], mode: Mode) -> str:
    """Return the text of the module, which has passed its test."""
    given = bool(args or kwargs)
    values = signature.bind(args, kwargs) if given else guessed_arguments(signature)
    example = assembly.example_for(signature, values)
    parts = [emitted(driver.compile_plain(example).source, example)]
    derivative, entry = derivative_of(signature, example, mode)
    parts.append(emitted(derivative, example))
    name = example.function.name
    text = assembled(parts, {name: primal_docstring(signature), entry: derivative_docstring(signature, name, mode)})
    text = f'"""{headline(signature, mode)}"""\n\n{text}\n\n\n{test_text(signature, example, values, entry, mode)}'
    passes(text, signature.label)
    return text


def derivative_of(signature: Signature, example: Example, mode: Mode) -> tuple[str, str]:
    """Return the source of the derivative, and the name of the function in it."""
    transform = signature.transform
    if mode == "forward":
        names = [f"{name}_dot" if k is None else f"{name}_{k}_dot" for name, k in signature.wrt]
        made = driver.compile_forward(example, names, has_aux=transform.has_aux)
    else:
        value = transform.kind == "value_and_grad"
        made = driver.compile_reverse(example, value=value, has_aux=transform.has_aux, single=transform.single)
    return made.source, made.entries[0]


def emitted(source: str, example: Example) -> str:
    """Return an emitted source with the values that the function reads from outside."""
    values = {name: value for c in example.lowered.captures for name, value in c.values().items()}
    for name, value in values.items():
        whole = isinstance(value, int | float | complex | np.generic) or (
            isinstance(value, np.ndarray) and value.size <= 1000
        )
        if not whole:
            raise ArgumentError(
                f"{example.function.name} reads `{name}` from outside, which cannot be written into a file: "
                "pass it as an argument"
            )
    return stated(source, values)


def assembled(parts: Sequence[str], docstrings: Mapping[str, str]) -> str:
    """Join modules: what they import and define, once each; and give functions their docstrings."""
    head: dict[str, None] = {}
    definitions: dict[str, str] = {}
    for part in parts:
        lines = part.splitlines()
        for node in ast.parse(part).body:
            text = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            if not isinstance(node, ast.FunctionDef):
                head[text] = None
            elif definitions.setdefault(node.name, text) != text:
                raise ArgumentError(f"two functions would be called {node.name}: rename one of yours")
    if reserved := sorted(RESERVED & set(definitions)):
        raise ArgumentError(f"the exported module has a function {reserved[0]} of its own: rename yours")
    for name, words in docstrings.items():
        definitions[name] = documented(definitions[name], words)
    imports = sorted((h for h in head if h.startswith("import ")), key=lambda h: h == "import numpy as np")
    others = [h for h in head if not h.startswith("import ")]
    return "\n\n\n".join(["\n".join([*imports, *([""] if others else []), *others]), *definitions.values()])


def documented(definition: str, words: str) -> str:
    """Put a docstring into a definition."""
    lines = definition.split("\n")
    for k in range(len(lines)):
        try:
            ast.parse("\n".join(lines[: k + 1]) + " pass")
        except SyntaxError:
            continue
        quoted = words.replace("\\", "\\\\").replace('"""', "'''")
        body = [f"    {line}".rstrip() for line in f'"""{quoted}"""'.split("\n")]
        return "\n".join([*lines[: k + 1], *body, *lines[k + 1 :]])
    raise AssertionError(definition)


def headline(signature: Signature, mode: Mode) -> str:
    what = "derivative along tangents" if mode == "forward" else "gradient"
    return (
        f"{name_of(signature)} and its {what}.\n\nWritten by adcompile {__version__}. "
        "Run this file to compare the derivative with finite differences.\n"
    )


def name_of(signature: Signature) -> str:
    function = signature.callee.function
    assert function is not None
    return "The function" if function.__name__ == "<lambda>" else f"The function {function.__name__}"


def primal_docstring(signature: Signature) -> str:
    function = signature.callee.function
    return inspect.getdoc(function) or f"{name_of(signature)}."


def derivative_docstring(signature: Signature, name: str, mode: Mode) -> str:
    """Say what the derivative function takes and returns."""
    words = ", ".join(n if k is None else f"{n}[{k}]" for n, k in signature.wrt)
    transform = signature.transform
    if mode == "forward":
        return f"Return {name} and its derivative along the tangents of {words}, which come last."
    gradient = f"the gradient of {name} with respect to {words}"
    gradient += "" if transform.single else ", a tuple"
    if transform.kind == "value_and_grad":
        return f"Return the value of {name} and {gradient}.\n\n`y_bar` is multiplied to the gradient.\n"
    aux = ", and the auxiliary result" if transform.has_aux else ""
    return f"Return {gradient}{aux}.\n\n`y_bar` is multiplied to it.\n"


# -- the test

TEST: Final = '''\
# Example arguments, and the positions of those that are differentiated.
ARGUMENTS = {arguments}
DIFFERENTIATED = {positions}


def _leaves(tree):
    """List the floating-point numbers and arrays in a container."""
    if isinstance(tree, dict):
        return [leaf for child in tree.values() for leaf in _leaves(child)]
    if isinstance(tree, (list, tuple)):
        return [leaf for child in tree for leaf in _leaves(child)]
    return [tree] if np.asarray(tree).dtype.kind == "f" else []


def _moved(tree, directions, step):
    """Add step times the next of the directions to each leaf of a container."""
    if isinstance(tree, dict):
        return {{key: _moved(child, directions, step) for key, child in tree.items()}}
    if isinstance(tree, (list, tuple)):
        return type(tree)([_moved(child, directions, step) for child in tree])
    if np.asarray(tree).dtype.kind != "f":
        return tree
    return tree + step * next(directions) if step else next(directions)


def self_test():
    """Compare the derivative with central differences along random directions."""
    rng = np.random.default_rng(0)
    chosen = [ARGUMENTS[k] for k in DIFFERENTIATED]
    tolerance = {tolerance}
    for _ in range(3):
        d = [rng.standard_normal(np.shape(leaf)) for leaf in _leaves(chosen)]
        d = [v.astype(np.asarray(leaf).dtype) if isinstance(leaf, np.ndarray) else type(leaf)(v)
            for v, leaf in zip(d, _leaves(chosen))]
{slopes}
        errors = []
        for step in 10.0 ** -np.arange(2.0, 9.0):
            ends = []
            for t in (step, -step):
                wide = [np.asarray(v, np.float64)[()] if isinstance(v, np.ndarray) else float(v) for v in d]
                new = iter(_moved(chosen, iter(wide), t))
                args = [next(new) if k in DIFFERENTIATED else a for k, a in enumerate(ARGUMENTS)]
                ends.append([np.asarray(v, np.float64) for v in _leaves({value})])
            differences = [(a - b) / (2 * step) for a, b in zip(*ends)]
            errors.append(max(np.max(np.abs(a - b) / (1e-3 + np.abs(a) + np.abs(b)), initial=0.0)
                for a, b in zip(slopes, differences)))
        assert min(errors) <= tolerance, f"the derivative is wrong: relative error {{min(errors):.2g}}"


if __name__ == "__main__":
    self_test()
    print("the derivative agrees with finite differences")
'''

REVERSE: Final = """\
        gradient = {call}
        slopes = [np.asarray(sum(np.sum(np.asarray(g, np.float64) * v) for g, v in zip(_leaves(gradient), d)))]"""
FORWARD: Final = """\
        tangents = _moved(chosen, iter(d), 0)
        slopes = [np.asarray(s, np.float64) for s in _leaves({call})]"""


def test_text(signature: Signature, example: Example, values: Mapping[str, object], entry: str, mode: Mode) -> str:
    """Return the test of the module."""
    arguments, positions = passed(signature, example, values)
    name, transform = example.function.name, signature.transform
    tolerance = 1e-5 if all(leaf != np.float32 for leaf in dtypes(arguments)) else 1e-2
    value = f"{name}(*args)[0]" if transform.has_aux else f"{name}(*args)"
    if mode == "forward":
        slopes = FORWARD.format(call=f"{entry}(*ARGUMENTS, *tangents)[1]")
    else:
        call = f"{entry}(*ARGUMENTS)"
        slopes = REVERSE.format(
            call=f"{call}[1]" if transform.kind == "value_and_grad" else f"{call}[0]" if transform.has_aux else call
        )
    literal = "[\n" + "".join(f"    {written(a)},\n" for a in arguments) + "]"
    return TEST.format(arguments=literal, positions=positions, tolerance=tolerance, slopes=slopes, value=value)


def passed(
    signature: Signature, example: Example, values: Mapping[str, object]
) -> tuple[list[object], tuple[int, ...]]:
    """Return the arguments of the emitted functions, and the positions of those that are differentiated."""
    arguments: list[object] = []
    where: dict[tuple[str, int | None], int] = {}
    for name in example.arguments:
        how, value = example.passing(name), values[name]
        if how == "items":
            assert isinstance(value, tuple)
            for k, item in enumerate(value):
                where[name, k] = len(arguments)
                arguments.append(item)
        elif how == "whole":
            where[name, None] = len(arguments)
            arguments.append(value)
    return arguments, tuple(where[w] for w in signature.wrt)


def dtypes(tree: object) -> Iterator[np.dtype]:
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list | tuple):
        for child in tree:
            yield from dtypes(child)
    elif isinstance(tree, np.ndarray | np.generic):
        yield tree.dtype


def written(value: object) -> str:
    """Write an example argument as an expression."""
    match value:
        case tuple():
            return f"({', '.join(map(written, value))}{',' * (len(value) == 1)})"
        case list():
            return f"[{', '.join(map(written, value))}]"
        case dict():
            return f"{{{', '.join(f'{written(k)}: {written(v)}' for k, v in value.items())}}}"
        case np.ndarray() if value.dtype.kind in "biufc":
            return written_array(value)
        case np.generic() if value.dtype.kind in "biufc":
            return f"np.{value.dtype.name if value.dtype.kind != 'b' else 'bool_'}({finite(repr(value.item()))})"
        case bool() | int() | float() | complex() | str() | bytes() | None:
            return finite(repr(value)) if isinstance(value, float | complex) else repr(value)
    raise ArgumentError(f"the example argument {value!r} cannot be written into a file")


def written_array(array: np.ndarray) -> str:
    dtype = "bool" if array.dtype.kind == "b" else f"np.{array.dtype.name}"
    if array.size > LARGEST:
        some = finite(repr(array.ravel()[:LARGEST].tolist()))
        return f"np.resize(np.array({some}, dtype={dtype}), {array.shape})"
    if array.size == 0:
        return f"np.empty({array.shape}, dtype={dtype})"
    return f"np.array({finite(repr(array.tolist()))}, dtype={dtype})"


def finite(text: str) -> str:
    """Spell infinities and NaN, which have no literals."""
    return re.sub(r"\b(nan|inf)\b", r"np.\1", text)


def passes(text: str, label: str) -> None:
    """Run the test of a module."""
    namespace: dict[str, object] = {"__name__": "exported"}
    exec(compile(text, f"<export of {label}>", "exec"), namespace)
    test = namespace["self_test"]
    assert callable(test)
    try:
        with np.errstate(all="ignore"):
            test()
    except AssertionError as error:
        raise DerivativeMismatch(f"{label} is not exported, since its test fails: {error}") from None
