"""bench/results.svg: bars of the ratio to the limit, in light and dark."""

import math
from html import escape

from numbers_of import to_limit

WIDTH, LEFT, RIGHT = 860, 250, 70
BAR, GAP, HEAD = 13, 5, 30
LEAST = 0.0005  # what the axis begins with: it is logarithmic

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


def place(value):
    """Where a ratio is on the axis, which ends at 1 or a little above."""
    span = WIDTH - LEFT - RIGHT
    share = math.log(max(value, LEAST) / LEAST) / math.log(1.5 / LEAST)
    return LEFT + span * min(1.0, share)


def kind(key):
    if key == "limit":
        return "limit"
    return "ours" if key in OURS else "peer"


def bar(y, key, label, value):
    end = place(value)
    return (
        f'<text x="{LEFT - 8}" y="{y + BAR - 3}" text-anchor="end">'
        f"{escape(label)}</text>"
        f'<rect class="{kind(key)}" x="{LEFT}" y="{y}" rx="2" '
        f'width="{max(1, end - LEFT):.1f}" height="{BAR}"/>'
        f'<text class="note" x="{end + 5:.1f}" y="{y + BAR - 3}">'
        f"{value:.3g}</text>")


def group(y, series):
    """One load; returns its drawing and where the next one begins."""
    title = series.load.title
    if series.load.by_cpu:
        title += " (CPU compared)"
    rows = [(key, to_limit(series, key)) for key in series.samples
            if key not in BESIDE]
    parts = [f'<text class="load" x="8" y="{y + 14}">{escape(title)}</text>']
    y += HEAD - 8
    for key, value in rows:
        if value:
            parts.append(bar(y, key, series.labels[key], value))
            y += BAR + GAP
    return parts, y + 12


def grid(bottom):
    parts = []
    for tick in (0.001, 0.01, 0.1, 1):
        x = place(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="44" '
                     f'y2="{bottom}"/><text class="tick" x="{x:.1f}" y="38" '
                     f'text-anchor="middle">{tick:g}</text>')
    return parts


def draw(path, all_series):
    y, parts = 54, []
    for series in all_series:
        if "limit" not in series.samples:
            continue
        drawn, y = group(y, series)
        parts += drawn
    title = ('<text class="load" x="8" y="18">Ratio to the limit, a batching '
             "C program on bare sockets (1 is the limit; logarithmic)</text>")
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
            f'height="{y}" viewBox="0 0 {WIDTH} {y}" role="img">'
            f"<style>{STYLE}</style>{title}"
            + "\n".join(grid(y - 10) + parts) + "</svg>\n")
