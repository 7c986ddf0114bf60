"""Shows the source of the package's classes and functions where a chapter teaches them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Colours for light and dark pages; each has a contrast of at least 4.5 to its background.
_CSS = """
.aigc-source{--k:#8250df;--s:#0a6640;--c:#57606a;--n:#953800;--f:#0550ae;
background:#f6f8fa;color:#1f2328;border:1px solid #d0d7de;border-radius:6px;
padding:.6em .8em;overflow-x:auto;line-height:1.4}
body[data-jp-theme-light="false"] .aigc-source,html[theme=dark] .aigc-source{
--k:#d2a8ff;--s:#7ee787;--c:#9ea7b3;--n:#ffa657;--f:#79c0ff;
background:#161b22;color:#e6edf3;border-color:#30363d}
.aigc-source pre{margin:0;background:none;color:inherit;font-size:.9em}
.aigc-source .k,.aigc-source .ow{color:var(--k)}.aigc-source .s{color:var(--s)}
.aigc-source .c{color:var(--c)}.aigc-source .m{color:var(--n)}
.aigc-source .nf,.aigc-source .nc,.aigc-source .nd{color:var(--f)}
"""

#: Members of a class that only its file needs (`save_model`, `save_run`): a listing that teaches
#: the class leaves them out.
FOR_FILES = frozenset(("configuration", "state_dict", "load_state_dict"))


class Source:
    """The source of one class or function, as a notebook's output; a class's without `FOR_FILES`.

    Raises:
        TypeError: the thing has no Python source, such as a built-in function.
    """

    def __init__(self, thing: type | Callable[..., Any]) -> None:
        self.code = _listing(textwrap.dedent(inspect.getsource(thing)).rstrip())
        file = Path(inspect.getsourcefile(inspect.unwrap(thing)) or "")
        names = thing.__module__.count(".") + 1  # of folders and file, from the package on
        self.title = "/".join(file.parts[-names:])

    def __str__(self) -> str:
        return f"# {self.title}\n{self.code}"

    def html(self) -> str:
        """Returns highlighted HTML that carries its own colours, for JupyterLab and Colab."""
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        formatter = HtmlFormatter(nowrap=True, classprefix="")
        code = highlight(str(self), PythonLexer(), formatter)
        # Pygments has dozens of classes; the first letters are the ones that matter here.
        for long, short in _SHORT.items():
            code = code.replace(f'class="{long}"', f'class="{short}"')
        return f'<style>{_CSS}</style><div class="aigc-source"><pre>{code}</pre></div>'

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        # The book takes the Markdown, so that the code there looks and copies like any other.
        markdown = f"```python\n{self}\n```"
        return {"text/plain": str(self), "text/markdown": markdown, "text/html": self.html()}


_SHORT = {
    **dict.fromkeys(("kn", "kc", "kd", "kr", "kt"), "k"),
    **dict.fromkeys(("s1", "s2", "sd", "sa", "se", "si", "sb"), "s"),
    **dict.fromkeys(("c1", "ch", "cm"), "c"),
    **dict.fromkeys(("mi", "mf", "mh"), "m"),
    **dict.fromkeys(("fm",), "nf"),
}


def show_source(*things: type | Callable[..., Any]) -> None:
    """Shows the source of each class or function: highlighted in a notebook, else as text.

    Of a class all is shown but the members in `FOR_FILES`.

    Raises:
        TypeError: a thing has no Python source, such as a built-in function.
    """
    sources = [Source(thing) for thing in things]
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        in_notebook = False
    else:
        in_notebook = get_ipython() is not None
    for source in sources:
        if in_notebook:
            display(source)
        else:
            print(source)


def _listing(code: str) -> str:
    """Returns a class's code without the members in `FOR_FILES`, their comments and their gaps."""
    lines, (thing, *_) = code.splitlines(), ast.parse(code).body
    for member in reversed(thing.body if isinstance(thing, ast.ClassDef) else []):
        named = member.target if isinstance(member, ast.AnnAssign) else member
        if getattr(named, "name", getattr(named, "id", "")) not in FOR_FILES:
            continue
        first = min(d.lineno for d in (*getattr(member, "decorator_list", ()), member)) - 1
        while lines[first - 1].strip().startswith("#"):
            first -= 1
        last = member.end_lineno or first + 1
        while last < len(lines) and not lines[last].strip():
            last += 1
        del lines[first:last]
    return "\n".join(lines).rstrip()
