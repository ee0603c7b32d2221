"""The best two factors of a matrix, in its weights or in its answers, and how many columns they need.

Shape letters: O = out features, I = in features, R = rank, K = min(O, I).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

# Beyond this width float64 would take more memory than a pass may.
_WIDEST_DOUBLE = 4096


class Inputs:
    """What a layer is given, as H = Σ x xᵀ [I, I] with a share `damping` of its mean diagonal added to its diagonal.

    With much damping all inputs count alike, and what is kept is what is largest in the weights themselves.
    """

    def __init__(self, moment: Tensor, damping: float) -> None:
        self.moment = moment.to(_precise(moment.shape[0]), copy=True)
        self._mean = float(self.moment.diagonal().mean()) or 1.0
        self.moment.diagonal().add_(damping * self._mean)

    @cached_property
    def whitening(self) -> Tensor:
        """S, lower triangular, with S Sᵀ = H (more damped where too little text makes that impossible)."""
        work = self.moment
        for power in range(-8, 4):
            lower: Tensor
            lower, failed = torch.linalg.cholesky_ex(work)
            if not failed and bool(torch.isfinite(lower.diagonal()).all()):
                return lower
            work = self.moment.clone()
            work.diagonal().add_(10.0**power * self._mean)
        raise ArithmeticError("a moment that is not finite has no root")


@dataclass(frozen=True)
class Spectrum:
    """A weight as a sum of K products of a column and a row, those first that matter most.

    Attributes:
        energy: [K] descending, ≥ 0: what is lost with each, ‖(W − W')X‖² of the text or ‖W − W'‖² of the weights.
        left: [O, K] the columns; `left @ right` is the whole weight.
        right: [K, I] the rows, each as long as its column, so that both factors suit 16-bit and integer formats.
    """

    energy: Tensor
    left: Tensor
    right: Tensor

    def factors(self, rank: int) -> tuple[Tensor, Tensor]:
        """[R, I] and [O, R], float32: the second applied to what the first answers is the layer of rank R."""
        return self.right[:rank].float().contiguous(), self.left[:, :rank].float().contiguous()

    def lost(self, rank: int) -> float:
        """The share of the energy that rank `rank` loses."""
        whole = float(self.energy.sum())
        return float(self.energy[rank:].sum()) / whole if whole else 0.0


def spectrum(weight: Tensor, inputs: Inputs | None) -> Spectrum:
    """The singular value decomposition of `weight` [O, I], or with `inputs` that of W S, S Sᵀ = H.

    The first R of its products are the matrix W' of rank R for which ‖(W − W')X‖ is least (Eckart & Young 1936 for W S;
    Wang et al. 2024, arXiv:2403.07378, section 3.1). With W S = U Σ Vᵀ that is W' = U_R U_Rᵀ W = W S V_R V_Rᵀ S⁻¹: the
    shorter side's vectors are found, as eigenvectors of its Gram matrix.
    """
    rows, columns = weight.shape
    whole = weight.to(_precise(min(rows, columns)))
    if rows <= columns:
        answers = whole.T if inputs is None else (inputs.moment @ whole.T.to(inputs.moment.dtype)).to(whole.dtype)
        energy, vectors = _eigen(whole @ answers)
        return _balanced(energy, vectors, vectors.T @ whole)
    if inputs is None:
        energy, vectors = _eigen(whole.T @ whole)
        return _balanced(energy, whole @ vectors, vectors.T)
    root = inputs.whitening.to(whole.dtype)
    whole = whole @ root
    energy, vectors = _eigen(whole.T @ whole)
    right = torch.linalg.solve_triangular(root.T, vectors, upper=True).T
    return _balanced(energy, whole @ vectors, right)


def rank_for_energy(energy: Tensor, share: float, multiple: int) -> int:
    """The smallest multiple that keeps at least `share` of `energy` [K], descending."""
    kept = energy.double().cumsum(0)
    needed = int(torch.searchsorted(kept, share * kept[-1])) + 1
    return -(-min(needed, len(energy)) // multiple) * multiple


def _eigen(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues [K], descending and ≥ 0, and eigenvectors [K, K] as columns."""
    values, vectors = torch.linalg.eigh(gram)
    return values.flip(0).clamp_min_(0), vectors.flip(1)


def _balanced(energy: Tensor, left: Tensor, right: Tensor) -> Spectrum:
    tiny = torch.finfo(left.dtype).tiny
    scale = (right.norm(dim=1).clamp_min(tiny) / left.norm(dim=0).clamp_min(tiny)).sqrt()
    return Spectrum(energy, left * scale, right / scale.unsqueeze(1))


def _precise(width: int) -> torch.dtype:
    return torch.float64 if width <= _WIDEST_DOUBLE else torch.float32
