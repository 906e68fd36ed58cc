"""Charts: readable in light and dark, without colours, without eyes, and harmless whatever they are given."""

import math
import re
from datetime import date, timedelta
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.charts import bars, donut, lines, scatter
from tools.charts.chart import Chart
from tools.charts.palette import DARK, LIGHT, PAPER, STYLE
from tools.charts.scales import NothingToDraw, ticks
from tools.charts.text import fitted, width

HOSTILE = '</svg><script>alert(1)</script>" onload="x\x00\u202e & <b>'
DAYS = [date(2020, 1, 1) + timedelta(days=7 * i) for i in range(200)]
names = st.text(max_size=40)
numbers = st.floats(-1e9, 1e9)


def every_chart(name: str, values: list[float]) -> list[Chart]:
    """One chart of each kind from the same name and values."""
    days = DAYS[: len(values)]
    positive = [abs(each) for each in values]
    band = lines.Band(name, [0.5 * each for each in positive], [2 * each for each in positive])
    steps = [float(i) for i in range(len(values))]
    return [
        lines.line(name, [lines.Series(name, days, values), lines.Series("B", days, values[::-1])], description=name),
        lines.drawdown(name, lines.Series(name, days, [-each for each in positive])),
        lines.fan(name, steps, positive, [band], goal=(name, 1.0)),
        bars.bars(name, [bars.Row(name, [each]) for each in values], [name], references=[bars.Reference(name, 0.0)]),
        bars.stacked(name, [bars.Row(name, positive)], [name] * len(positive)),
        donut.donut(name, [(name, each) for each in positive], centre=(name, name)),
        scatter.scatter(name, [scatter.Point(name, each, -each, True) for each in values], curve=[(0, 0), (1, 1)]),
    ]


@given(names, st.lists(numbers, min_size=1, max_size=30))
def test_any_names_and_values_give_well_formed_pictures_with_title_description_and_table(
    name: str, values: list[float]
):
    for chart in every_chart(name, values):
        root = ElementTree.fromstring(chart.svg())
        assert root.get("role") == "img"
        title, description = root[0], root[1]
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert chart.table.rows
        assert all(len(row) == len(chart.table.columns) for row in chart.table.rows)
        coordinates = re.findall(r'(?<=[ "MLHVA])-?[\d.]+(?=[ "LZHV])', chart.body)
        assert all(math.isfinite(float(each)) for each in coordinates)
        assert "nan" not in re.sub(r"<text.*?</text>", "", chart.body)


def test_hostile_text_stays_text():
    for chart in every_chart(HOSTILE, [1.0, 2.0]):
        for page in (chart.svg(), chart.figure()):
            assert "<script" not in page
            assert "\x00" not in page
            assert "\u202e" not in page
            assert not re.search(r"<[^>]*\sonload=", page)
        tags = {each.tag.split("}")[1] for each in ElementTree.fromstring(chart.svg()).iter()}
        assert tags <= {"svg", "title", "desc", "style", "rect", "path", "text", "circle"}


def test_a_chart_needs_a_finite_value_and_leaves_gaps_for_the_others():
    with pytest.raises(NothingToDraw):
        lines.line("x", [lines.Series("x", DAYS[:2], [math.nan, math.inf])])
    chart = lines.line("x", [lines.Series("x", DAYS[:5], [1.0, 2.0, math.nan, 2.0, 3.0])])
    assert len(re.findall(r'class="line s1"', chart.body)) == 2
    assert ("2020-01-15", "–") in chart.table.rows


@given(numbers, numbers)
def test_ticks_are_round_rising_and_cover_the_values(one: float, other: float):
    low, high = sorted((one, other))
    marks = ticks(low, high)
    assert marks == sorted(set(marks))
    assert 2 <= len(marks) <= 9
    slack = 1e-6 * max(1e-6, marks[-1] - marks[0])
    assert marks[0] <= low + slack
    assert marks[-1] >= high - slack


@given(st.text(min_size=1, max_size=60), st.floats(20, 400))
def test_a_fitted_text_fits(text: str, room: float):
    assert width(fitted(text, room)) <= max(room, width("…"))


def _linear(colour: str) -> tuple[float, float, float]:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return red, green, blue


def _luminance(colour: tuple[float, float, float]) -> float:
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


@pytest.mark.parametrize(("colours", "paper"), [(LIGHT, PAPER[0]), (DARK, PAPER[1])])
def test_colours_stand_out_from_the_paper(colours: tuple[str, ...], paper: str):
    ground = _luminance(_linear(paper))
    for colour in colours:
        bright, dark = sorted((_luminance(_linear(colour)), ground), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 3.0, colour


DEFICIENCIES = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}
"""Simulation in linear RGB at full severity: Machado, Oliveira & Fernandes (2009), doi:10.1109/TVCG.2009.113."""


def _lab(rgb: tuple[float, ...]) -> tuple[float, float, float]:
    r, g, b = (min(1.0, max(0.0, c)) for c in rgb)
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_the_first_four_colours_stay_apart_for_colour_blind_readers(colours: tuple[str, ...], deficiency: str):
    seen: list[tuple[float, float, float]] = []
    for colour in colours[:4]:
        linear = _linear(colour)
        seen.append(
            _lab(tuple(sum(m * c for m, c in zip(row, linear, strict=True)) for row in DEFICIENCIES[deficiency]))
        )
    for (i, one), (j, other) in combinations(enumerate(seen), 2):
        assert math.dist(one, other) >= 14, (deficiency, colours[i], colours[j], math.dist(one, other))


def test_a_long_series_makes_a_small_file():
    days = [date(2000, 1, 1) + timedelta(days=i) for i in range(9000)]
    chart = lines.line("x", [lines.Series("x", days, [math.sin(i / 50) for i in range(9000)])])
    assert len(chart.svg()) < 20_000
    assert "prefers-color-scheme:dark" in STYLE
