"""How the documentation is built: Sphinx reads Markdown by MyST; everything stays on this machine.

No mathematics renderer, web font or script is taken from a network, so the pages open from a folder.
"""

from __future__ import annotations

project = "GridWhistle"
copyright = "GridWhistle contributors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "GridWhistle"
html_copy_source = False
html_show_sphinx = False
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
nitpicky = True
# yaml and console blocks hold forms and shell text that highlighters need not understand whole
suppress_warnings = ["misc.highlighting_failure"]
