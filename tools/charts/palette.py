"""Colours for light and dark, as CSS variables, and the style sheet of every chart.

A page may set the variables itself (`--chart-1` …) and so colour the charts its own way. Neighbouring colours stay
apart under deuteranopia and protanopia and have a contrast of at least 3:1 with the paper (WCAG 2.2, 1.4.11); where
colour carries meaning, a dash pattern, a position or a label carries it too.
"""

from typing import Final

LIGHT: Final = (
    "#2f4fd0",
    "#b8500a",
    "#0c8f82",
    "#a8328f",
    "#6a5a00",
    "#4a5568",
    "#1b85c4",
    "#8a1c3c",
    "#5b8c1a",
    "#8d6cc8",
)
DARK: Final = (
    "#8fa6ff",
    "#ff9d57",
    "#2cc5b2",
    "#ffc9f0",
    "#d9c04a",
    "#aab2c5",
    "#6cc4f7",
    "#ff8fa8",
    "#a9d86e",
    "#cbb2f0",
)
PAPER: Final = ("#ffffff", "#0f1117")
DASHES: Final = ("", "7 4", "2 3", "9 3 2 3", "4 2", "1 3", "12 4", "6 2 1 2", "3 3", "8 2 2 2")
"""Dash patterns by series, so that lines are told apart without colour too."""

_INK = {"ink": ("#1a1f36", "#e6e8ef"), "soft": ("#59617a", "#a6adbf"), "line": ("#dfe3ec", "#2a2f3d")}


def _variables(theme: int) -> str:
    colours = (LIGHT, DARK)[theme]
    names = {f"chart-{number}": colour for number, colour in enumerate(colours, start=1)}
    names |= {f"chart-{name}": pair[theme] for name, pair in _INK.items()} | {"chart-paper": PAPER[theme]}
    return "".join(f"--{name}:{value};" for name, value in names.items())


def _rules() -> str:
    series = "".join(
        f".consilia-chart .f{n}{{fill:var(--chart-{n})}}.consilia-chart .s{n}{{stroke:var(--chart-{n});fill:none}}"
        for n in range(1, len(LIGHT) + 1)
    )
    return (
        '.consilia-chart text{font:12px Inter,"Helvetica Neue",Arial,"PingFang SC","Microsoft YaHei",'
        '"Noto Sans CJK SC",sans-serif;fill:var(--chart-soft);font-variant-numeric:tabular-nums}'
        ".consilia-chart .name{fill:var(--chart-ink)}.consilia-chart .strong{fill:var(--chart-ink);font-weight:600}"
        ".consilia-chart .big{fill:var(--chart-ink);font-size:22px;font-weight:620}"
        ".consilia-chart .paper{fill:var(--chart-paper)}"
        ".consilia-chart .gap{stroke:var(--chart-paper);stroke-width:2}"
        ".consilia-chart .grid{stroke:var(--chart-line);stroke-width:1}"
        ".consilia-chart .axis{stroke:var(--chart-soft);stroke-width:1}"
        ".consilia-chart .mark{stroke:var(--chart-soft);stroke-width:1;stroke-dasharray:4 4}"
        ".consilia-chart .line{stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
        ".consilia-chart .thin{stroke-width:1.25;stroke-linejoin:round}"
        f".consilia-chart .wash{{opacity:.14}}.consilia-chart .band{{opacity:.22}}{series}"
    )


STYLE: Final = (
    f":root{{{_variables(0)}}}@media (prefers-color-scheme:dark){{:root{{{_variables(1)}}}}}"
    f"@media print{{:root{{{_variables(0)}}}}}{_rules()}"
)
"""The style sheet: variables for light, dark and print, and the rules that use them."""
