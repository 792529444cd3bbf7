// What Ctrl+K opens: conversations by title, role presets and actions, in one combobox.
import { getJson, getPage, post } from "../../chatsite/js/requests.js";
import { isComposing } from "./composer.js";

const PAUSE = 120; // milliseconds of no typing before the server is asked

export class Palette {
  static async load(sidebar) {
    const page = await getPage(sidebar.dataset.palette);
    const dialog = document.adoptNode(page.querySelector("dialog"));
    document.body.append(dialog);
    return new Palette(sidebar, dialog);
  }

  constructor(sidebar, dialog) {
    this.sidebar = sidebar;
    this.dialog = dialog;
    this.input = dialog.querySelector("input");
    this.found = dialog.querySelector("[data-found]");
    this.status = dialog.querySelector("[data-empty]");
    this.options.forEach((option, index) => (option.id = `palette-${index}`));
    this.input.addEventListener("input", (event) => this.typed(event));
    this.input.addEventListener("compositionend", () => this.changed());
    this.input.addEventListener("keydown", (event) => this.keyPressed(event));
    dialog.addEventListener("pointermove", ({ target }) => this.moveTo(target.closest("[role=option]")));
    dialog.addEventListener("click", (event) => this.clicked(event));
  }

  open() {
    this.input.value = "";
    this.dialog.showModal();
    this.changed();
    this.ask();
  }

  typed(event) {
    if (!event.isComposing) this.changed(); // half a word of an input method is no question
  }

  // Of what is there, what fits is left at once; the server's answer follows.
  changed() {
    const words = this.text.toLowerCase().split(/\s+/);
    const isHere = Boolean(document.querySelector("chat-conversation")?.dataset.conversation);
    for (const option of this.dialog.querySelectorAll("[role=option]")) {
      const label = option.textContent.toLowerCase();
      option.hidden = ("here" in option.dataset && !isHere) || !words.every((word) => label.includes(word));
    }
    this.hasMoved = false;
    this.arrange();
    this.answer = undefined;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  get text() {
    return this.input.value.trim();
  }

  // Once for each text. Resolves when the answer is shown.
  ask() {
    clearTimeout(this.timer);
    this.answer ??= this.find(this.text);
    return this.answer;
  }

  async find(text) {
    const { text: nothing, unreachable } = this.status.dataset;
    let items = [];
    let sentence = "";
    try {
      ({ items } = await getJson(`${this.sidebar.dataset.search}?${new URLSearchParams({ q: text })}`));
    } catch (failure) {
      sentence = failure.sentence || unreachable;
    }
    if (text !== this.text) return; // something else was typed meanwhile
    this.found.replaceChildren(...items.slice(0, text ? 20 : 6).map(conversationOption));
    this.arrange();
    this.status.textContent = sentence || (this.options.length ? "" : nothing);
  }

  // Groups without options are not shown. The first option is marked, unless somebody has moved to another.
  arrange() {
    for (const group of this.dialog.querySelectorAll("[role=group]")) {
      group.hidden = !group.querySelector("[role=option]:not([hidden])");
    }
    const { options } = this;
    const active = this.hasMoved && this.input.getAttribute("aria-activedescendant");
    this.mark(options.find(({ id }) => id === active) ?? options[0]);
  }

  get options() {
    return [...this.dialog.querySelectorAll("[role=option]:not([hidden])")];
  }

  // By an arrow or the pointer.
  moveTo(option) {
    if (!option) return;
    this.hasMoved = true;
    this.mark(option);
  }

  mark(option) {
    for (const other of this.dialog.querySelectorAll("[aria-selected]")) other.removeAttribute("aria-selected");
    option?.setAttribute("aria-selected", "true");
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  keyPressed(event) {
    if (isComposing(event)) return;
    const { options } = this;
    const index = options.findIndex((option) => option.hasAttribute("aria-selected"));
    const steps = { ArrowDown: index + 1, ArrowUp: index - 1 };
    if (event.key in steps && options.length) {
      const next = options.at(steps[event.key] % options.length);
      this.moveTo(next);
      next.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      this.enter();
    } else {
      return;
    }
    event.preventDefault();
  }

  // What is marked when the server has answered to what was typed, or what was moved to before.
  async enter() {
    const { value } = this.input;
    if (!this.hasMoved) await this.ask();
    const marked = this.dialog.querySelector("[aria-selected]");
    if (marked && this.dialog.open && value === this.input.value) this.choose(marked);
  }

  clicked({ target }) {
    const option = target.closest("[role=option]");
    if (option) this.choose(option);
    else if (target === this.dialog || target.closest("[data-close]")) this.dialog.close();
  }

  async choose(option) {
    this.dialog.close();
    const { href, event } = option.dataset;
    if (href) {
      location.assign(href);
    } else if (event) {
      document.dispatchEvent(new CustomEvent(event));
    } else {
      await this.act(option.dataset);
    }
  }

  // As the row's menu does. here: the action's address in the conversation's.
  async act({ here, toast }) {
    const path = location.pathname;
    try {
      await post(path + here, toast && { value: true });
    } catch (failure) {
      this.sidebar.complain(failure);
      return;
    }
    await this.sidebar.refresh();
    if (toast) this.sidebar.offerUndo(toast, path + here, path);
  }
}

function conversationOption({ id, title, url }) {
  const option = document.createElement("div");
  option.id = `palette-${id}`;
  option.setAttribute("role", "option");
  option.dataset.href = url;
  const icon = document.createElement("span");
  icon.className = "icon";
  icon.dataset.icon = "chat";
  icon.setAttribute("aria-hidden", "true");
  const name = document.createElement("bdi");
  name.textContent = title || "…";
  option.append(icon, name);
  return option;
}
