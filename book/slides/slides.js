// Starts the slides, and sets smaller what would not fit on one.
const HEIGHT = 720;
const PRINTED = /print-pdf/.test(location.search);

function fit(slide) {
  let size = 100;
  slide.style.fontSize = "";
  while (slide.scrollHeight > HEIGHT && size > 45) slide.style.fontSize = `${(size -= 5)}%`;
}

Reveal.initialize({
  width: 1280, height: HEIGHT, margin: 0.06, center: false, hash: true, slideNumber: "c/t",
  transition: "none", backgroundTransition: "none", pdfSeparateFragments: false,
  pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
}).then(async () => {
  const fitCurrent = () => fit(Reveal.getCurrentSlide());
  if (PRINTED && !document.querySelector(".pdf-page"))
    await new Promise(done => Reveal.on("pdf-ready", done));
  await document.fonts.ready;
  await Promise.all([...document.images].map(image => image.decode().catch(() => null)));
  document.querySelectorAll(".pdf-page section").forEach(fit);
  fitCurrent();
  Reveal.on("slidechanged", fitCurrent);
  document.documentElement.dataset.fitted = "";
});
