"""What is wrong with a body, by the field and in words that say what would be right."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import inspect

_AT: Final = re.compile(r"(?P<complaint>.*) - at `\$(?P<path>.*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[]+)|\[(\d+|\.\.\.)\]")


class Complaint(msgspec.Struct, frozen=True):
    """`path` is as the decoder has it, without its `$.`: `proposal.floors.101`, `scopes[0]`, or empty for the body."""

    path: str
    said: str


def complaint(body: bytes, wanted: type[msgspec.Struct]) -> Complaint | None:
    """What keeps JSON from being what is wanted, if anything: a 1 is no true, and "null" is no null."""
    try:
        msgspec.json.decode(body, type=wanted)
    except msgspec.ValidationError as error:
        return _read(str(error), body, wanted)
    return None


def _read(error: str, body: bytes, wanted: type[msgspec.Struct]) -> Complaint:
    found = _AT.fullmatch(error)
    if found is None:
        return Complaint("", error)
    said, path = found["complaint"], found["path"]
    if said.startswith("Invalid enum value"):
        said = _one_of(inspect.type_info(wanted), path) or said
    if path.endswith("[...]"):
        key = _key_of(error, path.removesuffix("[...]"), body, wanted)
        path = path if key is None else f"{path.removesuffix('[...]')}.{key}"
    return Complaint(path.removeprefix("."), said)


def _key_of(error: str, path: str, body: bytes, wanted: type[msgspec.Struct]) -> str | None:
    """Of an object with names of the caller's own, the one that is wrong: the decoder does not tell."""
    whole = msgspec.json.decode(body)
    *before, last = [name for name, _ in _STEP.findall(path)]
    holder = whole
    for name in before:
        holder = holder[name]
    for key, value in holder[last].items():
        holder[last] = {key: value}
        try:
            msgspec.convert(whole, wanted)
        except msgspec.ValidationError as again:
            if str(again) == error:
                return str(key)
    return None


def _one_of(kind: inspect.Type, path: str) -> str | None:
    kinds = [kind]
    for name, _ in _STEP.findall(path):
        kinds = [inner for one in kinds for inner in _inside(one, name)]
    choices = [choice for one in kinds for choice in _choices(one)]
    if not choices:
        return None
    *others, last = choices
    return f"must be {', '.join(others)} or {last}" if others else f"must be {last}"


def _inside(kind: inspect.Type, name: str) -> Iterator[inspect.Type]:
    """What stands there in a value of this kind."""
    match kind:
        case inspect.UnionType(types=types):
            for one in types:
                yield from _inside(one, name)
        case inspect.Metadata(type=inner):
            yield from _inside(inner, name)
        case inspect.StructType(fields=fields):
            yield from (field.type for field in fields if field.encode_name == name)
        case inspect.DictType(value_type=inner) if not name:
            yield inner
        case inspect.CollectionType(item_type=inner) if not name:
            yield inner


def _choices(kind: inspect.Type) -> Iterator[str]:
    match kind:
        case inspect.UnionType(types=types):
            for one in types:
                yield from _choices(one)
        case inspect.Metadata(type=inner):
            yield from _choices(inner)
        case inspect.EnumType(cls=choices):
            yield from (str(choice.value) for choice in choices)
        case inspect.LiteralType(values=values):
            yield from (str(value) for value in values)
