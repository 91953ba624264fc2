"""A picture of curves is an SVG that shows each to its full height."""

from xml.etree import ElementTree as ET

from bench.picture import STRIP, Curve, draw

SVG = "{http://www.w3.org/2000/svg}"


def test_each_curve_has_a_strip_and_a_name() -> None:
    drawn = ET.fromstring(draw([Curve("a < b", [0, 1, 2], [5, 5, 5]), Curve("c", [0, 1, 2], [0, 5, 10])]))  # noqa: S314, ours
    names = [one.text for one in drawn.iter(f"{SVG}text")]
    flat, rising = (one.attrib["points"].split() for one in drawn.iter(f"{SVG}polyline"))
    assert [name.partition(":")[0] for name in names if name] == ["a < b", "c"]
    assert len({point.partition(",")[2] for point in flat}) == 1
    heights = [float(point.partition(",")[2]) for point in rising]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] - heights[-1] > STRIP / 2
    assert STRIP < heights[-1] < heights[0] < 2 * STRIP


def test_nothing_to_draw_is_an_empty_picture() -> None:
    assert ET.fromstring(draw([])).tag == f"{SVG}svg"  # noqa: S314, ours
