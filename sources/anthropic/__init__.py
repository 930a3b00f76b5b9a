from sources.anthropic import history as history
