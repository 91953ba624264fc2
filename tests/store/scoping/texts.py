"""Finding the SQL in a module: every text that its functions put together, as far as the source says it.

Constants of modules are taken as they are where a function uses them, local names by each of the values that they may
have, and what only a run knows is a hole. A constant that no function of its module uses is a text by itself.
"""

import ast
import re
from collections.abc import Iterator
from itertools import product
from types import ModuleType
from typing import Final

from msgspec import Struct

from tests.store.scoping.words import HOLE

SQL: Final = re.compile(
    r"\b(?:SELECT\s|INSERT\s+INTO|UPDATE\s+\S+\s+(?:AS\s+\w+\s+)?SET\s|DELETE\s+FROM)", re.IGNORECASE
)
_TAKES_SQL: Final = frozenset({"rows", "row", "run", "insert", "many", "fill", "hold", "ask"})
"""What a Transaction and a Database are told to do: with a text that cannot be read here, nobody knows what."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class SqlText(Struct, frozen=True):
    """`place` is the function, with its class, or the constant that holds it."""

    place: str
    line: int
    sql: str


def sql_texts(module: ModuleType, source: str) -> list[SqlText]:
    """Every text of a module that has SQL in it, in order; `source` is the module's."""
    tree = ast.parse(source)
    functions = list(_functions(tree.body))
    used = {node.id for _, function in functions for node in ast.walk(function) if isinstance(node, ast.Name)}
    found = [text for name, function in functions for text in _Reader(module, function).texts(name)]
    for name, line in _constants(tree):
        if name not in used:
            found += [SqlText(name, line, sql) for sql in _strings(getattr(module, name, None)) if SQL.search(sql)]
    return found


def _functions(body: list[ast.stmt], inside: str = "") -> Iterator[tuple[str, _Function]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{inside}{node.name}.")
        elif isinstance(node, _Function):
            yield f"{inside}{node.name}", node


def _constants(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from ((target.id, node.lineno) for target in targets if isinstance(target, ast.Name))


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [str(value)]
    if isinstance(value, dict):
        return [text for one in value.values() for text in _strings(one)]
    if isinstance(value, tuple | list | set | frozenset):
        return [text for one in value for text in _strings(one)]
    return []


class _Reader:
    """Puts together the texts of one function."""

    def __init__(self, module: ModuleType, function: _Function) -> None:
        self._module = module
        self._function = function
        self._locals = _assigned(function)

    def texts(self, place: str) -> Iterator[SqlText]:
        for statement in self._function.body:
            yield from self._in(statement, place)

    def _in(self, node: ast.AST, place: str) -> Iterator[SqlText]:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        if isinstance(node, ast.expr):
            read = [text for text in self._read(node) if SQL.search(text)]
            if read:
                yield from (SqlText(place, node.lineno, text) for text in read)
                return
            if self._takes_unseen(node):
                yield SqlText(place, node.lineno, HOLE)
        for child in ast.iter_child_nodes(node):
            yield from self._in(child, place)

    def _takes_unseen(self, node: ast.expr) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="transaction"), attr=name), args=[text, *_]):
                return name in _TAKES_SQL and not self._read(text)
            case ast.Call(func=ast.Attribute(attr="ask"), args=[text, *_]):
                return not self._read(text)
            case _:
                return False

    def _read(self, node: ast.expr, seen: tuple[str, ...] = ()) -> list[str]:
        """What a text may be; nothing where it is none, or nobody can say."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return _put_together([self._part(part, seen) for part in parts])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                sides = [self._read(left, seen), self._read(right, seen)]
                return _put_together([side or [HOLE] for side in sides]) if any(sides) else []
            case ast.IfExp(body=one, orelse=other):
                return [*(self._read(one, seen) or [HOLE]), *(self._read(other, seen) or [HOLE])]
            case ast.Subscript(value=value):
                return self._read(value, seen)
            case ast.Dict(values=values):
                return [text for value in values for text in self._read(value, seen)]
            case ast.Name() | ast.Attribute():
                return self._look_up(node, seen)
            case _:
                return []

    def _look_up(self, node: ast.Name | ast.Attribute, seen: tuple[str, ...]) -> list[str]:
        """A local name's values, or a constant of this module or of another one."""
        match node:
            case ast.Name(id=name) if name in seen:
                return []
            case ast.Name(id=name) if name in self._locals:
                return [text for value in self._locals[name] for text in self._read(value, (*seen, name))]
            case ast.Name(id=name):
                return _strings(getattr(self._module, name, None))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name not in self._locals:
                return _strings(getattr(getattr(self._module, name, None), attribute, None))
            case _:
                return []

    def _part(self, part: ast.expr, seen: tuple[str, ...]) -> list[str]:
        if isinstance(part, ast.FormattedValue):
            return self._read(part.value, seen) or [HOLE]
        return self._read(part, seen)


def _assigned(function: _Function) -> dict[str, list[ast.expr]]:
    """The values of each local name; none for those that only a run knows."""
    found: dict[str, list[ast.expr]] = {argument.arg: [] for argument in _arguments(function)}
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found.setdefault(name, []).append(value)
            case ast.Name(id=name, ctx=ast.Store()):
                found.setdefault(name, [])
            case _:
                pass
    return found


def _arguments(function: _Function) -> Iterator[ast.arg]:
    for node in ast.walk(function):
        if isinstance(node, ast.arguments):
            yield from (*node.posonlyargs, *node.args, *node.kwonlyargs)


def _put_together(parts: list[list[str]]) -> list[str]:
    return ["".join(chosen) for chosen in product(*parts)]
