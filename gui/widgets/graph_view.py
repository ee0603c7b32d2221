"""A graph that can be zoomed, moved, searched and unfolded, by mouse and by keyboard."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPen, QWheelEvent
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsPathItem,
    QGraphicsScene,
    QGraphicsView,
    QStyleOptionGraphicsItem,
    QWidget,
)

from engine.compare.compiled import Node, State
from engine.compare.modules import SHARED, Place
from gui.theme.theme import colour, follow_theme, font
from gui.widgets.graph_layout import Box, Picture, arrange, group_of

WIDTH, HEIGHT, COLUMN, ROW = 168.0, 36.0, 192.0, 64.0
FARTHEST = 6  # layers that an edge may cross and still be drawn for a box that is not selected
_BUCKET = 32  # layers whose edges are one item, so that what is out of sight is not drawn
_LEGIBLE = 0.45  # the least zoom at which a box has its text
_FIRST = 0.9  # zoom at first
_STEP = 1.25  # zoom of a key or a notch of the wheel
_LEAST, _MOST = 0.02, 3.0

# background and frame of a box
TINTS: dict[State, tuple[str, str]] = {
    "same": ("surface", "muted"),
    "fused": ("accent_soft", "accent"),
    "added": ("warn_soft", "warn"),
    "fallback": ("bad_soft", "bad"),
    "gone": ("background", "muted"),
}


class GraphCanvas(QGraphicsView):
    """Draws nodes, the parts of the model folded at first.

    Signals:
        selected(object): the Box that is selected, or None.
    """

    selected = Signal(object)

    def __init__(self, title: Callable[[Box, Sequence[Node]], tuple[str, str]]) -> None:
        """`title` gives the two lines of a box."""
        super().__init__()
        self._title = title
        self._nodes: tuple[Node, ...] = ()
        self._opened: set[Place] = set()
        self.picture = Picture((), ())
        self._items: list[BoxItem] = []
        self._near: QGraphicsPathItem | None = None
        self.current = -1
        self.setScene(QGraphicsScene(self))
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Graph"))
        follow_theme(self, self._on_theme)

    # What it shows --------------------------------------------------------------------------------------------

    def show_nodes(self, nodes: Sequence[Node]) -> None:
        """Show another graph, all parts folded."""
        self._nodes, self._opened, self.current = tuple(nodes), set(), -1
        self._draw()
        self._show_top()

    def open_all(self, opened: bool) -> None:
        """Show every node, or every part as one box."""
        self._opened = {group_of(node.place) for node in self._nodes} if opened else set()
        self._keep_node(self._draw)

    def toggle(self, box: int) -> None:
        """Unfold the group of `box`, or fold it."""
        self._opened ^= {self.picture.boxes[box].group}
        self._keep_node(self._draw)

    def show_node(self, number: int) -> None:
        """Unfold what holds node `number`, select it and bring it into sight."""
        self._opened.add(group_of(self._nodes[number].place))
        self._draw()
        self.select(next(place for place, box in enumerate(self.picture.boxes) if number in box.nodes))
        if self.transform().m11() < _LEGIBLE:
            self.resetTransform()
        self.centerOn(self._items[self.current])

    def select(self, box: int) -> None:
        """Select `box`, -1 for none; its edges are drawn however far they reach."""
        for place in {self.current, box} - {-1}:
            if place < len(self._items):
                self._items[place].chosen = place == box
                self._items[place].update()
        self.current = box
        self._draw_near()
        self.selected.emit(self.picture.boxes[box] if box >= 0 else None)

    def fit(self) -> None:
        """Show all of it, as large as it fits."""
        whole = self.scene().itemsBoundingRect()
        if not whole.isEmpty():
            self.fitInView(whole.adjusted(-8, -8, 8, 8), Qt.AspectRatioMode.KeepAspectRatio)
            self.zoom(min(1.0, 1.0 / self.transform().m11()))

    def _show_top(self) -> None:
        """Show where a token comes in, large enough to be read."""
        whole = self.scene().itemsBoundingRect()
        self.resetTransform()
        self.scale(_FIRST, _FIRST)
        self.centerOn(whole.center().x(), whole.top() - 16 + self.viewport().height() / _FIRST / 2)

    def zoom(self, factor: float) -> None:
        """Magnify by `factor`, within limits."""
        now = self.transform().m11()
        wanted = max(_LEAST, min(_MOST, now * factor))
        self.scale(wanted / now, wanted / now)

    # Mouse and keyboard ---------------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel magnifies; with Shift it scrolls."""
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier or not event.angleDelta().y():
            super().wheelEvent(event)
            return
        self.zoom(_STEP if event.angleDelta().y() > 0 else 1 / _STEP)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click selects."""
        item = self.itemAt(event.position().toPoint())
        self.select(item.number if isinstance(item, BoxItem) else -1)
        super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click unfolds."""
        item = self.itemAt(event.position().toPoint())
        if isinstance(item, BoxItem):
            self.toggle(item.number)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """+ and − magnify, 0 shows all, N and P go from box to box, Enter unfolds; arrows move the picture."""
        key, count = event.key(), len(self._items)
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / _STEP)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in (Qt.Key.Key_N, Qt.Key.Key_P) and count:
            first = 0 if key == Qt.Key.Key_N else count - 1
            step = 1 if key == Qt.Key.Key_N else -1
            self.select(first if self.current < 0 else (self.current + step) % count)
            self.ensureVisible(self._items[self.current])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.current >= 0:
            self.toggle(self.current)
        else:
            super().keyPressEvent(event)

    # Drawing --------------------------------------------------------------------------------------------------

    def _keep_node(self, draw: Callable[[], None]) -> None:
        """Draw anew, and keep selected what holds the node that was."""
        node = self.picture.boxes[self.current].nodes[0] if self.current >= 0 else None
        draw()
        if node is None:
            return
        self.select(next(place for place, box in enumerate(self.picture.boxes) if node in box.nodes))
        self.centerOn(self._items[self.current])

    def _draw(self) -> None:
        scene = self.scene()
        scene.clear()
        self._near, self.current = None, -1
        self.picture = arrange(self._nodes, self._opened)
        self._items = []
        for number, box in enumerate(self.picture.boxes):
            item = BoxItem(number, box, self._title(box, self._nodes), _state_of([self._nodes[n] for n in box.nodes]))
            scene.addItem(item)
            self._items.append(item)
        buckets: defaultdict[int, QPainterPath] = defaultdict(QPainterPath)
        for begin, end in self.picture.edges:
            first, last = self.picture.boxes[begin], self.picture.boxes[end]
            farthest = 1 if first.group == SHARED else FARTHEST  # what all layers read would hide the rest
            if 0 < last.rank - first.rank <= farthest:
                _connect(buckets[first.rank // _BUCKET], first, last)
        for path in buckets.values():
            line = scene.addPath(path, QPen(colour("muted"), 0))
            line.setZValue(-1)
        scene.setSceneRect(scene.itemsBoundingRect().adjusted(-400, -200, 400, 200))

    def _draw_near(self) -> None:
        """The edges of the selected box."""
        if self._near is not None:
            self.scene().removeItem(self._near)
            self._near = None
        if self.current < 0:
            return
        path = QPainterPath()
        for begin, end in self.picture.edges:
            if self.current in (begin, end):
                _connect(path, self.picture.boxes[begin], self.picture.boxes[end])
        pen = QPen(colour("accent"), 2)
        pen.setCosmetic(True)
        self._near = self.scene().addPath(path, pen)
        self._near.setZValue(-0.5)

    def _on_theme(self) -> None:
        self.setBackgroundBrush(colour("background"))
        if getattr(self, "_nodes", None):
            self._keep_node(self._draw)


class BoxItem(QGraphicsItem):
    """A box with two lines of text.

    Attributes:
        number: of the box in the picture.
        chosen: whether it is selected.
    """

    def __init__(self, number: int, box: Box, text: tuple[str, str], state: State) -> None:
        super().__init__()
        self.number, self.chosen = number, False
        self._box, self._text, self._state = box, text, state
        self.setPos(_centre(box))
        self.setToolTip("\n".join(filter(None, text)))

    def boundingRect(self) -> QRectF:
        """The box and its frame."""
        return QRectF(-WIDTH / 2 - 2, -HEIGHT / 2 - 2, WIDTH + 4, HEIGHT + 4)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw it; without text where that could not be read."""
        ground, frame = TINTS[self._state]
        pen = QPen(colour("focus") if self.chosen else colour(frame), 3 if self.chosen else 1)
        if self._state in ("gone", "added"):
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(colour(ground))
        body = QRectF(-WIDTH / 2, -HEIGHT / 2, WIDTH, HEIGHT)
        painter.drawRoundedRect(body, 6, 6)
        if self._box.folded:  # a second edge, as of a stack
            painter.drawLine(QPointF(body.left() + 6, body.bottom() - 3), QPointF(body.right() - 6, body.bottom() - 3))
        if option.levelOfDetailFromTransform(painter.worldTransform()) < _LEGIBLE:
            return
        for line, (text, role, shade) in enumerate(
            zip(self._text, ("body", "caption"), ("text", "muted"), strict=True)
        ):
            painter.setFont(font(role))
            painter.setPen(QColor(colour(shade)))
            room = body.adjusted(8, 2 + 17 * line, -8, 0)
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, int(room.width()))
            painter.drawText(room, int(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter), shown)


def _state_of(nodes: Sequence[Node]) -> State:
    """What is most worth telling of several nodes."""
    found = {node.state for node in nodes}
    if found == {"gone"}:
        return "gone"
    order: tuple[State, ...] = ("fallback", "fused", "added", "same")
    return next((state for state in order if state in found), "same")


def _centre(box: Box) -> QPointF:
    return QPointF(box.place * COLUMN, box.rank * ROW)


def _connect(path: QPainterPath, first: Box, last: Box) -> None:
    begin, end = _centre(first) + QPointF(0, HEIGHT / 2), _centre(last) - QPointF(0, HEIGHT / 2)
    path.moveTo(begin)
    bend = QPointF(0, max(12.0, (end.y() - begin.y()) / 2))
    path.cubicTo(begin + bend, end - bend, end)
