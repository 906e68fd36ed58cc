"""Quadratic programs, solved exactly by an active-set method: minimise ½ x'Hx + f'x within bounds and linear rows."""

from collections.abc import Callable
from typing import cast

import daqp
import numpy as np

from tools.finance.faults import NoSolution
from tools.finance.series import Floats

_EQUAL = 5  # DAQP's mark of an equality
_Solve = Callable[..., tuple[Floats, float, int, object]]


def minimise(
    hessian: Floats,
    linear: Floats,
    lower: Floats,
    upper: Floats,
    rows: Floats,
    row_lower: Floats,
    row_upper: Floats,
) -> Floats:
    """The minimiser x of ½ x'Hx + f'x with lower ≤ x ≤ upper and row_lower ≤ rows·x ≤ row_upper.

    H is symmetric positive definite; rows with equal bounds are equalities. Solver: DAQP (Arnström, Bemporad & Axehill
    2022, A dual active-set solver for embedded quadratic programming). Raises NoSolution when the bounds contradict.
    """
    scale = float(np.max(np.abs(np.diag(hessian)))) or 1.0
    above = np.concatenate([upper, row_upper])
    below = np.concatenate([lower, row_lower])
    sense = np.where(above - below <= 1e-13, _EQUAL, 0).astype(np.int32)
    solve = cast(_Solve, daqp.solve)  # pyright: ignore[reportUnknownMemberType], compiled, without types
    x, _, flag, _ = solve(
        np.ascontiguousarray(hessian / scale),
        np.ascontiguousarray(linear / scale),
        np.ascontiguousarray(rows),
        np.ascontiguousarray(above),
        np.ascontiguousarray(below),
        sense,
        primal_tol=1e-12,
        dual_tol=1e-13,
    )
    if flag < 1:
        why = "its constraints contradict each other" if flag == -1 else f"the solver stopped with status {flag}"
        raise NoSolution(f"the allocation has no solution: {why}", status=int(flag))
    return np.asarray(x, dtype=np.float64)
