"""The book's contents: the prose in the order of _toc.yml, all else from the folders."""

from __future__ import annotations

import yaml

from bookmaking.sources import contents

TOC = """root: index
parts:
  - caption: Chapters
    chapters:
      - glob: chapters/*
      - file: next
  - caption: Together
    chapters:
      - file: chapters/03_c.ipynb
      - file: api
        sections:
          - glob: api/*
"""
PAGES = ["chapters/01_a", "chapters/02_b", "chapters/03_c", "exercises/01_a", "api/z", "api/a"]


def test_a_glob_stands_for_the_pages_that_no_line_names_in_their_order() -> None:
    found = yaml.safe_load(contents.expanded(TOC, PAGES))
    first, last = (part["chapters"] for part in found["parts"])
    assert first == [{"file": "chapters/01_a"}, {"file": "chapters/02_b"}, {"file": "next"}]
    assert last == [
        {"file": "chapters/03_c.ipynb"},
        {"file": "api", "sections": [{"file": "api/z"}, {"file": "api/a"}]},
    ]


def test_each_page_has_the_line_that_lists_it() -> None:
    assert contents.lines(TOC, PAGES) == [
        ("index", 1), ("chapters/01_a", 5), ("chapters/02_b", 5), ("next", 6),
        ("chapters/03_c", 9), ("api", 10), ("api/z", 12), ("api/a", 12),
    ]  # fmt: skip
