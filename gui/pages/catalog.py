"""All pages, in the order of the tabs. ADD A PAGE: one module, one line here."""

from __future__ import annotations

# key -> (tab title in English, "module:class", has a tab)
ENTRIES: dict[str, tuple[str, str, bool]] = {
    "start": ("Start", "gui.pages.start:StartPage", True),
    "checkpoint": ("Checkpoint", "gui.pages.checkpoint:CheckpointPage", True),
    "pipeline": ("Pipeline", "gui.pages.pipeline:PipelinePage", True),
    "run": ("Run", "gui.pages.run:RunPage", True),
    "compare": ("Compare", "gui.pages.compare:ComparePage", True),
    "history": ("History", "gui.pages.history:HistoryPage", True),
    "settings": ("Settings", "gui.pages.settings:SettingsPage", False),
}
