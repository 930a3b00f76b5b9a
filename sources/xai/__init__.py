"""xAI. It has no page of deprecations."""
