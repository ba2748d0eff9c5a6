"""bench/results.svg: bars of the ratio to the limit, in light and dark."""

import math
from html import escape

from numbers_of import to_limit

WIDTH, LEFT, RIGHT = 860, 250, 70
BAR, GAP, HEAD = 13, 5, 30
LEAST, MOST = 0.0005, 1.5  # the axis, at least: it is logarithmic
TICKS = (0.0001, 0.001, 0.01, 0.1, 1, 10, 100)

STYLE = """
text { font: 12px -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2328 }
.load { font-weight: 600; font-size: 13px }
.note, .tick { fill: #59636e; font-size: 11px }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.limit { fill: #9aa4af } .ours { fill: #1f6feb } .peer { fill: #c69026 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .note, .tick { fill: #9198a1 }
  .grid { stroke: #3d444d } .limit { fill: #656c76 }
  .ours { fill: #4493f8 } .peer { fill: #d29922 }
}"""

OURS = ("ours", "luajit", "callback")
BESIDE = ("cjson", "timed")  # they explain, they do not compete


class Axis:
    """It goes as far as the values do."""

    def __init__(self, values):
        self.least = min([LEAST, *values])
        self.most = max([MOST, *values])

    def place(self, value):
        share = (math.log(value / self.least)
                 / math.log(self.most / self.least))
        return LEFT + (WIDTH - LEFT - RIGHT) * share

    def ticks(self):
        return [tick for tick in TICKS if self.least <= tick <= self.most]


def kind(key):
    if key == "limit":
        return "limit"
    return "ours" if key in OURS else "peer"


def bar(y, key, label, value, end):
    return (
        f'<text x="{LEFT - 8}" y="{y + BAR - 3}" text-anchor="end">'
        f"{escape(label)}</text>"
        f'<rect class="{kind(key)}" x="{LEFT}" y="{y}" rx="2" '
        f'width="{max(1, end - LEFT):.1f}" height="{BAR}"/>'
        f'<text class="note" x="{end + 5:.1f}" y="{y + BAR - 3}">'
        f"{value:.3g}</text>")


def ratios(series):
    rows = [(key, to_limit(series, key)) for key in series.samples
            if key not in BESIDE]
    return [(key, value) for key, value in rows if value]


def group(y, series, axis):
    """One load; returns its drawing and where the next one begins."""
    title = series.load.title
    if series.load.of_servers:
        title = "Servers: " + title
    if series.load.by_cpu:
        title += ": limit's CPU / its CPU"
    parts = [f'<text class="load" x="8" y="{y + 14}">{escape(title)}</text>']
    y += HEAD - 8
    for key, value in ratios(series):
        parts.append(bar(y, key, series.labels[key], value, axis.place(value)))
        y += BAR + GAP
    return parts, y + 12


def grid(bottom, axis):
    parts = []
    for tick in axis.ticks():
        x = axis.place(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="44" '
                     f'y2="{bottom}"/><text class="tick" x="{x:.1f}" y="38" '
                     f'text-anchor="middle">{tick:g}</text>')
    return parts


def draw(path, all_series):
    y, parts = 54, []
    compared = [s for s in all_series if "limit" in s.samples]
    axis = Axis([value for s in compared for _, value in ratios(s)])
    for series in compared:
        drawn, y = group(y, series, axis)
        parts += drawn
    title = ('<text class="load" x="8" y="18">Messages/s, to those of the '
             "limit, a batching C program on bare sockets (1 is the limit; "
             "logarithmic)</text>")
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
            f'height="{y}" viewBox="0 0 {WIDTH} {y}" role="img">'
            f"<style>{STYLE}</style>{title}"
            + "\n".join(grid(y - 10, axis) + parts) + "</svg>\n")
