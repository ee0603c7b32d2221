"""The stylesheet, made from the tokens.

Widgets opt in by dynamic properties: `role` on labels ("title", "section", "caption", "muted", "figure"), `kind` on
buttons ("primary", "quiet", "danger") and on frames ("card", "pane", "note", "warning", "problem").
"""

from __future__ import annotations

from gui.theme.tokens import BODY, CAPTION, RADIUS, SECTION, TITLE, Tokens


def stylesheet(t: Tokens) -> str:
    """Qt style sheet of the whole application for scheme `t`."""
    return _TEXTS.format(t=t, title=TITLE, section=SECTION, body=BODY, caption=CAPTION) + _boxes(t) + _inputs(t)


_TEXTS = """
QToolTip {{ background: {t.surface}; color: {t.text}; border: 1px solid {t.border}; padding: 6px;
    font-size: {body}px; }}
QLabel {{ background: transparent; }}
QLabel[role="title"] {{ font-size: {title}px; font-weight: 600; }}
QLabel[role="section"] {{ font-size: {section}px; font-weight: 600; }}
QLabel[role="strong"] {{ font-weight: 600; }}
QLabel[role="caption"] {{ font-size: {caption}px; color: {t.muted}; }}
QLabel[role="muted"] {{ color: {t.muted}; }}
QLabel[role="accent"] {{ color: {t.accent}; font-weight: 600; }}
QLabel[role="original"] {{ color: {t.original}; font-weight: 600; }}
QLabel[role="good"] {{ color: {t.good}; }}
QLabel[role="bad"] {{ color: {t.bad}; }}
QLabel[role="warn"] {{ color: {t.warn}; }}
"""


def _boxes(t: Tokens) -> str:
    return f"""
QMainWindow, QDialog {{ background: {t.background}; }}
QFrame[kind="card"], QFrame[kind="pane"] {{
    background: {t.surface}; border: 1px solid {t.border}; border-radius: {RADIUS}px; }}
QFrame[kind="card"][selected="true"] {{ border-color: {t.accent}; background: {t.surface}; }}
QFrame[kind="card"]:focus {{ border: 2px solid {t.focus}; }}
QFrame[focused="true"] {{ border: 1px solid {t.focus}; }}
QFrame[kind="bar"] {{ background: {t.surface}; border: none; border-bottom: 1px solid {t.border}; }}
QFrame[kind="note"] {{ background: {t.surface}; border: 1px solid {t.border}; border-radius: {RADIUS}px; }}
QFrame[kind="warning"] {{ background: {t.warn_soft}; border: none; border-radius: {RADIUS}px; }}
QFrame[kind="problem"] {{ background: {t.bad_soft}; border: none; border-radius: {RADIUS}px; }}
QDialog#palette {{ background: {t.surface}; border: 1px solid {t.border}; }}
QFrame[kind="drop"] {{ background: {t.accent}; border: none; border-radius: 2px; }}
QFrame[kind="line"] {{ background: {t.border}; border: none; max-height: 1px; min-height: 1px; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: none; }}
QMenuBar {{ background: transparent; border: none; }}
QMenuBar::item {{ padding: 6px 10px; border-radius: {RADIUS}px; background: transparent; color: {t.text}; }}
QMenuBar::item:selected {{ background: {t.raised}; }}
QMenu {{ background: {t.surface}; border: 1px solid {t.border}; padding: 4px; }}
QMenu::item {{ padding: 6px 28px 6px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {t.accent_soft}; color: {t.text}; }}
QMenu::item:disabled {{ color: {t.muted}; }}
QMenu::separator {{ height: 1px; background: {t.border}; margin: 4px 8px; }}
QMenu::icon {{ padding-left: 8px; }}
QSplitter::handle {{ background: transparent; }}
QHeaderView {{ background: {t.surface}; border: none; }}
QHeaderView::section {{ background: {t.surface}; color: {t.muted}; border: none; border-bottom: 1px solid {t.border};
    padding: 6px 8px; font-size: {CAPTION}px; font-weight: 600; }}
QTreeView, QTableView, QListView {{ background: {t.surface}; alternate-background-color: {t.background};
    border: none; outline: none; selection-background-color: {t.accent_soft}; selection-color: {t.text};
    gridline-color: {t.border}; }}
QTableView::item {{ padding: 0 4px; }}
QTreeView::item, QListView::item {{ padding: 4px; }}
QListView::item {{ border-radius: 4px; }}
QTreeView::item:hover, QListView::item:hover, QTableView::item:hover {{ background: {t.raised}; }}
QTreeView::item:selected, QListView::item:selected, QTableView::item:selected {{
    background: {t.accent_soft}; color: {t.text}; }}
QTreeView:focus, QTableView:focus, QListView:focus {{ border: 1px solid {t.focus}; border-radius: 4px; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {t.border}; border-radius: 4px; min-height: 24px; min-width: 24px; margin: 1px; }}
QScrollBar::handle:hover {{ background: {t.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QProgressBar {{ background: {t.raised}; border: none; border-radius: 3px; min-height: 6px; max-height: 6px;
    text-align: center; color: transparent; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: 3px; }}
"""


def _inputs(t: Tokens) -> str:
    return f"""
QPushButton, QToolButton {{ background: {t.surface}; color: {t.text}; border: 1px solid {t.border};
    border-radius: {RADIUS}px; padding: 6px 12px; font-size: {BODY}px; }}
QPushButton:hover, QToolButton:hover {{ background: {t.raised}; }}
QPushButton:pressed, QToolButton:pressed, QToolButton:checked {{ background: {t.accent_soft}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {t.muted}; background: {t.background}; }}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {t.focus}; padding: 5px 11px; }}
QPushButton[kind="primary"] {{ background: {t.accent}; color: {t.on_accent}; border: 1px solid {t.accent};
    font-weight: 600; padding: 6px 16px; }}
QPushButton[kind="primary"]:hover {{ border-color: {t.text}; }}
QPushButton[kind="primary"]:focus {{ border: 2px solid {t.text}; padding: 5px 15px; }}
QPushButton[kind="primary"]:disabled {{ background: {t.raised}; color: {t.muted}; border-color: {t.border}; }}
QPushButton[kind="hero"] {{ background: {t.accent}; color: {t.on_accent}; border: 1px solid {t.accent};
    font-size: {SECTION}px; font-weight: 600; padding: 8px 24px; }}
QPushButton[kind="hero"]:hover {{ border-color: {t.text}; }}
QPushButton[kind="hero"]:focus {{ border: 2px solid {t.text}; padding: 7px 23px; }}
QPushButton[kind="hero"]:disabled {{ background: {t.raised}; color: {t.muted}; border-color: {t.border}; }}
QPushButton[kind="chip"] {{ background: {t.background}; color: {t.muted}; padding: 4px 12px; border-radius: 13px; }}
QPushButton[kind="chip"]:hover {{ color: {t.text}; border-color: {t.accent}; }}
QPushButton[kind="chip"]:focus {{ border: 2px solid {t.focus}; padding: 3px 11px; }}
QPushButton[kind="row"] {{ background: transparent; border: 1px solid transparent; padding: 4px 12px;
    text-align: left; }}
QPushButton[kind="row"]:hover {{ background: {t.raised}; }}
QPushButton[kind="row"]:focus {{ border: 2px solid {t.focus}; padding: 3px 11px; }}
QPushButton[kind="danger"] {{ color: {t.bad}; }}
QPushButton[kind="quiet"], QToolButton[kind="quiet"] {{ background: transparent; border: 1px solid transparent; }}
QPushButton[kind="quiet"]:hover, QToolButton[kind="quiet"]:hover {{ background: {t.raised}; }}
QPushButton[kind="link"] {{ background: transparent; border: none; padding: 4px 0; color: {t.muted}; }}
QPushButton[kind="link"]:hover {{ color: {t.text}; }}
QPushButton[kind="link"]:focus {{ color: {t.accent}; text-decoration: underline; border: none; padding: 4px 0; }}
QPushButton[kind="quiet"]:focus, QToolButton[kind="quiet"]:focus {{ border: 2px solid {t.focus}; padding: 5px 11px; }}
QToolButton[kind="icon"] {{ background: transparent; border: 1px solid transparent; padding: 5px; }}
QToolButton[kind="icon"]:hover {{ background: {t.raised}; }}
QToolButton[kind="icon"]:checked {{ background: {t.accent_soft}; }}
QToolButton[kind="icon"]:focus {{ border: 2px solid {t.focus}; padding: 4px; }}
QPushButton[kind="add"] {{ background: transparent; border: 1px dashed {t.muted}; }}
QPushButton[kind="add"]:hover {{ background: {t.surface}; border-color: {t.accent}; }}
QPushButton[kind="add"]:focus {{ border: 2px solid {t.focus}; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QPushButton::menu-indicator {{ image: none; width: 0; }}
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {{ background: {t.surface};
    color: {t.text}; border: 1px solid {t.border}; border-radius: {RADIUS}px; padding: 5px 8px;
    selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
QSpinBox, QDoubleSpinBox, QComboBox, QLineEdit {{ min-height: 18px; }}
QAbstractSpinBox QLineEdit, QAbstractSpinBox QLineEdit:focus {{ border: none; background: transparent;
    padding: 0 0 0 7px; min-height: 0; }}
QAbstractSpinBox {{ max-height: 18px; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {{
    border: 2px solid {t.focus}; padding: 4px 7px; }}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {{
    color: {t.muted}; background: {t.background}; }}
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {{
    border: none; background: transparent; width: 16px; margin: 1px 4px; }}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: url("icons:{t.name}/chevron-up.svg"); width: 10px; }}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{ image: url("icons:{t.name}/chevron-down.svg"); width: 10px; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox::drop-down {{ border: none; width: 24px; }}
QComboBox::down-arrow {{ image: url("icons:{t.name}/chevron-down.svg"); width: 12px; }}
QComboBox QAbstractItemView {{ background: {t.surface}; border: 1px solid {t.border}; padding: 4px;
    selection-background-color: {t.accent_soft}; selection-color: {t.text}; outline: none; }}
QCheckBox, QRadioButton {{ spacing: 8px; background: transparent; }}
QCheckBox::indicator, QRadioButton::indicator {{ width: 16px; height: 16px; border: 1px solid {t.muted};
    background: {t.surface}; }}
QCheckBox::indicator {{ border-radius: 4px; }}
QRadioButton::indicator {{ border-radius: 8px; }}
QCheckBox::indicator:checked {{ background: {t.accent}; border-color: {t.accent};
    image: url("icons:{t.name}/check.svg"); }}
QRadioButton::indicator:checked {{ background: {t.accent}; border-color: {t.accent}; }}
QCheckBox:focus, QRadioButton:focus {{ color: {t.accent}; }}
QCheckBox::indicator:focus, QRadioButton::indicator:focus {{ border: 2px solid {t.focus}; }}
QPushButton[kind="tab"] {{ background: transparent; border: none; border-bottom: 2px solid transparent;
    border-radius: 0; padding: 10px 4px 9px 4px; margin: 0 10px; color: {t.muted}; }}
QPushButton[kind="tab"]:hover {{ color: {t.text}; }}
QPushButton[kind="tab"]:checked {{ color: {t.text}; border-bottom: 2px solid {t.accent}; }}
QPushButton[kind="tab"]:focus {{ color: {t.accent}; border-bottom: 2px solid {t.focus}; }}
"""
