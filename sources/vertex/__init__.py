"""Vertex AI, now Gemini Enterprise Agent Platform."""

DOCS = "https://docs.cloud.google.com/gemini-enterprise-agent-platform"
