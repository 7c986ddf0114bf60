"""Reusable code of *Foundations of AIGC*: data, training, models, evaluation, figures."""
