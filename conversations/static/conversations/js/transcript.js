// The messages on the page: an article each, in the order of the branch. What the server renders is swapped in here.
import { getPage } from "../../chatsite/js/requests.js";

const NO_ID = "00000000-0000-0000-0000-000000000000";

export class Transcript {
  // root: the element that holds the articles. texts: the page's data-text-… and data-fragment.
  constructor(root, texts) {
    this.root = root;
    this.texts = texts;
  }

  get articles() {
    return [...this.root.querySelectorAll("[data-message]")];
  }

  get running() {
    return [...this.root.querySelectorAll("[data-events]")];
  }

  get isEmpty() {
    return !this.root.childElementCount;
  }

  // What tells two states of it apart: another tab may have gone on.
  get newest() {
    return newestIn(this.root);
  }

  find(id) {
    return this.articles.find((article) => article.dataset.message === id);
  }

  append(article) {
    const newest = this.root.querySelector("[data-newest]");
    if (newest) newest.before(article);
    else this.root.append(article);
  }

  // The message and what follows it, taken out; [] if it is not here.
  removeFrom(id) {
    const all = this.articles;
    const start = all.findIndex((article) => article.dataset.message === id);
    // Answers that are compared go together.
    const found = start < 0 ? [] : all.slice(start).map((one) => one.closest("[data-comparison]") ?? one);
    const removed = [...new Set(found)];
    for (const element of removed) element.remove();
    return removed;
  }

  // The transcript as the server has it now, and what has not been sent yet after it.
  show(page, unsent) {
    const fresh = page.querySelector("[data-transcript]");
    this.root.replaceChildren(...fresh.children, ...unsent);
    this.decorate();
  }

  // The article as the server renders it now. What is equal stays, so that selection and focus survive.
  async swap(article) {
    let fresh;
    try {
      const page = await getPage(this.texts.fragment.replace(NO_ID, article.dataset.message));
      fresh = document.adoptNode(page.querySelector("article"));
    } catch {
      return; // what is shown is complete; only its buttons are missing until the next load
    }
    if (!article.isConnected) return;
    const body = article.querySelector("[data-body]");
    const freshBody = fresh.querySelector("[data-body]");
    if (plainHtml(body) === freshBody.innerHTML.trim()) {
      if (freshBody.lang) body.lang = freshBody.lang;
      freshBody.replaceWith(body);
    }
    article.replaceWith(fresh);
    this.decorate();
  }

  // root: what is new, where that is known: a transcript is long, and an answer grows many times a second.
  decorate(root = this.root) {
    if (!root.querySelector(".code-head:not(:has(button))")) return;
    import("./code-blocks.js").then(({ addCodeButtons }) => addCodeButtons(root, this.texts));
  }
}

// root: a transcript, here or in a page that was fetched.
export function newestIn(root) {
  const article = [...root.querySelectorAll("[data-message]")].at(-1);
  const isCompared = Boolean(article?.closest("[data-comparison]"));
  return article ? `${article.dataset.message} ${article.dataset.status} ${isCompared}` : "";
}

// A streamed body without what scripts added to it.
function plainHtml(body) {
  const copy = body.cloneNode(true);
  for (const button of copy.querySelectorAll(".code-head button")) button.remove();
  for (const block of copy.querySelectorAll("[data-wrap]")) block.removeAttribute("data-wrap");
  for (const block of copy.querySelectorAll("[data-block]")) block.replaceWith(...block.childNodes);
  return copy.innerHTML.trim();
}
