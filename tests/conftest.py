"""Fixtures that several test modules share: the browser and the server of `browser_pages`."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("browser_pages")

from browser_pages import browser, server  # noqa: E402

__all__ = ["browser", "server"]
