"""Lines of the report: what was measured, the figure, its bar, and whether it holds."""

from __future__ import annotations

SHORT: list[str] = []


def line(
    what: str,
    figure: float,
    unit: str,
    bar: float | None = None,
    *,
    at_least: bool = False,
    beside: str = "",
) -> None:
    """Print one figure; a bar it does not meet is remembered for the end."""
    verdict = ""
    if bar is not None:
        holds = figure >= bar if at_least else figure <= bar
        sign = ">=" if at_least else "<="
        verdict = f"  {sign} {bar:g} {'ok' if holds else 'SHORT'}"
        if not holds:
            SHORT.append(f"{what}: {figure:.3g} {unit}, the bar is {sign} {bar:g}")
    print(
        f"  {what:<58} {figure:>10.3f} {unit:<12}{verdict}{f'   ({beside})' if beside else ''}",
        flush=True,
    )


def title(text: str) -> None:
    print(f"\n{text}", flush=True)
