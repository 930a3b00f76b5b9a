"""DeepSeek: https://api-docs.deepseek.com. It has no page of deprecations."""

DOCS = "https://api-docs.deepseek.com"
