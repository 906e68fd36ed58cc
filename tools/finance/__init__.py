"""Funds and portfolios: returns, risk, allocation, backtest, projection and rebalancing, as pure functions."""
