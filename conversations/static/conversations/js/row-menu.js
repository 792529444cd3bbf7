// The menu of a row: the server's page about that conversation, its panel shown beside the row.
import { getPage, post } from "../../chatsite/js/requests.js";

const narrow = window.matchMedia("(max-width: 36rem)");

export class RowMenu {
  constructor(sidebar) {
    this.sidebar = sidebar;
    this.popover = document.createElement("div");
    this.popover.className = "row-menu-popover";
    this.popover.popover = "auto";
    this.popover.setAttribute("role", "dialog");
    this.popover.addEventListener("toggle", (event) => this.toggled(event));
    this.popover.addEventListener("submit", (event) => this.submitted(event));
    this.popover.addEventListener("click", (event) => event.stopPropagation());
    sidebar.append(this.popover);
  }

  get isOpen() {
    return this.popover.matches(":popover-open");
  }

  // link: the row's, whose address is the menu's page.
  async open(link) {
    if (this.isOpen && this.link === link) return this.close();
    this.link = link;
    let panel;
    try {
      panel = (await getPage(link.href)).querySelector("[data-row-menu]");
    } catch {
      location.assign(link.href); // the page says what is wrong
      return;
    }
    if (this.link !== link) return; // another one was opened meanwhile
    this.popover.replaceChildren(document.adoptNode(panel));
    this.popover.setAttribute("aria-label", link.getAttribute("aria-label"));
    this.popover.showPopover();
    this.place();
    this.popover.querySelector("summary, button").focus();
  }

  close() {
    this.popover.hidePopover();
    this.link?.focus();
  }

  // Below the row's end; above where there is no room.
  place() {
    const { style } = this.popover;
    style.removeProperty("top");
    style.removeProperty("left");
    if (narrow.matches) return;
    const row = this.link.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.popover;
    const isLeftToRight = getComputedStyle(this.link).direction === "ltr";
    const left = isLeftToRight ? row.left : row.right - offsetWidth;
    style.left = `${Math.max(8, Math.min(left, innerWidth - offsetWidth - 8))}px`;
    style.top = `${Math.max(8, Math.min(row.bottom + 4, innerHeight - offsetHeight - 8))}px`;
  }

  toggled({ newState }) {
    this.link?.setAttribute("aria-expanded", String(newState === "open"));
  }

  async submitted(event) {
    event.preventDefault();
    const { target: form, submitter } = event;
    const path = this.link.closest("li").querySelector("a").getAttribute("href");
    const isHere = path === location.pathname;
    const isGone = "removes" in form.dataset;
    if (isHere && isGone) {
      form.submit(); // the next page says so and offers Undo
      return;
    }
    let reply;
    try {
      reply = await post(form.action, Object.fromEntries(new FormData(form, submitter)));
    } catch {
      form.submit(); // the server's page says what is wrong
      return;
    }
    const { list } = this.sidebar;
    const next = isGone ? list.neighbour(path)?.firstElementChild.getAttribute("href") : path;
    this.popover.hidePopover();
    if (isHere && reply.title) document.querySelector("[data-live=title]").textContent = reply.title;
    await this.sidebar.refresh();
    this.sidebar.focusRow(next, isGone ? "a" : ".row-more");
    if (form.dataset.toast) this.sidebar.offerUndo(form.dataset.toast, form.dataset.undo, path);
  }
}
