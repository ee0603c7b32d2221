"""Pages look as approved: a small picture of each within a tolerance that fonts may use up, but a broken layout not.

After an intended change: HASTEN_APPROVE=1 pytest tests/gui/test_look.py, look at tests/golden, commit the pictures.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from engine.checkpoint.info import CheckpointInfo
from gui.document.document import Document
from gui.jobs.client import JobRunner
from gui.main_window import MainWindow
from gui.settings.settings import Settings
from gui.theme.icons import install_stylesheet_icons
from gui.theme.theme import theme

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
SIZE = (160, 90)  # 1280 x 720 in eighths: text becomes grey, structure stays
MEAN = 3.0  # grey levels of 255, over the whole picture
BLOCK = 30.0  # the same in any tenth by tenth of it


def small(picture: QImage) -> npt.NDArray[np.float32]:
    """Grey levels [90, 160] of `picture`."""
    scaled = picture.scaled(*SIZE, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    grey = scaled.convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(grey.constBits(), np.uint8).reshape(grey.height(), grey.bytesPerLine())
    return rows[:, : grey.width()].astype(np.float32)


def difference(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Mean difference of the whole pictures and of their most different block of 9 x 16."""
    apart = np.abs(a - b)
    return float(apart.mean()), float(apart.reshape(10, 9, 10, 16).mean(axis=(1, 3)).max())


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("key", ["start", "checkpoint", "pipeline", "compare"])
def test_a_page_looks_as_approved(
    qtbot: QtBot,
    document: Document,
    jobs: JobRunner,
    settings: Settings,
    llama_info: CheckpointInfo,
    key: str,
    name: str,
) -> None:
    install_stylesheet_icons()
    theme().start(name)
    window = MainWindow(settings, document, jobs)
    qtbot.addWidget(window)
    window.resize(1280, 720)
    document.set_info(llama_info.model_copy(update={"path": "/models/tiny-llama"}))
    document.add_pass("prune_magnitude")
    document.add_pass("quantize")
    window.go(key)
    window.show()
    qtbot.waitExposed(window)
    QApplication.processEvents()  # labels that wrap find their height in a second round
    found = small(window.grab().toImage())
    window.close()

    approved = GOLDEN / f"{key}-{name}.png"
    if os.environ.get("HASTEN_APPROVE"):
        GOLDEN.mkdir(exist_ok=True)
        rows = np.ascontiguousarray(found.astype(np.uint8))
        assert QImage(rows.data, *SIZE, SIZE[0], QImage.Format.Format_Grayscale8).save(str(approved))
    mean, block = difference(found, small(QImage(str(approved))))
    assert mean <= MEAN, f"{key} differs from {approved.name} by {mean:.1f} grey levels"
    assert block <= BLOCK, f"a part of {key} differs from {approved.name} by {block:.1f} grey levels"


def test_the_tolerance_tells_pages_apart() -> None:
    names = ["start-light", "checkpoint-light", "pipeline-light", "compare-light"]
    pictures = [small(QImage(str(GOLDEN / f"{name}.png"))) for name in names]
    for index, picture in enumerate(pictures):
        for other in pictures[:index]:
            mean, block = difference(picture, other)
            assert mean > MEAN or block > BLOCK
