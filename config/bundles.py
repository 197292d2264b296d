"""Draws what a stylesheet or an ES module imports into one text, so that a page asks for one file instead of ten.

It reads the plain subset in which ours are written (`@import url("x.css");`, `import { a } from "./x.js";`, `export
function|const|class`) and refuses the rest: nothing is guessed.
"""

import re
from pathlib import Path

CSS_IMPORT = re.compile(r'^@import url\("([^"]+)"\);\n', re.MULTILINE)
NEAR_IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"\./([^"]+)";.*$', re.MULTILINE)
FAR_IMPORT = re.compile(r'^import [\w{} ,]+ from "\.\./[^"]+";\n', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?function|const|class) (\w+)", re.MULTILINE)
LEFT_OVER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class CannotBundle(ValueError):
    """A source outside the subset; the message names file and line."""


def css(path: Path) -> str:
    """Return a stylesheet with its imports in their places."""
    return CSS_IMPORT.sub(lambda found: css(path.parent / found[1]), path.read_text())


def javascript(path: Path) -> str:
    """Return a module with what it imports from its own folder, each module once, in a scope of its own.

    A script without imports and exports is returned as it is. Imports from elsewhere stay, at the top.
    """
    source = path.read_text()
    if not LEFT_OVER.search(source):
        return source
    modules = _in_order(path, [])
    far = dict.fromkeys(line for module in modules for line in FAR_IMPORT.findall(module.read_text()))
    return "".join([*far, *(_scoped(module) for module in modules)])


def _in_order(path: Path, found: list[Path]) -> list[Path]:
    """Add a module to those found, after those that it imports."""
    for _, name in NEAR_IMPORT.findall(path.read_text()):
        if path.parent / name not in found:
            _in_order(path.parent / name, found)
    found.append(path)
    return found


def _scoped(path: Path) -> str:
    source = FAR_IMPORT.sub("", path.read_text())
    names = [name for _, name in EXPORT.findall(source)]
    body = EXPORT.sub(r"\1 \2", NEAR_IMPORT.sub(_taken_from, source))
    if odd := LEFT_OVER.search(body):
        raise CannotBundle(f"{path.name}: «{odd[0]}» is not understood. Write it as config/bundles.py says.")
    return f"const {_variable(path.name)} = (() => {{\n{body}\nreturn {{ {', '.join(names)} }};\n}})();\n"


def _taken_from(found: re.Match[str]) -> str:
    names = (found[1] or "").replace(" as ", ": ")
    return f"const {{{names}}} = {_variable(found[2])};" if names.strip() else ""


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))
