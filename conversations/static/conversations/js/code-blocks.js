// What a person can do with a block of code: wrap its long lines, copy it.
import { copyCode } from "./copy.js";

// root: whatever holds the blocks. texts: the page's data-text-….
export function addCodeButtons(root, texts) {
  for (const head of root.querySelectorAll(".code-head:not(:has(button))")) {
    const wrap = makeButton("wrap", texts.textWrap);
    wrap.ariaPressed = "false";
    wrap.addEventListener("click", () => toggleWrap(wrap));
    const copy = makeButton("copy", texts.textCopy);
    copy.dataset.copyCode = "";
    copy.addEventListener("click", () => copyCode(copy, texts));
    head.append(wrap, copy);
  }
}

function makeButton(icon, text) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-button";
  button.innerHTML = '<span class="icon" aria-hidden="true"></span><span></span>';
  button.firstChild.dataset.icon = icon;
  button.lastChild.textContent = text;
  return button;
}

function toggleWrap(button) {
  const isWrapped = button.closest(".code-block").toggleAttribute("data-wrap");
  button.ariaPressed = String(isWrapped);
}
