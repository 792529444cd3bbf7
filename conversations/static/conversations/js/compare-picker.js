// <compare-picker>: ticks for further models. The chosen model is always among those that answer, and so many may be
// ticked beside it as the site lets answer at once.
import { isComposing } from "./composer.js";

class ComparePicker extends HTMLElement {
  connectedCallback() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.details = this.querySelector("details");
    this.boxes = [...this.querySelectorAll("[name=compare]")];
    this.composer = this.closest("chat-composer");
    this.composer.addEventListener("change", () => this.update(), { signal });
    this.composer.addEventListener("composer:chosen", () => this.update(), { signal });
    this.addEventListener("keydown", (event) => this.keyPressed(event), { signal });
    document.addEventListener("click", (event) => this.clickedAnywhere(event), { signal });
    this.update();
  }

  disconnectedCallback() {
    this.listeners.abort();
  }

  update() {
    const chosen = this.composer.choices.model;
    const further = this.boxes.filter((box) => box.value !== chosen && box.checked);
    const isFull = further.length >= Number(this.dataset.most) - 1;
    for (const box of this.boxes) {
      const isChosen = box.value === chosen;
      if (isChosen || "chosen" in box.dataset) box.checked = isChosen;
      box.toggleAttribute("data-chosen", isChosen);
      box.disabled = isChosen || (isFull && !box.checked);
    }
    this.querySelector("[data-count]").textContent = further.length ? further.length + 1 : "";
  }

  keyPressed(event) {
    if (event.key !== "Escape" || isComposing(event) || !this.details.open) return;
    event.preventDefault();
    this.close();
    this.querySelector("summary").focus();
  }

  clickedAnywhere({ target }) {
    if (target.isConnected && !this.contains(target)) this.close();
  }

  close() {
    this.details.open = false;
  }
}

customElements.define("compare-picker", ComparePicker);
