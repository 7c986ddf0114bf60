"""The bank of questions: a folder a chapter, and what hands questions out.

To add a chapter, write a folder `name` here whose `__init__` lists its kinds as `CHAPTER`; nothing
else lists it.
"""

from .bank import BOOK_SEED, Item, ask, ask_one, chapter_names, find_chapter, form

__all__ = ["BOOK_SEED", "Item", "ask", "ask_one", "chapter_names", "find_chapter", "form"]
