// What the pages do beside the theme's own scripts.

// The list "On this page" follows the reader: the entry that the theme marks is kept in sight.
document.addEventListener("DOMContentLoaded", () => {
  const contents = document.querySelector("#pst-secondary-sidebar nav.page-toc");
  if (!contents) return;
  new MutationObserver(() => {
    const entry = [...contents.querySelectorAll("a.active")].pop();
    if (!entry?.checkVisibility()) return;
    let box = contents;
    while (box.parentElement && box.scrollHeight <= box.clientHeight) box = box.parentElement;
    const [inner, outer] = [entry.getBoundingClientRect(), box.getBoundingClientRect()];
    if (inner.top < outer.top) box.scrollTop += inner.top - outer.top;
    if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom;
  }).observe(contents, { subtree: true, attributeFilter: ["class"] });
});

// A long line among a table's, a sentence of words, goes on in a second line all the same.
function foldSentences(printed) {
  for (const text of [...printed.childNodes]) {
    const lines = text.nodeType === Node.TEXT_NODE ? text.textContent.split(/(?<=\n)/) : [];
    if (!lines.some(isSentence)) continue;
    const parts = lines.map(line => {
      if (!isSentence(line)) return line;
      const sentence = document.createElement("span");
      sentence.className = "sentence";
      sentence.textContent = line;
      return sentence;
    });
    text.replaceWith(...parts);
  }
}

// A table's head stands to the right of the rows' names, so it begins with spaces.
const isSentence = line =>
  line.length > 40 && /[a-z] [a-z]/i.test(line) && !/^ {4}|\S {2,}\S/.test(line);

// Printed lines with columns are a table: on a phone they scroll, where other lines wrap.
document.addEventListener("DOMContentLoaded", () => {
  for (const printed of document.querySelectorAll("div.cell_output pre")) {
    const columns = printed.textContent.match(/^.*\S {2,}\S.*$/gm) ?? [];
    printed.classList.toggle("aligned", columns.length > 1);
    if (columns.length > 1) foldSentences(printed);
  }
});

// A search result that leads to one word of the glossary says which. The index has the word in small
// letters, the mark in its address has the capitals.
document.addEventListener("DOMContentLoaded", () => {
  const results = document.querySelector("#search-results");
  if (!results) return;
  new MutationObserver(() => {
    for (const link of results.querySelectorAll('a[href*="#term-"]:not([data-word])')) {
      const places = Object.entries(Search._index.indexentries);
      const entry = places.find(([, all]) => all.some(([, mark]) => `#${mark}` === link.hash));
      const mark = link.hash.slice("#term-".length);
      const letter = (sign, at) => (mark[at]?.toLowerCase() === sign ? mark[at] : sign);
      link.dataset.word = entry ? [...entry[0]].map(letter).join("") : mark;
      link.append(`: ${link.dataset.word}`);
    }
  }).observe(results, { subtree: true, childList: true });
});
