"""Settings of the package."""

from __future__ import annotations

from .rules.scipy import switch


def config(*, scipy: bool | None = None) -> dict[str, bool]:
    """Change settings; all settings as they are then.

    Arguments: `scipy`, whether SciPy's own functions (``scipy.linalg.expm``, methods of
    ``scipy.stats.norm``) take traced values from the first derivative on. By default they do,
    unless the environment variable DUALDIFF_SCIPY is 0. Those of `dualdiff.scipy` always do.

    >>> import dualdiff as dd
    >>> dd.config()
    {'scipy': True}
    """
    if scipy is not None:
        switch.enable(scipy)
    return {"scipy": switch.is_enabled()}
