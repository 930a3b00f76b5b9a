"""Azure, Microsoft Foundry."""

DOCS = "https://learn.microsoft.com/azure"
