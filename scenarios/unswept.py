"""Sweeps that found nothing because nobody of their group was ever free: told after the runs, which alone show it.

Delegated work and shifts are looked at before a run (`scenarios.idle`); what cases leave of people's time only the run
knows. The engine counts for each sweep the moments at which it could have found something and those at which somebody
was free; this file reads the kept table of these counts, so nothing is told where no tables are kept.
"""

from __future__ import annotations

from scenarios.study import Study
from sim.errors import InputError


def unswept(study: Study) -> list[InputError]:
    """Return a told thing for each policy and sweep of which nobody was free whenever it could have found something.

    Parameters
    ----------
    study
        Results; its kept replications are summed.
    """
    looks = study.table("looks")
    if looks.empty:
        return []
    sums = looks.groupby(["policy", "sweep", "post"], sort=False)[["looks", "free_looks"]].sum()
    found = []
    for (policy, sweep, post), made, free in zip(sums.index, sums["looks"], sums["free_looks"], strict=True):
        if made > 0 and free == 0:
            found.append(
                InputError(
                    f"under '{policy}' the sweep '{sweep}' found nothing: "
                    f"nobody of '{post}' was free at any of the {made} moments at which it could have",
                    field="sweeps",
                )
            )
    return found
