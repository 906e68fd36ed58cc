"""Expected returns from the market's and one's own views."""

from dataclasses import dataclass

import numpy as np

from tools.errors import InvalidInput
from tools.finance.series import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """pick: one row a view, the weight of each asset in it (1 for an absolute view; 1 and −1 for a relative one).

    returns: expected excess return of each view, a year. confidence: in (0, 1] of each; 0.5 is He & Litterman's.
    """

    pick: Floats
    returns: Floats
    confidence: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """expected: excess returns over the risk-free rate, a year. covariance: of returns, a year."""

    implied: Floats
    expected: Floats
    covariance: Floats


def implied_returns(covariance: Floats, market: Floats, risk_aversion: float) -> Floats:
    """π = δ·Σ·w_m: the excess returns for which the market's weights are optimal. Source: Black & Litterman (1992)."""
    return risk_aversion * covariance @ market


def posterior(
    covariance: Floats, market: Floats, views: Views, risk_aversion: float = 2.5, tau: float = 0.05
) -> Posterior:
    """Returns π + τΣP'(PτΣP' + Ω)^(-1)(q − Pπ) and covariance Σ + τΣ − τΣP'(PτΣP' + Ω)^(-1)PτΣ.

    Ω = diag(p τΣ p')·(1 − c)/c with the confidence c, which is He & Litterman's Ω at c = 0.5 and certainty at c = 1.
    Source: Black & Litterman (1992); He & Litterman (1999); Walters (2014), The Black-Litterman model in detail, for
    the scaling by confidence.
    """
    if np.any(views.confidence <= 0) or np.any(views.confidence > 1):
        raise InvalidInput("a view's confidence must be in (0, 1]", field="confidence")
    implied = implied_returns(covariance, market, risk_aversion)
    prior = tau * covariance
    spread = views.pick @ prior @ views.pick.T
    doubt = np.diag(np.diag(spread) * (1.0 - views.confidence) / views.confidence)
    try:
        gain = np.linalg.solve(spread + doubt, views.pick @ prior).T
    except np.linalg.LinAlgError:
        raise InvalidInput("the views contradict or repeat each other with full confidence", field="views") from None
    expected = implied + gain @ (views.returns - views.pick @ implied)
    return Posterior(implied, expected, covariance + prior - gain @ views.pick @ prior)
