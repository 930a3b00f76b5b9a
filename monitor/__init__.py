"""Lastcall: tells a team, before it hurts, that an AI model is retired, moved, redirected or
repriced.
"""

__version__ = "0.2.0"
