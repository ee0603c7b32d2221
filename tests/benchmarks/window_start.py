"""How long until the window is visible, against a bare PySide6 + pyqtgraph window.

python -m tests.benchmarks.window_start
Each start is a fresh process, the two kinds take turns. Reports medians in seconds and their ratio (budget: 1.5).
Exit status 1 when the ratio is above the budget.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

BUDGET = 1.5
ROUNDS = 9

BARE = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
import pyqtgraph
app = QApplication(["bare"])
window = QMainWindow()
window.setCentralWidget(pyqtgraph.PlotWidget())
window.resize(1280, 720)
window.show()
QTimer.singleShot(0, app.quit)
app.exec()
"""

OURS = """
import sys
from PySide6.QtCore import QTimer
from gui import app
create = app.create_application
def patched():
    made = create()
    QTimer.singleShot(0, made.quit)
    return made
app.create_application = patched
app.main([])
"""


def seconds(code: str, environment: dict[str, str]) -> float:
    """Wall time of a process that shows a window and ends."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    """Measure and print a JSON document."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ, "HASTEN_HOME": home}
        for code in (BARE, OURS):
            seconds(code, environment)  # warms the disk cache and writes byte code
        pairs = [(seconds(BARE, environment), seconds(OURS, environment)) for _ in range(ROUNDS)]
    bare, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(
        json.dumps({"bare_s": round(bare, 3), "window_s": round(ours, 3), "ratio": round(ratio, 3), "rounds": ROUNDS})
    )
    return 0 if ratio <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
