"""An exported graph made ready for ONNX Runtime: weights read as they are stored, and integer grids in their places.

Shape letters: N output rows, K input columns of a weight.
"""

from __future__ import annotations

import re

import onnx_ir as ir
from onnx_ir.passes import common as passes
from onnxscript import optimizer, rewriter
from onnxscript.rewriter.rules import common as rules

from engine.passes.base import StepContext
from engine.runtimes.onnx_runtime import graph as edit
from engine.runtimes.onnx_runtime.nbits import Blocks, blocks_of
from engine.runtimes.stored import Stored

_MODULE = re.compile(r"model\.(.+)\.weight")  # the traced module calls the model “model”
_EXACT_RULES = (
    rules.collapse_slice_rule, rules.collapse_slice2_rule, rules.materialize_reshape_shape_rule, rules.no_op_cast_rule,
    rules.no_op_expand_rule, rules.no_op_transpose_rule, rules.reshape_reshape_rule, rules.slice_split_rule,
    rules.squeeze_reshape_1d_rule, rules.transpose_transpose_rule, rules.unsqueeze_unsqueeze_rule,
)  # fmt: skip
# what repeats key-value heads for several query heads, which the attention kernel does by itself
_REPEATS = ("Reshape", "Expand", "Unsqueeze")


def tidy(model: ir.Model) -> None:
    """Fold what is constant, multiply by weights as they are stored, and hand attention its heads unrepeated.

    Products of a transposed weight [N, K] become FusedMatMul or Gemm that read it in that order, so that it is mapped
    from the file and one that embedding and head share is stored once.
    """
    graph = model.graph
    for node in list(graph):
        weight = _transposed(node)
        if weight is None:
            continue
        if node.op_type == "Gemm":
            node.replace_input_with(1, weight)
            node.attributes["transB"] = ir.AttrInt64("transB", 1)
        else:
            edit.use_transposed_matmul(graph, node, weight)
    edit.remove_unused(graph)
    _fold(model)
    for node in graph:
        if node.op_type == "Attention":
            for place in (1, 2):
                if (whole := _unrepeated(node.inputs[place])) is not None:
                    node.replace_input_with(place, whole)
    edit.remove_unused(graph)


def _fold(model: ir.Model) -> None:
    """Fold constants and what changes nothing.

    onnxscript's default rules also drop what is nearly nothing: x + 1e-8, the epsilon that Helium's norms add.
    """
    for _ in range(2):  # what is folded shows more that changes nothing
        optimizer.fold_constants_ir(model, onnx_shape_inference=True)
        rewriter.rewrite(model, _EXACT_RULES)
    for tidier in (
        passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        passes.DeduplicateInitializersPass(),
        passes.CommonSubexpressionEliminationPass(),
        passes.NameFixPass(),
    ):
        tidier(model)


def put_grids(model: ir.Model, stored: Stored, context: StepContext, level: int) -> int:
    """Put the grids of `stored` in place of the float weights of the same modules; how many nodes were changed.

    `level` is MatMulNBits' accuracy_level.
    """
    graph = model.graph
    found = [(node, owner) for node in graph if (owner := _owner(node, stored)) is not None]
    placed: dict[str, Blocks] = {}
    changed = 0
    for index, (node, owner) in enumerate(found):
        context.step(index, len(found), "Placing integer weights")
        if owner not in placed:
            placed[owner] = blocks_of([stored.read(owner)])
        blocks = placed[owner]
        if node.op_type != "Gather":
            bias = node.inputs[2] if node.op_type == "Gemm" and len(node.inputs) > 2 else None
            edit.use_integer_matmul(graph, node, blocks, owner, level, bias)
        elif not blocks.padded:  # else it stays a float look-up, whose rows lie on the grid too
            edit.use_integer_gather(graph, node, blocks, owner)
        else:
            continue
        changed += 1
    edit.remove_unused(graph)
    return changed


def _owner(node: ir.Node, stored: Stored) -> str | None:
    """The module whose grid holds the weight [N, K] that `node` multiplies by or looks up; None where there is none."""
    place = {"Gather": 0, "FusedMatMul": 1, "Gemm": 1}.get(node.op_type)
    weight = None if place is None else node.inputs[place]
    if weight is None or not weight.is_initializer() or (node.op_type == "Gemm" and not _plain(node)):
        return None
    found = _MODULE.fullmatch(weight.name or "")
    return stored.owner(found[1]) if found else None


def _plain(node: ir.Node) -> bool:
    """Gemm `node` is x·Wᵀ + b, as a linear layer is."""
    number = node.attributes.get_float
    return (
        node.attributes.get_int("transB", 0) == 1
        and node.attributes.get_int("transA", 0) == 0
        and number("alpha", 1.0) == number("beta", 1.0) == 1.0
    )


def _transposed(node: ir.Node) -> ir.Value | None:
    """The weight [N, K] whose transpose `node` multiplies by, if it is such a product."""
    if node.op_type not in ("MatMul", "Gemm") or node.attributes.get_int("transB", 0) != 0:
        return None
    right = node.inputs[1]
    turn = right.producer() if right is not None else None
    if turn is None or turn.op_type != "Transpose" or list(turn.attributes.get_ints("perm", [])) != [1, 0]:
        return None
    weight = turn.inputs[0]
    return weight if weight is not None and weight.is_initializer() else None


def _unrepeated(value: ir.Value | None) -> ir.Value | None:
    """The cache [B, H, C, D] that `value` repeats for several query heads; None where it does not."""
    repeats = False
    while value is not None and (node := value.producer()) is not None:
        if node.op_type == "TensorScatter":
            return value if repeats else None
        if node.op_type not in _REPEATS:
            return None
        repeats |= node.op_type == "Expand"
        value = node.inputs[0]
    return None
