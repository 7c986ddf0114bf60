// Questions to guess first: each choice becomes a button that tells its reason. Nothing is stored.
document.addEventListener("DOMContentLoaded", () => {
  for (const guess of document.querySelectorAll(".guess")) {
    const said = guess.querySelector(".guess-said");
    const reasons = [...guess.querySelectorAll(".guess-reasons > li")];
    const buttons = [...guess.querySelectorAll(".guess-choice")].map(choice => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = choice.className;
      button.append(...choice.childNodes);
      choice.replaceWith(button);
      return button;
    });
    buttons.forEach((button, number) => button.addEventListener("click", () => {
      const right = reasons[number].matches(".guess-right");
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      button.dataset.told = right ? "right" : "wrong";
      said.dataset.told = button.dataset.told;
      said.replaceChildren(...[...reasons[number].childNodes].map(part => part.cloneNode(true)));
      if (right) guess.classList.add("guess-done");
    }));
  }
});
// On paper nothing is folded.
addEventListener("beforeprint", () => {
  for (const answers of document.querySelectorAll(".guess-answers")) answers.open = true;
});
