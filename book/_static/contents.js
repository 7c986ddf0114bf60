// The list "On this page" follows the reader: the entry that the theme marks is kept in sight.
document.addEventListener("DOMContentLoaded", () => {
  const contents = document.querySelector("#pst-secondary-sidebar nav.page-toc");
  if (!contents) return;
  new MutationObserver(() => {
    const entry = [...contents.querySelectorAll("a.active")].pop();
    if (entry?.checkVisibility()) entry.scrollIntoView({ block: "nearest" });
  }).observe(contents, { subtree: true, attributeFilter: ["class"] });
});
