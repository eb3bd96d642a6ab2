"""The rule by which forms are chosen: the simplest that predicts unseen cases no worse than the best, by one error.

Who scores what on which cases is the caller's; nothing is fitted here.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def one_error(scores: dict[str, Floats], freedom: dict[str, int], what: str) -> tuple[str, pd.DataFrame]:
    """Choose the simplest form that predicts no worse than the best, by one standard error of their difference.

    Parameters
    ----------
    scores
        Form -> log-likelihood of each observation that the form was not fitted to.
    freedom
        Form -> number of parameters.
    what
        Fills the column ``what`` of the table.

    Returns
    -------
    tuple
        The chosen form, and a table ``what, form, parameters, score, behind, error, chosen``: mean score per
        observation, how far it lies behind the best, and the standard error of that.
    """
    best = max(scores, key=lambda name: float(scores[name].mean()))
    rows = []
    for name, score in scores.items():
        behind = scores[best] - score
        error = float(behind.std(ddof=1) / math.sqrt(len(behind))) if len(behind) > 1 else 0.0
        rows.append((what, name, freedom[name], float(score.mean()), float(behind.mean()), error))
    near = [row for row in rows if row[4] <= row[5] + 1e-12]
    chosen = min(near, key=lambda row: (row[2], row[4]))[1]
    table = pd.DataFrame(rows, columns=["what", "form", "parameters", "score", "behind", "error"])
    return chosen, table.assign(chosen=table["form"] == chosen)
