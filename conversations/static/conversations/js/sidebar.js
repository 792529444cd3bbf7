// <chat-sidebar>: a drawer on narrow windows, opened by its address (#sidebar), so that Back closes it.
import { getPage, post } from "../../chatsite/js/requests.js";
import { isComposing } from "./composer.js";
import "./conversation-list.js";

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
    this.update();
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

  keyPressed(event) {
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
    } else if (event.target.closest(".sidebar-close, .veil")) {
      event.preventDefault();
      this.close();
    }
  }

  async openMenu(link) {
    const { RowMenu } = await import("./row-menu.js");
    this.menu ??= new RowMenu(this);
    this.menu.open(link);
  }

  clickedAnywhere({ target }) {
    const menu = this.querySelector(".account-menu[open]");
    if (menu && !menu.contains(target)) menu.open = false;
  }

  // The list as the server has it now.
  async refresh() {
    let page;
    try {
      page = await getPage(this.dataset.list);
    } catch {
      return; // what is shown stays until the next time
    }
    this.list.take(page.querySelector("conversation-list"));
  }

  focusRow(path, within = "a") {
    const row = path && this.list.row(path);
    (row?.querySelector(within) ?? this.querySelector(".new-chat")).focus();
  }

  // path: of the row to go to when it is back.
  async offerUndo(sentence, address, path) {
    const { showToast } = await import("../../chatsite/js/toast.js");
    showToast(this.querySelector("[data-toasts]"), sentence, this.dataset.textUndo, async () => {
      try {
        await post(address);
      } catch {
        // gone for good: the list shows it
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
