"""Sphinx settings: `make docs` builds docs/site from the Markdown pages where they lie and from the package itself."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generated_pages

import pairvae

project = "PairVAE"
author = "The PairVAE developers"
release = pairvae.__version__

# The source folder is the root of the repository: the pages stay where GitHub shows them, links between them included.
root_doc = "docs/index"
include_patterns = ["*.md", "configs/*.md", "data/*.md", "docs/**.md", "results/*.md"]
exclude_patterns = [".*", "config", "docs/site", "pairvae", "results/*/*", "tests"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
napoleon_google_docstring = False
napoleon_use_rtype = False
add_module_names = False
maximum_signature_line_length = 100
smartquotes_action = "D"  # dashes; quotation marks stay what one types
highlight_language = "text"

html_theme = "furo"  # fonts, styles and scripts of its own: the site needs no network
html_title = f"PairVAE {release}"
html_additional_pages = {"index": "to_first_page.html"}
templates_path = ["."]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False


def shorter(_app, _what, _name, _object, _options, signature, returned):
    """An array is an array: its shape and its unit are in the text below."""
    return tuple(
        text and re.sub(r"ndarray\[tuple\[\S+, \.\.\.\], \S*dtype\[\S+?\]\]", "ndarray", text)
        for text in (signature, returned)
    )


def setup(app):
    """Fill the pages of docs/reference, in every build anew: they depend on the whole package."""
    app.connect("env-get-outdated", lambda _app, env, *_: generated_pages.PAGES.keys() & env.found_docs)
    app.connect("source-read", generated_pages.fill)
    app.connect("autodoc-process-signature", shorter)
