// <chat-composer>: the textarea's manners. It asks with bubbling events and does not know the network.
//   composer:send {content, clientId, edit, choices, compare, caret}   the text is taken out of the box
//   composer:edit-last                                                 ↑ in an empty box
import { Drafts } from "./drafts.js";

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
    this.input = this.form.elements.content;
    this.drafts = new Drafts(this.dataset.draft);
    this.input.enterKeyHint = this.sendsByEnter ? "send" : "enter";
    this.form.addEventListener("submit", (event) => this.submitted(event), { signal });
    this.input.addEventListener("keydown", (event) => this.keyPressed(event), { signal });
    this.input.addEventListener("input", () => this.typed(), { signal });
    for (const name of ["input", "compositionend"]) {
      this.input.addEventListener(name, (event) => this.offerRoles(event), { signal });
    }
    this.addEventListener("input", ({ target }) => this.variables.get(target)?.keep(target.value), { signal });
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    this.addEventListener("change", (event) => this.picked(event), { signal });
    window.addEventListener("storage", (event) => this.changedElsewhere(event), { signal });
    const { isUntouched } = this; // before the drafts fill the fields
    this.loadDraft();
    this.loadVariables({ isFirst: true });
    this.fit();
    this.querySelector("[data-action=dictate]").hidden = !this.canDictate;
    if (isUntouched && !touch.matches && !location.hash) this.firstField.focus({ preventScroll: true });
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

  get isEditing() {
    return Boolean(this.form.elements.edit.value);
  }

  // On a slow line one may begin before this script is there, and goes on in the same place.
  get isUntouched() {
    const { activeElement: field } = document;
    if (!field || field === document.body) return true;
    return field === this.querySelector("textarea[autofocus]") && !isTyped(field);
  }

  // What the role asks for comes before the message.
  get firstField() {
    const asked = this.querySelector("[data-variable][autofocus]");
    return asked && !asked.value ? asked : this.input;
  }

  get sendsByEnter() {
    return !touch.matches && this.dataset.sendKey !== "control-enter";
  }

  // Where pages may not use the microphone at all, the button says so.
  get canDictate() {
    const { engine } = this.querySelector("[data-action=dictate]").dataset;
    if (!engine) return "SpeechRecognition" in window || "webkitSpeechRecognition" in window;
    return !window.isSecureContext || ("MediaRecorder" in window && "mediaDevices" in navigator);
  }

  get choices() {
    const chosen = {};
    for (const field of this.querySelectorAll("[data-picker], [data-changed]")) chosen[field.name] = field.value;
    return chosen;
  }

  // Names of further models beside the chosen one. Each message is compared, or not, for itself.
  get compared() {
    return [...this.querySelectorAll("[name=compare]:checked:enabled")].map((box) => box.value);
  }

  set compared(names) {
    const details = this.querySelector(".compare");
    if (!details) return;
    details.open = false;
    for (const box of details.querySelectorAll("[name=compare]")) box.checked = names.includes(box.value);
    details.dispatchEvent(new CustomEvent("composer:chosen", { bubbles: true }));
  }

  submitted(event) {
    event.preventDefault();
    const content = this.input.value;
    if (!content.trim()) return;
    const { client_id: clientId, edit } = this.form.elements;
    const detail = {
      content,
      clientId: clientId.value,
      edit: edit.value,
      choices: this.choices,
      compare: this.compared,
      caret: this.input.selectionStart,
    };
    clientId.value = newId();
    if (this.isEditing) this.leaveEdit();
    else this.write("");
    this.compared = [];
    this.complain("");
    this.dispatchEvent(new CustomEvent("composer:send", { bubbles: true, detail }));
  }

  keyPressed(event) {
    if (isComposing(event) || this.menu?.keyPressed(event)) return;
    const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
    if (key === "Enter" && (ctrlKey || metaKey || (this.sendsByEnter && !shiftKey))) {
      event.preventDefault();
      this.form.requestSubmit(this.querySelector("[data-send]"));
    } else if (key === "Escape" && !shiftKey && this.isEditing) {
      event.stopPropagation();
      this.leaveEdit();
    } else if (key === "ArrowUp" && !this.input.value && !this.isEditing) {
      if (altKey || ctrlKey || metaKey || shiftKey) return;
      event.preventDefault();
      this.dispatchEvent(new CustomEvent("composer:edit-last", { bubbles: true }));
    }
  }

  typed() {
    this.fit();
    this.saveDraft();
  }

  // A slash at the start, also a full-width one or what an input method makes of its key.
  async offerRoles(event) {
    if (event.isComposing || !(this.menu || /^[/／、]/.test(this.input.value))) return;
    const { SlashMenu } = await import("./slash-menu.js");
    this.menu ??= new SlashMenu(this);
    this.menu.update();
  }

  clicked(event) {
    if (!event.target.closest("[data-action=cancel-edit]")) return;
    event.preventDefault();
    this.leaveEdit();
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

  // An example, after whatever has been written.
  suggest(text) {
    this.write(joined(this.input.value, text));
  }

  // Text from elsewhere, where the cursor is.
  insert(text) {
    const { selectionStart, selectionEnd } = this.input;
    this.input.setRangeText(text, selectionStart, selectionEnd, "end");
    this.typed();
    this.input.focus();
  }

  // The text comes back after a refusal as it was, before whatever has been written meanwhile.
  restore({ content, clientId, edit, compare = [], caret = content.length }) {
    if (this.isEditing && !edit) {
      this.aside = joined(content, this.aside);
      this.drafts.keep(this.aside);
      return;
    }
    this.compared = compare;
    if (edit) {
      this.enterEdit(edit, content);
    } else {
      if (this.input.value) caret = content.length + 2 + this.input.selectionStart;
      this.write(joined(content, this.input.value));
    }
    if (this.input.value === content) this.form.elements.client_id.value = clientId;
    this.input.setSelectionRange(caret, caret);
  }

  // The draft is put aside and comes back afterwards.
  enterEdit(id, content) {
    if (!this.isEditing) this.aside = this.input.value;
    this.form.elements.edit.value = id;
    this.querySelector("[data-editing]").hidden = false;
    this.write(content);
    this.input.focus();
    this.input.setSelectionRange(content.length, content.length);
  }

  leaveEdit() {
    this.form.elements.edit.value = "";
    this.querySelector("[data-editing]").hidden = true;
    this.drafts.keepEdit(null);
    this.write(this.aside ?? "");
  }

  // content: text, or nodes such as a sentence and a link.
  complain(...content) {
    this.querySelector("[data-error]").replaceChildren(...content.filter(Boolean));
    this.input.toggleAttribute("aria-invalid", Boolean(content[0]));
  }

  belongTo(conversation, action) {
    const [person] = this.dataset.draft.split(":");
    this.drafts.keep("");
    for (const drafts of this.variables.values()) drafts.keep("");
    this.variables.clear();
    this.dataset.draft = `${person}:${conversation}`;
    this.drafts = new Drafts(this.dataset.draft);
    this.form.action = action;
    this.saveDraft();
  }

  fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.input.style.blockSize = "auto";
    this.input.style.blockSize = `${this.input.scrollHeight}px`;
  }

  saveDraft() {
    const { value } = this.input;
    if (this.isEditing) this.drafts.keepEdit({ id: this.form.elements.edit.value, text: value });
    else this.drafts.keep(value);
  }

  // What the server has put into the box, after a link or a refusal, comes before what was kept; so does what somebody
  // writes already, with the caret in it.
  loadDraft() {
    const { edit, text } = this.drafts;
    if (this.isEditing) {
      this.aside = text;
      return;
    }
    const { value: given, selectionStart, selectionEnd } = this.input;
    if (isTyped(this.input)) {
      if (given !== text) this.input.value = joined(given, text);
      this.input.setSelectionRange(selectionStart, selectionEnd);
      this.saveDraft();
      return;
    }
    this.input.value = text.startsWith(given) ? text : joined(given, text);
    if (!edit || given) return;
    this.aside = text;
    this.form.elements.edit.value = edit.id;
    this.querySelector("[data-editing]").hidden = false;
    this.input.value = edit.text;
  }

  // What a role asks for in a new chat has a draft for each of its variables. What the server has filled in comes first,
  // what stood in another role's field last. isFirst: what is in a field has been typed before this script was there.
  loadVariables({ isFirst = false } = {}) {
    this.variables = new Map(); // field → its drafts
    for (const field of this.querySelectorAll("[data-asked-by] [data-variable]")) {
      const { askedBy } = field.closest("[data-asked-by]").dataset;
      const drafts = new Drafts(`${this.dataset.draft}:${askedBy}:${field.name}`);
      if (!isFirst || !isTyped(field)) field.value = field.defaultValue || drafts.text || field.value;
      if (field.value !== drafts.text) drafts.keep(field.value);
      this.variables.set(field, drafts);
    }
  }

  changedElsewhere(event) {
    if (!this.isEditing && this.drafts.isGone(event, this.input.value)) this.write("");
  }
}

function isTyped({ value, defaultValue }) {
  return value !== defaultValue;
}

function joined(...texts) {
  return texts.filter(Boolean).join("\n\n");
}
