// <conversation-list>: the rows of the sidebar. The server renders them; this takes over what is new in place, so
// that scrolling, focus and the older rows that were fetched meanwhile stay.
import { getJson, getPage } from "../../chatsite/js/requests.js";
import { isRemembered, remember } from "./sidebar-memory.js";

const POLL_SECONDS = 4; // only while a row says that it is answering

export class ConversationList extends HTMLElement {
  connectedCallback() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    const tag = new URLSearchParams(location.search).get("tag");
    this.query = tag ? `?tag=${encodeURIComponent(tag)}` : "";
    this.observer = new IntersectionObserver((entries) => this.seen(entries), { root: this, rootMargin: "300px" });
    this.addEventListener("toggle", (event) => this.folderToggled(event), { signal, capture: true });
    this.addEventListener("click", (event) => this.clicked(event), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.askWhatRuns(), { signal });
    this.decorate();
    this.querySelector("li > [aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  disconnectedCallback() {
    this.listeners.abort();
    this.observer.disconnect();
    clearTimeout(this.timer);
  }

  get sidebar() {
    return this.closest("chat-sidebar");
  }

  // Links to menus become buttons: they open beside the row.
  decorate() {
    for (const link of this.querySelectorAll(".row-more:not([role])")) {
      link.setAttribute("role", "button");
      link.setAttribute("aria-haspopup", "dialog");
      link.setAttribute("aria-expanded", "false");
      link.addEventListener("keydown", (event) => {
        if (event.key !== " ") return;
        event.preventDefault();
        link.click();
      });
    }
    for (const link of this.querySelectorAll("nav li > a:first-child")) {
      if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.observer.disconnect();
    const more = this.querySelector("[data-more]");
    if (more) this.observer.observe(more);
    clearTimeout(this.timer);
    if (this.querySelector("[data-running]")) {
      this.timer = setTimeout(() => this.askWhatRuns(), POLL_SECONDS * 1000);
    }
  }

  // fresh: the same list as the server has it now, filtered as this one if it comes from `sidebar.refresh()`.
  take(fresh, query = "") {
    if (!fresh) return;
    if (query !== this.query) {
      this.sidebar.refresh();
      return;
    }
    const focused = this.contains(document.activeElement) && selectorOf(document.activeElement);
    const { scrollTop } = this;
    this.keepOlder(fresh);
    this.replaceChildren(...document.adoptNode(fresh).children);
    this.decorate();
    this.scrollTop = scrollTop;
    if (focused) this.querySelector(focused)?.focus({ preventScroll: true });
  }

  // Rows of this list that come after the last one of the fresh first page, if anything does.
  keepOlder(fresh) {
    if (!fresh.querySelector("[data-more]")) return;
    const last = rowsByAge(fresh).at(-1)?.dataset.cursor;
    const known = new Set([...fresh.querySelectorAll("nav li > a:first-child")].map((link) => link.pathname));
    const older = rowsByAge(this).filter(
      (row) => last && row.dataset.cursor < last && !known.has(row.firstElementChild.pathname),
    );
    if (!older.length) return;
    const more = this.querySelector("[data-more]");
    fresh.querySelector("[data-more]")?.remove();
    for (const row of older) addRow(fresh, headingOf(row).textContent, row);
    if (more) fresh.querySelector("nav").append(more);
  }

  // --- Older rows --------------------------------------------------------------------------------------------------

  seen(entries) {
    if (entries.some((entry) => entry.isIntersecting)) this.loadOlder();
  }

  async loadOlder() {
    const more = this.querySelector("[data-more]");
    if (!more || this.isLoading) return;
    this.isLoading = true;
    let page;
    try {
      page = await getPage(this.sidebar.dataset.list + more.querySelector("a").search);
    } catch {
      return; // the link is still there
    } finally {
      this.isLoading = false;
    }
    if (!more.isConnected) return;
    const known = new Set(rowsByAge(this).map((row) => row.firstElementChild.pathname));
    const next = page.querySelector("[data-more]");
    const rows = rowsByAge(page).filter((row) => !known.has(new URL(row.firstElementChild.href).pathname));
    for (const row of rows) addRow(this, headingOf(row).textContent, document.adoptNode(row));
    if (next) more.replaceWith(document.adoptNode(next));
    else more.remove();
    this.decorate();
  }

  clicked(event) {
    const link = event.target.closest("[data-more] a, a[data-filter]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!("filter" in link.dataset)) {
      this.loadOlder();
      return;
    }
    const index = [...this.querySelectorAll("a[data-filter]")].indexOf(link);
    this.query = link.search;
    this.replaceChildren(); // rows of another filter are no older rows of this one
    this.sidebar.refresh().then(() => {
      if (this.sidebar.hasFocus) this.querySelectorAll("a[data-filter]")[index]?.focus();
    });
  }

  // --- Folders and running answers ---------------------------------------------------------------------------------

  folderToggled({ target: folder }) {
    const { folder: id } = folder.dataset;
    if (!id || isRemembered(id) === folder.open) return;
    remember(id, folder.open);
    if (folder.open && !folder.querySelector("ul")) this.sidebar.refresh();
  }

  async askWhatRuns() {
    clearTimeout(this.timer);
    if (document.hidden) return; // asked again when the page is looked at
    let running;
    try {
      running = (await getJson(this.sidebar.dataset.running)).running;
    } catch {
      running = undefined;
    }
    const shown = [...this.querySelectorAll("nav li[data-running] > a:first-child")].map((link) => link.pathname);
    const paths = new Set(running?.map((id) => `/c/${id}/`));
    const isSame = !running || (shown.every((path) => paths.has(path)) && [...paths].every((path) => !this.row(path) || shown.includes(path)));
    if (isSame) this.decorate();
    else await this.sidebar.refresh();
  }

  // The row of a conversation by its address, and the one that takes its place when it goes.
  row(path) {
    return this.querySelector(`nav li > a[href="${CSS.escape(path)}"]`)?.parentElement;
  }

  // What the server shows of it now is elsewhere, or nowhere.
  forget(path) {
    this.row(path)?.remove();
  }

  neighbour(path) {
    const rows = [...this.querySelectorAll("nav li")];
    const index = rows.indexOf(this.row(path));
    return rows[index + 1] ?? rows[index - 1];
  }
}

// What finds a link or a folder's summary in another rendering of the list.
function selectorOf(element) {
  const folder = element.closest("summary")?.parentElement.dataset.folder;
  if (folder) return `[data-folder="${folder}"] > summary`;
  return `a[href="${CSS.escape(element.getAttribute("href"))}"]`;
}

// Those in the groups by age: not the pinned ones, not those in folders.
function rowsByAge(root) {
  return [...root.querySelectorAll("nav > ul:not([data-kept]) > li")];
}

function headingOf(row) {
  return row.parentElement.previousElementSibling;
}

function addRow(root, label, row) {
  const nav = root.querySelector("nav");
  let list = [...nav.querySelectorAll(":scope > ul:not([data-kept])")].at(-1);
  if (list?.previousElementSibling.textContent !== label) {
    const heading = document.createElement("h2");
    heading.textContent = label;
    list = document.createElement("ul");
    const more = nav.querySelector("[data-more]");
    if (more) more.before(heading, list);
    else nav.append(heading, list);
  }
  list.append(row);
}

customElements.define("conversation-list", ConversationList);
