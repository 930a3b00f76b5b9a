"""LiteLLM, a hint."""
