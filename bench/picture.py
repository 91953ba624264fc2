"""Curves over time as one SVG: each in a strip of its own, from zero, so that what is flat looks flat."""

from collections.abc import Sequence
from html import escape

from msgspec import Struct

WIDTH, STRIP, LEFT, HEAD = 760, 90, 10, 24


class Curve(Struct, frozen=True):
    """A named curve; `minutes` and `values` are as long as each other."""

    name: str
    minutes: Sequence[float]
    values: Sequence[float]


def draw(curves: Sequence[Curve]) -> str:
    """Return the text of an SVG file."""
    height = STRIP * len(curves)
    strips = "".join(_strip(curve, top=place * STRIP) for place, curve in enumerate(curves))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{height}" fill="#fff"/>{strips}</svg>\n'
    )


def _strip(curve: Curve, *, top: int) -> str:
    most_x, most_y = max(curve.minutes, default=1) or 1, max(curve.values, default=1) or 1
    wide, high, floor = WIDTH - 2 * LEFT, STRIP - HEAD - 8, top + STRIP - 8
    points = " ".join(
        f"{LEFT + wide * x / most_x:.1f},{floor - high * y / most_y:.1f}"
        for x, y in zip(curve.minutes, curve.values, strict=True)
    )
    title = f"{curve.name}: at most {most_y:,.4g}, {most_x:.0f} minutes"
    return (
        f'<text x="{LEFT}" y="{top + 16}" fill="#333">{escape(title)}</text>'
        f'<line x1="{LEFT}" y1="{floor}" x2="{WIDTH - LEFT}" y2="{floor}" stroke="#bbb"/>'
        f'<polyline points="{points}" fill="none" stroke="#0b6e4f" stroke-width="1.5"/>'
    )
