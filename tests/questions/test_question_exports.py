"""Questions in the forms that learning systems and printers take."""

from __future__ import annotations

import base64
import io
import posixpath
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xml_grammar as grammar
from bs4 import BeautifulSoup
from PIL import Image

from grading import __main__ as command
from grading.questions import Item, ask, chapter_names, exam, form, moodle, qti
from grading.questions.export import export
from grading.questions.texts import as_mathml, as_tex, blocks, line

SEED = 7
QTI = f"{{{grammar.QTI}}}"


@pytest.fixture(scope="module", params=chapter_names())
def items(request: pytest.FixtureRequest) -> list[Item]:
    return ask(request.param, SEED)


def plain(text: str) -> str:
    """Returns a Markdown text's words, as a browser shows them without formulas."""
    soup = BeautifulSoup(line(text, lambda _: ""), "html.parser")
    return " ".join(soup.get_text().split())


def shown(html: str) -> str:
    soup = BeautifulSoup(html, "html.parser")
    for formula in soup.select(".math"):
        formula.replace_with("")
    return " ".join(soup.get_text().split())


def test_moodle_takes_the_file(items: list[Item]) -> None:
    quiz = ET.fromstring(moodle.document(items))
    assert grammar.faults(quiz, grammar.MOODLE) == []
    category, *questions = quiz
    assert category.get("type") == "category"
    assert len(questions) == len(items)
    for question, item in zip(questions, items, strict=True):
        answers = question.findall("answer")
        right = [a.findtext("text") for a in answers if a.get("fraction") == "100"]
        assert [shown(text or "") for text in right] == [plain(item.right.text)]
        told = [shown(a.findtext("feedback/text") or "") for a in answers]
        assert told == [plain(choice.reason) for choice in item.choices]
        tags = [tag.findtext("text") for tag in question.iter("tag")]
        assert tags == [item.kind.objective, *item.kind.misconceptions]
        assert question.findtext("idnumber") == item.identifier


def test_moodle_gets_pictures_with_their_words(items: list[Item]) -> None:
    quiz = ET.fromstring(moodle.document(items))
    found = {q.findtext("idnumber"): q for q in quiz if q.get("type") == "multichoice"}
    for item in items:
        question = found[item.identifier]
        images = BeautifulSoup(question.findtext("questiontext/text") or "", "html.parser").select(
            "img"
        )
        files = {f.get("name"): f.text or "" for f in question.iter("file")}
        assert len(images) == len(files) == (item.question.picture is not None)
        for image in images:
            name = str(image["src"]).removeprefix("@@PLUGINFILE@@/")
            png = Image.open(io.BytesIO(base64.b64decode(files[name])))
            assert png.width == 2 * int(str(image["width"]))
            assert item.picture is not None
            assert image["alt"] == item.picture.alt


def files(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_qti_package_is_whole_and_valid(items: list[Item]) -> None:
    found = files(qti.package(items, "A title & more"))
    manifest = ET.fromstring(found["imsmanifest.xml"])
    assert grammar.faults(manifest, grammar.MANIFEST, grammar.PACKAGE) == []
    space = f"{{{grammar.PACKAGE}}}"
    listed = [str(file.get("href")) for file in manifest.iter(f"{space}file")]
    assert sorted([*listed, "imsmanifest.xml"]) == sorted(found)
    names = {str(resource.get("identifier")) for resource in manifest.iter(f"{space}resource")}
    assert {d.get("identifierref") for d in manifest.iter(f"{space}dependency")} == names - {"test"}
    test = ET.fromstring(found["test.xml"])
    assert grammar.faults(test, grammar.TEST, grammar.QTI) == []
    references = [str(r.get("href")) for r in test.iter(f"{QTI}assessmentItemRef")]
    assert references == [f"items/{item.identifier}.xml" for item in items]
    for reference in references:
        root = ET.fromstring(found[reference])
        assert grammar.faults(root, grammar.ITEM, grammar.QTI) == []
        for image in root.iter(f"{QTI}img"):
            path = posixpath.join(posixpath.dirname(reference), str(image.get("src")))
            assert found[path].startswith(b"\x89PNG")
            assert len(str(image.get("alt")).split()) >= 5


def test_a_qti_item_scores_its_right_choice_and_tells_each_reason(items: list[Item]) -> None:
    for item in items:
        root = ET.fromstring(qti.item_file(item, None))
        assert root.findtext(f".//{QTI}correctResponse/{QTI}value") == item.right.letter
        feedback = {
            f.get("identifier"): "".join(f.itertext()) for f in root.iter(f"{QTI}modalFeedback")
        }
        cases = [*root.iter(f"{QTI}responseIf"), *root.iter(f"{QTI}responseElseIf")]
        assert len(cases) == len(item.choices)
        for case, choice in zip(cases, item.choices, strict=True):
            match, *outcomes = case
            assert match.findtext(f"{QTI}baseValue") == choice.letter
            values = {o.get("identifier"): o.findtext(f".//{QTI}baseValue") for o in outcomes}
            assert values["SCORE"] == str(int(choice.right))
            told = " ".join(feedback[values["FEEDBACK"]].split())
            assert told[:20] == plain(choice.reason)[:20]
        # Canvas takes a feedback for one of all choices if its name has one of these.
        assert not any(word in name for name in feedback for word in ("correct", "wrong", "_c"))


def test_the_same_seed_gives_the_same_bytes() -> None:
    for write in (moodle.document, lambda found: qti.package(found, "A title")):
        first, again, other = (write(ask("01", seed)) for seed in (3, 3, 4))
        assert first == again
        assert first != other


def test_a_fault_in_an_item_is_found() -> None:
    item = ask("01", SEED)[0]
    text = qti.item_file(item, None)
    for right, wrong, fault in [
        ('adaptive="false" ', "", "assessmentItem lacks adaptive"),
        ('shuffle="true"', 'shuffle="yes"', "choiceInteraction has shuffle = 'yes'"),
        ("<itemBody>", "<itemBody><b>no</b>", "itemBody holds 'b div choiceInteraction '"),
        ("<responseProcessing>", "<responseProcessing>text", "responseProcessing holds the text"),
        ('showHide="show"', 'showHide="show" lang="en"', "modalFeedback has no lang"),
    ]:
        found = grammar.faults(ET.fromstring(text.replace(right, wrong)), grammar.ITEM, grammar.QTI)
        assert any(one.startswith(fault) for one in found), found


def test_the_exam_holds_no_key_and_the_key_holds_all(items: list[Item]) -> None:
    paper, key = exam.exam_page(items, "A title"), exam.key_page(items, "A title")
    for item in items:
        for choice in item.choices:
            reason = line(choice.reason, as_mathml)
            assert reason not in paper
            assert reason in key
            assert line(choice.text, as_mathml) in paper
    soup = BeautifulSoup(paper, "html.parser")
    assert not soup.select(".right, .aim, script, link")
    assert len(soup.select("section")) == len(items)
    assert all(image["alt"] for image in soup.select("img"))
    rows = [row.get_text("|") for row in BeautifulSoup(key, "html.parser").select("tbody tr")]
    for number, (row, item) in enumerate(zip(rows, items, strict=False), 1):
        assert row == f"{number}|{item.right.letter}|{item.kind.title}"
    marked = BeautifulSoup(key, "html.parser").select("li.right")
    assert len(marked) == len(items)


def test_formulas_have_the_form_of_their_reader() -> None:
    text = "At $w < 1$ it is `a < b`."
    assert line(text, as_tex) == (
        r'At <span class="math inline">\(w &lt; 1\)</span> it is <code>a &lt; b</code>.'
    )
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML"' in line(text, as_mathml)
    assert blocks("One.\n\n```\n 1\n```", as_tex) == "<p>One.</p>\n<pre><code> 1\n</code></pre>"


def test_what_holds_the_key_is_the_instructors(tmp_path: Path) -> None:
    for kind in ("moodle", "qti"):
        (path,) = export("04", SEED, kind, tmp_path)
        assert path.parent == tmp_path / "instructor"
    assert not (tmp_path / "student").exists()


def test_what_is_handed_out_names_a_form_and_not_the_seed() -> None:
    seed = 731094825510263914
    items = ask("01", seed)
    told = [
        exam.exam_page(items, "T"),
        moodle.document(items).decode(),
        str(qti.package(items, "T")),
    ]
    assert all(str(seed) not in text for text in told)
    assert f"Form {form(seed)}." in told[0]
    assert form(seed) in told[1]
    assert f"Seed {seed}: " in exam.key_page(items, "T")
    assert len({form(each) for each in range(50)}) == 50


def test_the_command_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["questions", "--chapter", "03", "--seed", "7", "--format", "moodle", "--out"]
    assert command.main([*given, str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip().endswith(f"03_vae-questions-{form(7)}-moodle.xml")
    assert command.main(["questions", "--chapter", "99", "--out", str(tmp_path)]) == 1
    assert "There are no questions for '99'" in capsys.readouterr().err


def test_the_grader_does_not_load_the_bank() -> None:
    script = "import sys, grading.__main__; print([m for m in sys.modules if 'questions' in m])"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
