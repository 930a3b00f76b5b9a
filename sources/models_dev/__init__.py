"""models.dev, a hint."""
