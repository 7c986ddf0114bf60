// The list "On this page" follows the reader: the section's entry is kept in sight.
document.addEventListener("activate.bs.scrollspy", () => {
  const entry = [...document.querySelectorAll("#pst-secondary-sidebar nav.page-toc a.active")].pop();
  if (entry?.checkVisibility()) entry.scrollIntoView({ block: "nearest" });
});
