"""Lists of what is too long today: it may only become less."""

from __future__ import annotations


def only_shrink(found: dict[str, int], listed: dict[str, int]) -> list[str]:
    """Returns what is wrong with a list of offenders: new ones, longer ones, and mended ones."""
    return [
        *(f"{name} is new, with {size}" for name, size in found.items() if name not in listed),
        *(
            f"{name} has grown to {found[name]}"
            for name, size in listed.items()
            if found.get(name, 0) > size
        ),
        *(f"{name} is mended: take it from the list" for name in listed if name not in found),
    ]
