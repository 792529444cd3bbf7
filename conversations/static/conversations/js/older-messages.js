// A long conversation: earlier messages come from the server while one scrolls up, without moving what is being read,
// and the page never holds more than a few windows of messages. What is far below waits outside the document.
import { getPage } from "../../chatsite/js/requests.js";

const AHEAD = "1500px 0px"; // how far from the edge of the window more is put in place
const MOST = 150; // rows in the document: a message each, or several that are compared
const STEP = 50;

export class OlderMessages {
  // page: the <chat-conversation>. signal: ends it.
  constructor(page, signal) {
    this.page = page;
    this.root = page.transcript.root;
    this.below = []; // rows taken out at the end, oldest first
    this.more = document.createElement("p"); // stands for them
    this.more.className = "transcript-more";
    this.seen = new IntersectionObserver((entries) => this.came(entries), { rootMargin: AHEAD });
    const replaced = new MutationObserver(() => this.look());
    replaced.observe(this.root, { childList: true });
    signal.addEventListener("abort", () => {
      this.seen.disconnect();
      replaced.disconnect();
    });
    this.root.addEventListener("click", (event) => this.clicked(event), { signal });
    // The end has to be there before anybody goes there or adds to it.
    page.addEventListener("composer:send", () => this.showNewest(), { capture: true, signal });
    page.addEventListener("click", ({ target }) => target.closest("[data-jump]") && this.showNewest(), {
      capture: true,
      signal,
    });
    this.look();
  }

  get rows() {
    return rowsOf(this.root);
  }

  get link() {
    return this.root.querySelector(":scope > .transcript-more [data-older]");
  }

  // The transcript may have been replaced by the server's.
  look() {
    if (this.below.length && !this.more.isConnected) this.forgetBelow();
    if (this.link === this.watched) return;
    this.seen.disconnect();
    this.watched = this.link;
    if (this.watched) this.seen.observe(this.watched);
  }

  came(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      if (target === this.more) this.showBelow();
      else this.load();
    }
  }

  clicked(event) {
    if (!event.target.closest("[data-older]")) return;
    event.preventDefault();
    this.load();
  }

  async load() {
    const link = this.link;
    if (!link || this.isLoading) return;
    this.isLoading = true;
    link.setAttribute("aria-busy", "true");
    try {
      const page = await getPage(`${link.href}&part=messages`);
      if (link.isConnected) this.put(link, page);
    } catch {
      link.textContent = this.page.dataset.textOlderFailed;
    } finally {
      link.removeAttribute("aria-busy");
      this.isLoading = false;
    }
  }

  put(link, page) {
    const next = page.querySelector("[data-older]");
    this.keepingPlace(() => {
      link.parentElement.after(...rowsOf(page.body));
      if (next) link.replaceChildren(...next.childNodes);
      if (next) link.href = next.getAttribute("href");
      else this.endOf(link);
    });
    this.page.transcript.decorate();
    this.takeOutBelow();
    this.watchAgain(link);
  }

  endOf(link) {
    if (link === document.activeElement) this.page.querySelector("main").focus({ preventScroll: true });
    link.parentElement.remove();
  }

  // An observer reports changes only, and what was put in place may not have pushed the edge out of sight.
  watchAgain(target) {
    this.seen.unobserve(target);
    if (target.isConnected) this.seen.observe(target);
  }

  // By hand in every browser: their own anchoring is missing in some and rests in others at the top of the page.
  keepingPlace(change) {
    const anchor = this.rows.find((row) => row.getBoundingClientRect().bottom > 0);
    const before = anchor?.getBoundingClientRect().top;
    this.root.style.overflowAnchor = "none";
    change();
    if (anchor?.isConnected) {
      window.scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
    }
    requestAnimationFrame(() => (this.root.style.overflowAnchor = ""));
  }

  // Nothing that is on its way is taken out: it has to hear of its end.
  takeOutBelow() {
    const out = this.rows.slice(MOST);
    if (!out.length || this.page.composer.isRunning || !this.page.outbox.isEmpty) return;
    if (!this.below.length) out.at(-1).after(this.more);
    this.below.unshift(...out);
    for (const row of out) row.remove();
    this.watchAgain(this.more);
  }

  showBelow(count = STEP) {
    this.more.before(...this.below.splice(0, count));
    if (this.below.length) this.watchAgain(this.more);
    else this.forgetBelow();
    this.takeOutAbove();
  }

  showNewest() {
    if (this.below.length) this.showBelow(Infinity);
  }

  forgetBelow() {
    this.below = [];
    this.more.remove();
  }

  // What is far above can be loaded again.
  takeOutAbove() {
    const out = this.rows.slice(0, -MOST);
    if (!out.length) return;
    const first = this.rows[out.length].closest("[data-message]") ?? this.rows[out.length].querySelector("[data-message]");
    this.keepingPlace(() => {
      for (const row of out) row.remove();
      if (!this.link) this.root.prepend(this.page.fromTemplate("older"));
      this.link.href = `?${new URLSearchParams({ before: first.dataset.message })}`;
    });
  }
}

function rowsOf(element) {
  return [...element.children].filter((child) => !child.matches(".transcript-more"));
}
