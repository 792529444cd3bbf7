// <chat-composer>: the textarea's manners. It asks with bubbling events and does not know the network.
//   composer:send {content, clientId, edit}   the text is taken out of the box
//   composer:stop                             Escape while an answer runs

const touch = window.matchMedia("(pointer: coarse)");

// Also where crypto.randomUUID is missing: pages served over plain http.
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// During composition Enter and Escape belong to the input method; Safari says so only by the key code.
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

export class ChatComposer extends HTMLElement {
  connectedCallback() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.form = this.querySelector("form");
    this.input = this.querySelector("textarea");
    this.input.enterKeyHint = touch.matches ? "enter" : "send";
    this.form.addEventListener("submit", (event) => this.submitted(event), { signal });
    this.input.addEventListener("keydown", (event) => this.keyPressed(event), { signal });
    this.input.addEventListener("input", () => this.typed(), { signal });
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    this.addEventListener("change", (event) => this.picked(event), { signal });
    this.loadDraft();
    this.fit();
    if (!touch.matches && !location.hash) this.input.focus({ preventScroll: true });
  }

  disconnectedCallback() {
    this.listeners.abort();
  }

  get isRunning() {
    return "running" in this.dataset;
  }

  set isRunning(value) {
    const hadFocus = this.contains(document.activeElement) && document.activeElement.matches(".send");
    this.toggleAttribute("data-running", value);
    // The button that was pressed is no longer shown; its place is taken by the other.
    if (hadFocus) this.querySelector(value ? ".send[data-stop]" : ".send[data-send]").focus();
  }

  get choices() {
    const chosen = {};
    for (const field of this.querySelectorAll("[data-picker], [data-changed]")) chosen[field.name] = field.value;
    return chosen;
  }

  submitted(event) {
    event.preventDefault();
    const content = this.input.value;
    if (!content.trim()) return;
    const { client_id: clientId, edit } = this.form.elements;
    const detail = { content, clientId: clientId.value, edit: edit.value };
    clientId.value = newId();
    this.leaveEdit();
    this.write("");
    this.complain("");
    this.dispatchEvent(new CustomEvent("composer:send", { bubbles: true, detail }));
  }

  keyPressed(event) {
    if (isComposing(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !touch.matches) {
      event.preventDefault();
      this.form.requestSubmit(this.querySelector("[data-send]"));
    } else if (event.key === "Escape" && this.form.elements.edit.value) {
      event.stopPropagation();
      this.leaveEdit();
      this.write("");
    }
  }

  typed() {
    this.fit();
    this.saveDraft();
  }

  clicked(event) {
    if (!event.target.closest("[data-action=cancel-edit]")) return;
    event.preventDefault();
    this.leaveEdit();
    this.write("");
    this.input.focus();
  }

  picked(event) {
    if (event.target.name !== "model") return;
    const { note = "" } = event.target.selectedOptions[0].dataset;
    this.querySelector("[data-model-note]").textContent = note;
  }

  write(text) {
    this.input.value = text;
    this.typed();
  }

  // The text comes back after a refusal, unless something else has been written meanwhile.
  restore({ content, clientId, edit }) {
    if (this.input.value) content = `${content}\n\n${this.input.value}`;
    else this.form.elements.client_id.value = clientId;
    if (edit) this.enterEdit(edit, content);
    else this.write(content);
  }

  enterEdit(id, content) {
    this.form.elements.edit.value = id;
    this.querySelector("[data-editing]").hidden = false;
    this.write(content);
    this.input.focus();
    this.input.setSelectionRange(content.length, content.length);
  }

  leaveEdit() {
    this.form.elements.edit.value = "";
    this.querySelector("[data-editing]").hidden = true;
  }

  // content: text, or nodes such as a sentence and a link.
  complain(...content) {
    this.querySelector("[data-error]").replaceChildren(...content.filter(Boolean));
    this.input.toggleAttribute("aria-invalid", Boolean(content[0]));
  }

  belongTo(conversation, action) {
    const [person] = this.dataset.draft.split(":");
    this.saveDraft("");
    this.dataset.draft = `${person}:${conversation}`;
    this.form.action = action;
    this.saveDraft();
  }

  fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.input.style.blockSize = "auto";
    this.input.style.blockSize = `${this.input.scrollHeight}px`;
  }

  // Drafts are a convenience: a browser that refuses storage only loses them.
  saveDraft(text = this.form.elements.edit.value ? "" : this.input.value) {
    const key = `draft:${this.dataset.draft}`;
    try {
      if (text) localStorage.setItem(key, text);
      else localStorage.removeItem(key);
    } catch {}
  }

  loadDraft() {
    if (this.input.value) return;
    try {
      this.input.value = localStorage.getItem(`draft:${this.dataset.draft}`) ?? "";
    } catch {}
  }
}
