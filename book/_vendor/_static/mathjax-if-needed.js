/* Sphinx asks for MathJax on every page that has a formula below it in the table of contents,
 * the front page among them. This loads it only where there is a formula to set. */
document.addEventListener("DOMContentLoaded", () => {
  if (!document.querySelector(".math")) return;
  const script = document.createElement("script");
  const root = document.documentElement.dataset.content_root || "./";
  script.src = root + "_static/mathjax/startup.js";
  document.head.append(script);
});
