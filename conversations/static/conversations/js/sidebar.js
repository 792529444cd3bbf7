// <chat-sidebar>: a drawer on narrow windows, opened by its address (#sidebar), so that Back closes it.
import { getPage, post } from "../../chatsite/js/requests.js";
import { isComposing } from "./composer.js";
import "./conversation-list.js";
import { remember } from "./sidebar-memory.js";

const narrow = window.matchMedia("(max-width: 59.99rem)");

class ChatSidebar extends HTMLElement {
  connectedCallback() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.panel = this.querySelector("#sidebar");
    window.addEventListener("hashchange", () => this.changed(), { signal });
    narrow.addEventListener("change", () => this.update(), { signal });
    // Before the page's own handler, for which Escape means Stop.
    document.addEventListener("keydown", (event) => this.keyPressed(event), { signal, capture: true });
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    document.addEventListener("click", (event) => this.clickedAnywhere(event), { signal });
    document.addEventListener("sidebar:toggle", () => this.toggle(), { signal });
    const deleteOpen = () => this.deleteOpen().catch((failure) => this.complain(failure));
    document.addEventListener("conversation:delete", deleteOpen, { signal });
    this.update();
    // It may have been opened before this was there.
    if (this.isOpen && !this.panel.contains(document.activeElement)) this.panel.querySelector(".sidebar-close").focus();
  }

  disconnectedCallback() {
    this.listeners.abort();
  }

  get list() {
    return this.querySelector("conversation-list");
  }

  get isOpen() {
    return narrow.matches && location.hash === "#sidebar";
  }

  update() {
    this.panel.inert = narrow.matches && !this.isOpen;
    const stage = document.querySelector("chat-conversation");
    if (stage) stage.inert = this.isOpen;
  }

  changed() {
    const wasOpen = !this.panel.inert && narrow.matches;
    this.update();
    if (this.isOpen) this.panel.querySelector(".sidebar-close").focus();
    else if (wasOpen) document.querySelector(".topbar-menu")?.focus();
  }

  close() {
    if (this.isOpen) history.back();
  }

  // Shows or hides it: a drawer on narrow windows, a column that is remembered on wide ones.
  toggle() {
    if (this.isOpen) this.close();
    else if (narrow.matches) location.hash = "#sidebar";
    else this.collapse(!("collapsed" in this.dataset));
  }

  // The focus moves only from what is hidden by this, to what takes it back.
  collapse(isCollapsed) {
    const opener = document.querySelector(".topbar-menu");
    const hides = isCollapsed ? this.panel : opener;
    const shows = isCollapsed ? opener : this.querySelector("[data-collapse]");
    const hadFocus = hides?.contains(document.activeElement);
    this.toggleAttribute("data-collapsed", isCollapsed);
    remember("collapsed", isCollapsed);
    if (hadFocus) shows?.focus();
  }

  async openPalette() {
    try {
      const { Palette } = await import("./palette.js");
      this.palette ??= await Palette.load(this);
    } catch (failure) {
      this.complain(failure);
      return;
    }
    if (!document.querySelector("dialog[open]")) this.palette.open();
  }

  // Like the other shortcuts, it can be switched off.
  isPaletteKey({ key, ctrlKey, metaKey, shiftKey, altKey }) {
    if (key.toLowerCase() !== "k" || !(ctrlKey || metaKey) || shiftKey || altKey) return false;
    return Boolean(document.querySelector("chat-conversation")?.dataset.shortcuts);
  }

  keyPressed(event) {
    if (this.isPaletteKey(event)) {
      event.preventDefault();
      this.openPalette();
      return;
    }
    if (event.key !== "Escape" || isComposing(event) || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return; // it closes by itself, if nobody prevents it
    const menu = this.querySelector(".account-menu[open]");
    if (this.menu?.isOpen) {
      this.menu.close();
      event.preventDefault();
    } else if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.preventDefault();
    } else if (this.isOpen) {
      event.preventDefault();
      this.close();
    }
  }

  clicked(event) {
    const more = event.target.closest(".row-more");
    if (more && !isForAnotherTab(event)) {
      event.preventDefault();
      this.openMenu(more);
    } else if (event.target.closest("[data-opens-palette]") && !isForAnotherTab(event)) {
      event.preventDefault();
      this.openPalette();
    } else if (event.target.closest("[data-collapse]")) {
      this.collapse(true);
    } else if (event.target.closest(".sidebar-close, .veil")) {
      event.preventDefault();
      this.close();
    }
  }

  async openMenu(link) {
    try {
      const { RowMenu } = await import("./row-menu.js");
      this.menu ??= new RowMenu(this);
      await this.menu.open(link);
    } catch (failure) {
      if (failure.status === 404) location.assign(link.href); // the page says what is wrong
      else this.complain(failure);
    }
  }

  clickedAnywhere(event) {
    const { target } = event;
    if (target.closest(".topbar-menu") && !narrow.matches) {
      event.preventDefault();
      this.collapse(false);
    }
    const menu = this.querySelector(".account-menu[open]");
    if (menu && !menu.contains(target)) menu.open = false;
  }

  // The list as the server has it now. Of several at once the last one counts.
  async refresh() {
    const { query } = this.list;
    const number = (this.asked = (this.asked ?? 0) + 1);
    let page;
    try {
      page = await getPage(this.dataset.list + query);
    } catch {
      return; // what is shown stays until the next time
    }
    if (number === this.asked && this.list.query === query) this.list.take(page.querySelector("conversation-list"), query);
  }

  // Whoever has gone elsewhere while the server was asked stays there.
  get hasFocus() {
    const { activeElement } = document;
    return activeElement === document.body || this.contains(activeElement);
  }

  focusRow(path, within = "a") {
    if (!this.hasFocus) return;
    const row = path && this.list.row(path);
    (row?.querySelector(within) ?? this.querySelector(".new-chat")).focus();
  }

  // The next page says so and offers Undo. Throws RequestFailed.
  async deleteOpen() {
    await post(`${location.pathname}delete/`, { notice: true });
    location.assign(this.querySelector(".new-chat").href);
  }

  // Where the page says whatever has failed. The drawer would hide it.
  complain(failure) {
    this.close();
    document.querySelector("chat-conversation").complain(failure);
  }

  // path: of the row to go to when it is back.
  async offerUndo(sentence, address, path) {
    const { showToast } = await import("../../chatsite/js/toast.js");
    showToast(this.querySelector("[data-toasts]"), sentence, this.dataset.textUndo, async () => {
      try {
        await post(address, { value: false }); // archived: no; where the reply is lost it may be said twice
      } catch (failure) {
        this.complain(failure);
        if (failure.isTemporary) this.offerUndo(sentence, address, path);
        return;
      }
      await this.refresh();
      this.focusRow(path);
    });
  }
}

function isForAnotherTab(event) {
  return event.ctrlKey || event.metaKey || event.shiftKey || event.button > 0;
}

customElements.define("chat-sidebar", ChatSidebar);
