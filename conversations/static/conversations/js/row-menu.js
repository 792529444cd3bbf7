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
    this.popover.addEventListener("toggle", (event) => this.toggled(event), { capture: true });
    this.popover.addEventListener("submit", (event) => this.submitted(event));
    this.popover.addEventListener("click", (event) => event.stopPropagation());
    sidebar.append(this.popover);
  }

  get isOpen() {
    return this.popover.matches(":popover-open");
  }

  get details() {
    return [...this.popover.querySelectorAll("details")];
  }

  // link: the row's, whose address is the menu's page.
  async open(link) {
    if (this.isOpen && this.link === link) return this.close();
    this.link = link;
    await this.show(link);
  }

  // What was open in the panel stays open. Throws RequestFailed.
  async show(link) {
    const index = this.isOpen ? this.details.findIndex((one) => one.open) : -1;
    const panel = (await getPage(link.href)).querySelector("[data-row-menu]");
    if (this.link !== link) return; // another one was opened meanwhile
    this.popover.replaceChildren(document.adoptNode(panel));
    this.popover.setAttribute("aria-label", link.getAttribute("aria-label"));
    if (!this.isOpen) this.popover.showPopover();
    this.place();
    const opened = this.details[index];
    if (opened) opened.open = true;
    (opened ?? this.popover).querySelector("summary, button").focus();
  }

  close() {
    this.popover.hidePopover();
    this.currentLink?.focus();
  }

  // The list may have been rendered anew since.
  get currentLink() {
    return this.sidebar.list.querySelector(`a[href="${CSS.escape(this.link.getAttribute("href"))}"]`);
  }

  // Below the row's end; above where there is no room.
  place() {
    const { style } = this.popover;
    style.removeProperty("top");
    style.removeProperty("left");
    if (narrow.matches || !this.isOpen) return;
    const row = (this.currentLink ?? this.link).getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.popover;
    const isLeftToRight = getComputedStyle(this.link).direction === "ltr";
    const left = isLeftToRight ? row.left : row.right - offsetWidth;
    style.left = `${Math.max(8, Math.min(left, innerWidth - offsetWidth - 8))}px`;
    style.top = `${Math.max(8, Math.min(row.bottom + 4, innerHeight - offsetHeight - 8))}px`;
  }

  // The menu, or a part of it: then there may be too little room below.
  toggled({ target, newState }) {
    if (target !== this.popover) {
      this.place();
      return;
    }
    this.currentLink?.setAttribute("aria-expanded", String(newState === "open"));
  }

  // What failed is said in the panel, and what was chosen or typed there is kept to try again.
  complain(failure) {
    if (!this.isOpen) {
      this.sidebar.complain(failure);
      return;
    }
    const place = this.popover.querySelector("[data-error]");
    const sentence = failure.sentence || place.dataset.unreachable;
    const link = document.createElement("a");
    link.href = this.link.href; // by way of the sign-in page
    link.textContent = sentence;
    place.replaceChildren(failure.status === 401 ? link : sentence);
    place.hidden = false;
    this.place();
    place.scrollIntoView({ block: "nearest" });
  }

  async submitted(event) {
    event.preventDefault();
    const { target: form, submitter } = event;
    const path = new URL("..", this.link.href).pathname;
    const isHere = path === location.pathname;
    const isGone = "leaves" in form.dataset;
    let reply;
    try {
      if (isHere && "removes" in form.dataset) {
        await this.sidebar.deleteOpen();
        return;
      }
      reply = await post(form.action, Object.fromEntries(new FormData(form, submitter)));
    } catch (failure) {
      this.complain(failure);
      return;
    }
    const { list } = this.sidebar;
    const next = isGone ? list.neighbour(path)?.firstElementChild.getAttribute("href") : path;
    if ("stays" in form.dataset) {
      this.sidebar.refresh();
      await this.show(this.link).catch(() => this.close());
      return;
    }
    this.popover.hidePopover();
    if (isHere && reply.title) document.querySelector("[data-live=title]").textContent = reply.title;
    if (reply.title) list.row(path).firstElementChild.firstChild.textContent = reply.title;
    else list.forget(path);
    await this.sidebar.refresh();
    this.sidebar.focusRow(next, isGone ? "a" : ".row-more");
    if (form.dataset.toast) this.sidebar.offerUndo(form.dataset.toast, form.dataset.undo, path);
  }
}
