"""Medians with their spread, of the samples of one load."""

from statistics import median

MICRO = 1e6


def rate(sample):
    return sample["messages"] / sample["seconds"]


def cpu(sample):
    return MICRO * (sample["user"] + sample["system"]) / sample["messages"]


def user(sample):
    return MICRO * sample["user"] / sample["messages"]


def system(sample):
    return MICRO * sample["system"] / sample["messages"]


def inside(sample):
    """The share of its CPU that passes in the part it looks at closely."""
    whole = sample["user"] + sample["system"]
    return sample["inside"] / (whole - sample["clock"])


class Spread:
    """The middle of some values, the lowest and the highest."""

    def __init__(self, values):
        self.values = sorted(values)
        self.middle = median(self.values)
        self.low, self.high = self.values[0], self.values[-1]

    def text(self, form):
        return f"{form(self.middle)} ({form(self.low)}–{form(self.high)})"


class Middle(float):
    """The middle of some values, that knows the lowest and the highest."""

    def __new__(cls, values, scale=1):
        self = super().__new__(cls, scale * median(values))
        self.low, self.high = scale * min(values), scale * max(values)
        return self

    def times(self, scale):
        return Middle([self.low, self, self.high], scale)


def spread(series, key, what):
    """None when the contender has no sample."""
    samples = [s for s in series.samples.get(key, []) if s["messages"] > 0]
    return Spread([what(s) for s in samples]) if samples else None


def ratio(series, key, what, to="limit"):
    """The middle of a contender's ratios to another, each of one round, in which
    they ran side by side; or None. One that failed has fewer rounds."""
    rounds = zip(series.samples.get(key, []), series.samples.get(to, []))
    ratios = [what(mine) / what(other) for mine, other in rounds
              if mine["messages"] > 0 and other["messages"] > 0
              and what(other) > 0]
    return Middle(ratios) if ratios else None


def to_limit(series, key):
    """How near the limit: 1 is there. With one in flight CPU is compared: the
    rate is the kernel's wake-up."""
    if series.load.by_cpu:
        value = ratio(series, key, cpu)
        return value and 1 / value
    return ratio(series, key, rate)


def short(value):
    """Three digits and a unit: 1.94M, 86.4k, 0.205."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}" if value < 1000 * size \
                else f"{value / size:.0f}{unit}"
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
