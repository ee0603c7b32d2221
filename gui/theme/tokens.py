"""The design tokens. Every colour and size of the window is named here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, fields

SPACE = (0, 4, 8, 12, 16, 24, 32)  # the 4-pixel grid
RADIUS = 6
TITLE, SECTION, BODY, CAPTION = 20, 15, 13, 11  # font sizes in pixels


@dataclass(frozen=True)
class Tokens:
    """One colour scheme, as "#rrggbb".

    Attributes:
        background: behind everything.
        surface: cards and panes.
        raised: fields and hovered rows.
        text, muted: primary and secondary text.
        border: hairlines.
        accent: the optimised model, and what can be pressed.
        on_accent: text on accent.
        accent_soft: selection and tinted backgrounds.
        original: the original model, in charts, panes and tables.
        good, bad, warn: outcomes; always beside a sign, a word and an icon.
        warn_soft, bad_soft: backgrounds of notes.
        focus: the focus ring.
        series: further candidates, Okabe-Ito in order.
    """

    name: str
    background: str
    surface: str
    raised: str
    text: str
    muted: str
    border: str
    accent: str
    on_accent: str
    accent_soft: str
    original: str
    good: str
    bad: str
    warn: str
    warn_soft: str
    bad_soft: str
    focus: str
    series: tuple[str, ...]


LIGHT = Tokens(
    name="light",
    background="#f4f6f8",
    surface="#ffffff",
    raised="#edf1f4",
    text="#18222c",
    muted="#566472",
    border="#d9e0e6",
    accent="#0b7a72",
    on_accent="#ffffff",
    accent_soft="#dff1ef",
    original="#57708a",
    good="#1b7a3d",
    bad="#b3311f",
    warn="#8a5a00",
    warn_soft="#fdf3de",
    bad_soft="#fbe9e6",
    focus="#0b7a72",
    series=("#0072b2", "#b15c00", "#8a4f7d", "#7a6a00", "#00795a", "#2f7fb5"),
)

DARK = Tokens(
    name="dark",
    background="#12171d",
    surface="#1a2129",
    raised="#242d37",
    text="#e6ebf0",
    muted="#9aa8b5",
    border="#2d3742",
    accent="#3fc1b4",
    on_accent="#06211f",
    accent_soft="#153a3a",
    original="#9db4cc",
    good="#5cc98a",
    bad="#f08a78",
    warn="#e5b252",
    warn_soft="#332a17",
    bad_soft="#3a2220",
    focus="#3fc1b4",
    series=("#56b4e9", "#e69f00", "#cc79a7", "#f0e442", "#00b98a", "#8cc4ec"),
)


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb" (WCAG 2.2, 1.4.3)."""

    def channel(value: int) -> float:
        v = value / 255
        return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4

    r, g, b = (channel(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, 1.4.3)."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def colours(tokens: Tokens) -> dict[str, str]:
    """Every single colour of a scheme by name."""
    return {f.name: getattr(tokens, f.name) for f in fields(tokens) if f.name not in ("name", "series")}
