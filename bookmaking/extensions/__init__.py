"""Extensions of Sphinx that are made for this book; `book/_config.yml` names them."""
