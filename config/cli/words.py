"""What is wrong with a value, in plain words: typer passes on the sentences of its parser, which is pydantic."""


def in_plain_words(error: BaseException) -> str | None:
    """What a parser's refusal means; None for one that we have no better words for."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return None
    first = error.errors()[0]
    value, limits = first["input"], first.get("ctx", {})
    match first["type"]:
        case "value_error":  # of a choice; typer's own sentence stands inside
            return str(limits["error"])
        case "int_parsing" | "int_parsing_size" | "int_from_float":
            return f"{_short(value)} is not a whole number"
        case "float_parsing":
            return f"{_short(value)} is not a number"
        case "greater_than_equal":
            return f"{_short(value)} is refused; it must be at least {limits['ge']}"
        case "less_than_equal":
            return f"{_short(value)} is refused; it must be at most {limits['le']}"
    return None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:30]}…{text[-1]}"
