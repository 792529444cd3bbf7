// <chat-sidebar>: a drawer on narrow windows, opened by its address (#sidebar), so that Back closes it.
// <conversation-list>: rename and delete on every row.
import { post } from "../../chatsite/js/requests.js";
import { isComposing } from "./composer.js";

const narrow = window.matchMedia("(max-width: 59.99rem)");

class ChatSidebar extends HTMLElement {
  connectedCallback() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.panel = this.querySelector("#sidebar");
    window.addEventListener("hashchange", () => this.changed(), { signal });
    narrow.addEventListener("change", () => this.update(), { signal });
    document.addEventListener("keydown", (event) => this.keyPressed(event), { signal });
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    document.addEventListener("click", (event) => this.clickedAnywhere(event), { signal });
    this.update();
  }

  disconnectedCallback() {
    this.listeners.abort();
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
    if (event.key !== "Escape" || isComposing(event)) return;
    if (document.querySelector("dialog[open]")) return; // it closes by itself, if nobody prevents it
    const open = "details[open]";
    const menu = document.activeElement.closest(`chat-sidebar ${open}`) ?? this.querySelector(open);
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.preventDefault();
    } else if (this.isOpen) {
      event.preventDefault();
      this.close();
    }
  }

  clicked(event) {
    if (!event.target.closest(".sidebar-close, .veil")) return;
    event.preventDefault();
    this.close();
  }

  clickedAnywhere({ target }) {
    const menu = this.querySelector(".account-menu[open]");
    if (menu && !menu.contains(target)) menu.open = false;
  }
}

class ConversationList extends HTMLElement {
  connectedCallback() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.addMenus();
    this.addEventListener("submit", (event) => this.renamed(event), { signal });
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    this.querySelector("li > [aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  disconnectedCallback() {
    this.listeners.abort();
  }

  addMenus() {
    const template = this.closest("chat-sidebar").querySelector("[data-template=row-menu]");
    for (const row of this.querySelectorAll("li")) {
      const link = row.querySelector("a");
      if (!row.querySelector("details")) {
        const menu = template.content.firstElementChild.cloneNode(true);
        menu.querySelector("form").action = `${link.pathname}rename/`;
        menu.querySelector("[data-delete]").href = `${link.pathname}delete/`;
        menu.querySelector("input[name=title]").value = nameOf(link);
        row.append(menu);
      }
      const summary = row.querySelector("summary");
      summary.setAttribute("aria-label", `${summary.getAttribute("aria-label")}: ${nameOf(link)}`);
    }
  }

  async renamed(event) {
    event.preventDefault();
    const form = event.target;
    const link = form.closest("li").querySelector("a");
    let reply;
    try {
      reply = await post(form.action, { title: form.elements.title.value });
    } catch {
      form.submit(); // the server's page says what is wrong
      return;
    }
    link.firstChild.textContent = reply.title;
    form.closest("details").open = false;
    form.closest("li").querySelector("summary").focus();
    if (link.hasAttribute("aria-current")) {
      document.querySelector("[data-live=title]").textContent = reply.title;
    }
  }

  clicked(event) {
    const link = event.target.closest("[data-delete]");
    if (!link) return;
    event.preventDefault();
    const row = link.closest("li");
    const dialog = this.closest("chat-sidebar").querySelector("[data-dialog]");
    dialog.querySelector("[data-name]").textContent = nameOf(row.querySelector("a"));
    dialog.returnValue = "";
    dialog.addEventListener(
      "close",
      () => dialog.returnValue === "delete" && this.remove(row, link.pathname),
      { once: true },
    );
    dialog.showModal();
  }

  async remove(row, address) {
    try {
      await post(address);
    } catch {
      location.assign(address); // the page that asks says what is wrong
      return;
    }
    if (row.querySelector("a").hasAttribute("aria-current")) {
      location.assign("/");
      return;
    }
    const rows = [...this.querySelectorAll("li")];
    const next = rows[rows.indexOf(row) + 1] ?? rows[rows.indexOf(row) - 1];
    row.remove();
    (next?.querySelector("a") ?? document.querySelector(".new-chat")).focus();
  }
}

function nameOf(link) {
  return link.firstChild.textContent.trim();
}

customElements.define("chat-sidebar", ChatSidebar);
customElements.define("conversation-list", ConversationList);
