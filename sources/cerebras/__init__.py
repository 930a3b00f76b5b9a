"""Cerebras."""
