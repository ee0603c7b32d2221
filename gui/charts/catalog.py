"""All charts. ADD A CHART: one module with a subclass of gui.charts.base.Chart, one line here."""

from __future__ import annotations

from typing import TypeVar

from engine.catalogue import load
from gui.charts.base import Chart

C = TypeVar("C", bound=Chart)

# name -> "module:class"
ENTRIES: dict[str, str] = {
    "latency_live": "gui.charts.latency_live:LatencyLiveChart",
    "rate_live": "gui.charts.rate_live:RateLiveChart",
    "latency_distribution": "gui.charts.latency_distribution:LatencyDistributionChart",
    "quality_speed": "gui.charts.quality_speed:QualitySpeedChart",
    "length_grid": "gui.charts.length_grid:LengthGridChart",
    "waterfall": "gui.charts.waterfall:WaterfallChart",
    "memory": "gui.charts.memory:MemoryChart",
    "machines": "gui.charts.machines:MachinesChart",
}


def make(name: str, kind: type[C]) -> C:
    """A new chart called `name`, which is a `kind`."""
    made = load(ENTRIES[name])()
    if not isinstance(made, kind):
        raise TypeError(f"{ENTRIES[name]} is not a {kind.__name__}")
    return made
