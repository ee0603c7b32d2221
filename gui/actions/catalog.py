"""Every action of the window. ADD AN ACTION: one line here, one handler in gui.main_window."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Marks `text` for lupdate; Qt's own is untyped."""
    return text


@dataclass(frozen=True)
class Action:
    """An action.

    Attributes:
        name: its key.
        menu: the menu it stands in, in English.
        text: what it says, in English, with the mnemonic marked by &.
        keys: its shortcut; "" has none.
        icon: its icon's name; "" has none.
        separated: a line stands above it.
    """

    name: str
    menu: str
    text: str
    keys: str = ""
    icon: str = ""
    separated: bool = False


_FILE, _EDIT = QT_TRANSLATE_NOOP("actions", "&File"), QT_TRANSLATE_NOOP("actions", "&Edit")
_MODEL, _VIEW = QT_TRANSLATE_NOOP("actions", "&Model"), QT_TRANSLATE_NOOP("actions", "&View")
_HELP = QT_TRANSLATE_NOOP("actions", "&Help")

MENUS = (_FILE, _EDIT, _MODEL, _VIEW, _HELP)

ACTIONS: tuple[Action, ...] = (
    Action("open_folder", _FILE, QT_TRANSLATE_NOOP("actions", "&Open model folder…"), "Ctrl+O", "folder"),
    Action("open_gguf", _FILE, QT_TRANSLATE_NOOP("actions", "Open &GGUF file…"), "", "file"),
    Action("open_sample", _FILE, QT_TRANSLATE_NOOP("actions", "Open the &sample model"), "", "model"),
    Action("open_recipe", _FILE, QT_TRANSLATE_NOOP("actions", "Open &recipe…"), "Ctrl+Shift+O", "", separated=True),
    Action("save_recipe", _FILE, QT_TRANSLATE_NOOP("actions", "&Save recipe"), "Ctrl+S", "save"),
    Action("save_recipe_as", _FILE, QT_TRANSLATE_NOOP("actions", "Save recipe &as…"), "Ctrl+Shift+S"),
    Action("settings", _FILE, QT_TRANSLATE_NOOP("actions", "S&ettings"), "Ctrl+,", "settings", separated=True),
    Action("quit", _FILE, QT_TRANSLATE_NOOP("actions", "&Quit"), "Ctrl+Q", separated=True),
    Action("undo", _EDIT, QT_TRANSLATE_NOOP("actions", "&Undo"), "Ctrl+Z", "undo"),
    Action("redo", _EDIT, QT_TRANSLATE_NOOP("actions", "&Redo"), "Ctrl+Shift+Z", "redo"),
    Action("add_pass", _EDIT, QT_TRANSLATE_NOOP("actions", "&Add a pass…"), "Ctrl+Shift+A", "plus", separated=True),
    Action("copy_yaml", _EDIT, QT_TRANSLATE_NOOP("actions", "Copy recipe as &YAML"), "", "copy", separated=True),
    Action("copy_command_line", _EDIT, QT_TRANSLATE_NOOP("actions", "Copy recipe as &command line")),
    Action("copy_python", _EDIT, QT_TRANSLATE_NOOP("actions", "Copy recipe as &Python")),
    Action("clear_recipe", _EDIT, QT_TRANSLATE_NOOP("actions", "C&lear the recipe"), separated=True),
    Action("run", _MODEL, QT_TRANSLATE_NOOP("actions", "&Run the recipe"), "Ctrl+R", "play"),
    Action("profile", _MODEL, QT_TRANSLATE_NOOP("actions", "&Profile the model"), "Ctrl+P", "gauge"),
    Action("close_model", _MODEL, QT_TRANSLATE_NOOP("actions", "&Close the model"), "Ctrl+W", separated=True),
    Action("page_start", _VIEW, QT_TRANSLATE_NOOP("actions", "&Start"), "Ctrl+1"),
    Action("page_checkpoint", _VIEW, QT_TRANSLATE_NOOP("actions", "&Checkpoint"), "Ctrl+2"),
    Action("page_pipeline", _VIEW, QT_TRANSLATE_NOOP("actions", "&Pipeline"), "Ctrl+3"),
    Action("page_run", _VIEW, QT_TRANSLATE_NOOP("actions", "&Run progress"), "Ctrl+4"),
    Action("page_compare", _VIEW, QT_TRANSLATE_NOOP("actions", "C&ompare"), "Ctrl+5"),
    Action("page_history", _VIEW, QT_TRANSLATE_NOOP("actions", "&History"), "Ctrl+6"),
    Action("palette", _VIEW, QT_TRANSLATE_NOOP("actions", "Co&mmand palette…"), "Ctrl+K", "search", separated=True),
    Action("theme", _VIEW, QT_TRANSLATE_NOOP("actions", "Switch &light and dark"), "Ctrl+Shift+L", "theme"),
    Action("full_screen", _VIEW, QT_TRANSLATE_NOOP("actions", "&Full screen"), "F11"),
    Action("about", _HELP, QT_TRANSLATE_NOOP("actions", "&About Hasten"), "", "info"),
)


def translated(text: str) -> str:
    """An action's or menu's text in the user's language."""
    return QCoreApplication.translate("actions", text)
