"""What can be wrong with what a caller asks of the finance tools."""

from tools.errors import ConsiliaError, InvalidInput


class UnknownFund(ConsiliaError):
    """No fund, benchmark or currency pair of this name; the nearest names are in the message."""

    code = "unknown_fund"
    status = 404


class NoData(ConsiliaError):
    """The fund is known, but there are no values for it."""

    code = "no_market_data"
    status = 404


class MissingRate(ConsiliaError):
    """An amount would need an exchange rate that we do not have for the day or at all."""

    code = "missing_rate"
    status = 422


class NoCommonHistory(ConsiliaError):
    code = "no_common_history"
    status = 422


class TooShort(ConsiliaError):
    """Too few values for the figure that is asked for."""

    code = "history_too_short"
    status = 422


class InvalidWeights(InvalidInput):
    """Weights that are negative, not finite, or do not add up to one."""

    code = "invalid_weights"


class FutureDate(InvalidInput):
    code = "date_in_the_future"


class NoSolution(ConsiliaError):
    """An allocation whose constraints contradict each other."""

    code = "no_solution"
    status = 422
