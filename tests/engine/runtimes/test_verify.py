import math

import numpy as np
import pytest

from engine.protocol.errors import UserError
from engine.runtimes import verify


def test_what_is_not_a_number_never_counts_as_equal() -> None:
    good = np.ones((2, 3), np.float32)
    bad = good.copy()
    bad[0, 0] = np.nan
    assert verify.divergence(good, good) == 0.0
    for found, expected in ((bad, good), (good, bad)):
        assert math.isinf(verify.divergence(expected, found))
        with pytest.raises(UserError, match="does not compute"):
            verify.require_equal(found, expected, 1e-3)
