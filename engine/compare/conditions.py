"""The conditions of a comparison in words, grouped, for the window, the report and the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.compare.format import format_number
from engine.compare.table import Conditions

Value = str | int | float | bool


def _plain(value: Value) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _percent(value: Value) -> str:
    return f"{value:g} %" if isinstance(value, (int, float)) else str(value)


def _seconds(value: Value) -> str:
    return f"{value:g} s" if isinstance(value, (int, float)) else str(value)


def _clock(value: Value) -> str:
    return f"{format_number(value / 1000)} GHz" if isinstance(value, (int, float)) else str(value)


def _memory(value: Value) -> str:
    return f"{value} GiB"


def _cache(value: Value) -> str:
    return f"{value:g} MiB"


# What is known of each key: its title and how its value reads. Keys that are not listed belong to VERSIONS.
MACHINE: Mapping[str, tuple[str, Callable[[Value], str]]] = {
    "cpu": ("Processor", _plain),
    "cores": ("Cores", _plain),
    "cache_mib": ("Last-level cache", _cache),
    "memory_gib": ("Memory", _memory),
    "clock_mhz": ("Clock at first", _clock),
    "clock_lowest_mhz": ("Lowest clock", _clock),
    "clock_highest_mhz": ("Highest clock", _clock),
    "governor": ("Clock governor", _plain),
    "turbo": ("Turbo allowed", _plain),
    "power": ("Power source", _plain),
    "virtual": ("Virtual machine", _plain),
    "system": ("System", _plain),
    **{f"gpu_{place}": (f"GPU {place}", _plain) for place in range(8)},
    "gpu_driver": ("GPU driver", _plain),
    "intel_gpu": ("Intel GPU", _plain),
    "intel_npu": ("Intel NPU", _plain),
}
LOAD: Mapping[str, tuple[str, Callable[[Value], str]]] = {
    "busy_percent": ("In use before", _percent),
    "load_average": ("Load average", _plain),
    "others_percent": ("Other programs", _percent),
    "paused_seconds": ("Paused for other programs", _seconds),
    "stolen_percent": ("Taken by the host", _percent),
    "waited_percent": ("Waiting for a processor", _percent),
    "busy": ("Disturbing", _plain),
}
ROUND: Mapping[str, tuple[str, Callable[[Value], str]]] = {
    "threads": ("Threads", _plain),
    "batch": ("Texts at once", _plain),
    "prompt_tokens": ("Prompt tokens", _plain),
    "new_tokens": ("New tokens", _plain),
    "clients": ("Requests at once", _plain),
    "requests_per_round": ("Requests a round", _plain),
    "warm_up_answers": ("Answers to warm up", _plain),
    "energy": ("Energy", _plain),
    "rounds": ("Rounds", _plain),
    "rounds_ended": ("Why no more rounds", _plain),
}
NOT_MEASURED = "not measured: no counter can be read here"
# Why the rounds ended, by the reason that engine.bench.stopping gives.
ENDED = {
    "fixed": "as many as asked for",
    "sure": "the result was sure enough",
    "time": "the time was used up",
    "most": "the most there can be",
}
GROUPS: Mapping[str, Mapping[str, tuple[str, Callable[[Value], str]]]] = {
    "How it was timed": ROUND,
    "Load": LOAD,
    "Machine": MACHINE,
}
VERSIONS = "Versions"


def titles() -> tuple[str, ...]:
    """Every fixed text, for translation."""
    return (*GROUPS, VERSIONS, NOT_MEASURED, *(title for group in GROUPS.values() for title, _ in group.values()))


def grouped(conditions: Conditions) -> dict[str, list[tuple[str, str]]]:
    """What is known, as (title, value) by group; groups without anything are left out."""
    found: dict[str, list[tuple[str, str]]] = {}
    listed = {key for group in GROUPS.values() for key in group}
    for name, group in GROUPS.items():
        rows = [
            (title, words(value))
            for key, (title, words) in group.items()
            if (value := conditions.get(key)) not in (None, "")
        ]
        if rows:
            found[name] = rows
    versions = [(key.replace("_", "-"), str(value)) for key, value in conditions.items() if key not in listed]
    if versions:
        found[VERSIONS] = versions
    return found


def in_one_line(conditions: Conditions) -> str:
    """What a reader of a verdict asks first: "AMD EPYC, 2 threads, 128 prompt and 64 new tokens, 16 rounds, …"."""
    parts = [str(conditions.get("cpu") or "")]
    if threads := conditions.get("threads"):
        parts.append(f"{threads} {'thread' if threads == 1 else 'threads'}")
    if new := conditions.get("new_tokens"):
        parts.append(f"{conditions.get('prompt_tokens')} prompt and {new} new tokens")
    if rounds := conditions.get("rounds"):
        ended = conditions.get("rounds_ended")
        parts.append(f"{rounds} rounds" + (f" ({ended})" if ended else ""))
    if (others := conditions.get("others_percent")) is not None:
        parts.append(f"other programs used {others:g} % of the processors" if isinstance(others, float) else "")
    return ", ".join(part for part in parts if part)
