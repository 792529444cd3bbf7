// The shortcuts that people know from ChatGPT. The server's page about them is shown as their list.
import { getPage } from "../../chatsite/js/requests.js";
import { isComposing } from "./composer.js";

const LAST_CODE = "article[data-role=assistant] [data-copy-code]";
const LAST_ANSWER = "article[data-role=assistant] [data-action=copy]";

export class Shortcuts {
  // page: the <chat-conversation>; its data-shortcuts is the address of the list.
  constructor(page) {
    this.page = page;
    const { signal } = page.listeners;
    document.addEventListener("keydown", (event) => this.pressed(event), { signal });
  }

  pressed(event) {
    if (isComposing(event) || event.defaultPrevented || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    const act = this.meaning(event);
    if (!act || this.isTyping(event)) return;
    event.preventDefault();
    act();
  }

  meaning({ key, code, ctrlKey, metaKey, shiftKey }) {
    if (key === "Escape" && shiftKey) return () => this.page.composer.input.focus();
    if (!ctrlKey && !metaKey) return undefined;
    if (key === "/" || (code === "Slash" && !shiftKey)) return () => this.showList();
    if (!shiftKey) return undefined;
    if (code === "Semicolon" || key === ";" || key === ":") return () => this.clickLast(LAST_CODE);
    return {
      o: () => location.assign(document.querySelector(".new-chat").href),
      c: () => this.clickLast(LAST_ANSWER),
      d: this.page.composer.canDictate && (() => document.querySelector("[data-action=dictate]").click()),
      s: () => document.dispatchEvent(new CustomEvent("sidebar:toggle")),
      backspace:
        this.page.dataset.conversation && (() => document.dispatchEvent(new CustomEvent("conversation:delete"))),
    }[key.toLowerCase()];
  }

  // In any other field the keys are the field's, and in a message that is being written Backspace is.
  isTyping({ target, key }) {
    const field = target.closest?.("input, textarea, select, [contenteditable]");
    if (!field) return false;
    return field !== this.page.composer.input || (key === "Backspace" && field.value !== "");
  }

  async showList() {
    this.dialog ??= await this.load();
    this.dialog?.showModal();
  }

  async load() {
    let dialog;
    try {
      dialog = (await getPage(this.page.dataset.shortcuts)).querySelector("[data-list]").content.firstElementChild;
    } catch (failure) {
      this.page.complain(failure);
      return undefined;
    }
    document.body.append(document.adoptNode(dialog));
    return dialog;
  }

  async clickLast(selector) {
    await this.page.toNewest();
    [...document.querySelectorAll(selector)].at(-1)?.click();
  }
}
