"""Gemini API: https://ai.google.dev/gemini-api/docs"""

DOCS = "https://ai.google.dev/gemini-api/docs"
