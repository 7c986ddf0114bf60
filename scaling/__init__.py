"""When one machine is not enough: what the book's page of that name runs and counts.

- `train_gpt`: the course's GPT trained by one process or many, which goes on where it was killed
- `local`: many processes on one machine, for tests
- `cost`: how long a step takes on so many cards, from their arithmetic and their links
- `law`: how the loss falls with a model's size, fitted to small ones and held against a larger one
"""
