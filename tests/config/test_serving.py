"""What a serving process says when parts of it that start together end together."""

from config.errors import BadSetting, StartRefused
from config.serving import refusal_in


def test_the_first_refusal_of_parts_that_start_together_is_told_in_one_line() -> None:
    first, second = StartRefused("port 8080 is taken"), BadSetting("SECRET_KEY: weak")

    assert refusal_in(BaseExceptionGroup("", [BaseExceptionGroup("", [first]), second])) is first


def test_a_fault_beside_a_refusal_is_not_hidden_by_it() -> None:
    assert refusal_in(BaseExceptionGroup("", [StartRefused("port 8080 is taken"), ZeroDivisionError()])) is None
    assert refusal_in(BaseExceptionGroup("", [ZeroDivisionError()])) is None
