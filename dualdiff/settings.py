"""Settings of the package."""

from __future__ import annotations

from .rules.scipy import switch
from .transforms import independence as _independence


def config(*, scipy: bool | None = None, independence: bool | None = None) -> dict[str, bool]:
    """Change settings; all settings as they are then.

    Arguments: `scipy`, whether SciPy's own functions (``scipy.linalg.expm``, methods of
    ``scipy.stats.norm``) take traced values from the first derivative on. By default they do,
    unless the environment variable DUALDIFF_SCIPY is 0. Those of `dualdiff.scipy` always do;
    `independence`, whether an operator warns of a result that does not depend on an argument at
    which the function looked (IndependentResultWarning). By default it does.

    >>> import dualdiff as dd
    >>> dd.config()
    {'scipy': True, 'independence': True}
    """
    if scipy is not None:
        switch.enable(scipy)
    if independence is not None:
        _independence.enable(independence)
    return {"scipy": switch.is_enabled(), "independence": _independence.is_enabled()}
