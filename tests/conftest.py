"""Fixtures that several test modules share: the browser and the server of `browser_pages`."""

from __future__ import annotations

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("browser_pages")

from browser_pages import browser, server  # noqa: E402

__all__ = ["browser", "server"]

# the same examples on every run: what fails, fails for everybody
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")
