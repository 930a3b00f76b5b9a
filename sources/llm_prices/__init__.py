"""llm-prices of Simon Willison, a hint."""
