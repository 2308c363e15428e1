"""How a metric is named in an expression, and which installation's it is."""

from __future__ import annotations

ANY_INSTALLATION = 'namespace=~".*"'
"""In alert rules: every series, with the label or without. The chart puts its own namespace in this place, which tells
installations apart, since a namespace holds one."""

CHOSEN_INSTALLATION = 'namespace=~"$namespace"'
"""In dashboards: what was chosen at the top of the page."""


def series(name: str, scope: str = ANY_INSTALLATION, **labels: str) -> str:
    """An instant vector selector.

    Args:
        name: A metric of the catalogue, with the suffix of what is asked of a histogram, or a recorded series.
        scope: Whose series.
        labels: Values to select by; one that begins with `~` is a regular expression.
    """
    matchers = (
        f'{key}=~"{value[1:]}"' if value.startswith("~") else f'{key}="{value}"' for key, value in labels.items()
    )
    return f"{name}{{{','.join((scope, *matchers))}}}"
