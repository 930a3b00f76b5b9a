"""genai-prices of Pydantic, a hint."""
