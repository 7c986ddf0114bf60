// Enlivens every explorer on the page that is still a picture. It may run late, and twice.
(() => {
  const PAUSE = 400; // milliseconds of rest before a screen reader hears where one is

  const network = ({ sizes, activation, bits }, weights) => {
    const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
    const heights = sizes.slice(1);
    // First the scale of each row, then all rows' whole numbers, as explorer.py packs them.
    const scales = new Float32Array(bytes.buffer, 0, heights.reduce((a, b) => a + b));
    const packed = new DataView(bytes.buffer, scales.byteLength);
    let row = 0, at = 0;
    const take = () => {
      const number = (packed.getInt32(at >> 3) << (at & 7)) >> (32 - bits);
      at += bits;
      return scales[row] * number;
    };
    const layers = heights.map((height, i) => {
      const weight = new Float32Array(height * sizes[i]), bias = new Float32Array(height);
      for (let n = 0, k = 0; n < height; n++, row++) {
        for (let m = 0; m < sizes[i]; m++) weight[k++] = take();
        bias[n] = take();
      }
      return [weight, bias];
    });
    const bend = activation === "relu" ? (v) => (v > 0 ? v : 0) : (v) => v / (1 + Math.exp(-v));
    const sigmoid = (v) => 1 / (1 + Math.exp(-v));

    return (x, y) => {
      let values = [x, y];
      layers.forEach(([weight, bias], depth) => {
        const last = depth === layers.length - 1;
        const next = new (last ? Float32Array : Float64Array)(bias.length);
        for (let row = 0, k = 0; row < next.length; row++) {
          let sum = bias[row];
          for (let i = 0; i < values.length; i++) sum += weight[k++] * values[i];
          next[row] = last ? sigmoid(sum) : bend(sum);
        }
        values = next;
      });
      return values;
    };
  };

  const enliven = (root) => {
    const { help, reach, start, ...shape } = JSON.parse(root.dataset.explorer);
    const find = (name) => root.querySelector(name);
    const plane = find(".plane"), plot = find(".plot"), said = find(".said");
    const ink = find("canvas").getContext("2d");
    const image = ink.createImageData(28, 28);
    image.data.fill(255);
    root.decode = network(shape, root.dataset.weights);
    let here = start, timer;

    const nearest = () => {
      let best = Infinity, found = "";
      for (const dots of root.querySelectorAll("[data-digit]")) {
        for (const [, x, y] of dots.getAttribute("d").matchAll(/M(\S+) (\S+?)h/g)) {
          const far = Math.hypot(x - here[0], y - here[1]);
          if (far < best) [best, found] = [far, `, nearest dot: digit ${dots.dataset.digit}`];
        }
      }
      return found;
    };

    // Two decimals, as shown: what one reads is what is decoded.
    const inside = (v) => Math.max(-reach, Math.min(reach, Math.round(v * 100) / 100));
    const text = () => here.map((v) => v.toFixed(2)).join(", ");

    const show = (x, y) => {
      here = [inside(x), inside(y)];
      root.decode(...here).forEach((p, i) => image.data.fill(255 * (1 - p), 4 * i, 4 * i + 3));
      ink.putImageData(image, 0, 0);
      find(".live.hair").setAttribute("transform", `translate(${here})`);
      find(".live.where").textContent = `z = (${text()})`;
    };
    const move = (x, y) => {
      show(x, y);
      clearTimeout(timer);
      timer = setTimeout(() => (said.textContent = `z = (${text()})${nearest()}`), PAUSE);
    };

    const follow = (event) => {
      const box = plot.getBoundingClientRect();
      move(
        reach * (2 * (event.clientX - box.left) / box.width - 1),
        reach * (1 - 2 * (event.clientY - box.top) / box.height),
      );
    };
    plane.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      plane.setPointerCapture(event.pointerId);
      follow(event);
    });
    plane.addEventListener("pointermove", (event) => {
      if (plane.hasPointerCapture(event.pointerId)) follow(event);
    });

    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };
    plane.addEventListener("keydown", (event) => {
      const way = ways[event.key];
      if (event.altKey || event.ctrlKey || event.metaKey || !(way || event.key === "Home")) return;
      // The page must not scroll, and the book must not turn its page.
      event.preventDefault();
      event.stopPropagation();
      const step = event.shiftKey ? 0.5 : 0.1;
      if (way) move(here[0] + step * way[0], here[1] + step * way[1]);
      else move(...start);
    });

    plane.setAttribute("role", "application");
    plane.setAttribute("aria-label", `${plane.getAttribute("aria-label")} ${help}`);
    plane.tabIndex = 0;
    show(...start);
    root.dataset.ready = "";
  };

  for (const root of document.querySelectorAll("[data-explorer]")) {
    if (!root.decode) enliven(root);
  }
})();
