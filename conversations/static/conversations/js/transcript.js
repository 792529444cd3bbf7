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

  // Makes the article what the server renders now. elsewhere: gets the focus if the control that has it goes. Resolves
  // to the failure if the server does not have it or cannot be reached: what is shown then stays as it is.
  async swap(article, elsewhere) {
    let page;
    try {
      page = await getPage(this.texts.fragment.replace(NO_ID, article.dataset.message));
    } catch (failure) {
      return failure;
    }
    if (!article.isConnected) return undefined;
    const hadFocus = article.contains(document.activeElement);
    takeOver(article, page.querySelector("article"));
    if (hadFocus && !article.contains(document.activeElement)) elsewhere.focus({ preventScroll: true });
    this.decorate(article);
    return undefined;
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

// Body and reasoning stay in the document: taken out of it even for a moment, they lose selection and focus.
function takeOver(article, fresh) {
  copyAttributes(article, fresh);
  const staying = new Map();
  for (const [name, update] of [["[data-body]", updateBody], ["[data-reasoning]", updateReasoning]]) {
    const [old, part] = [article, fresh].map((each) => each.querySelector(name));
    if (!old || !part) continue;
    update(old, part);
    staying.set(part, old);
  }
  const parts = [...fresh.children].map((part) => staying.get(part) ?? part);
  for (const part of [...article.children]) if (!parts.includes(part)) part.remove();
  let next = null;
  for (const part of parts.reverse()) {
    if (part.parentNode !== article) article.insertBefore(part, next);
    next = part;
  }
}

function updateBody(body, fresh) {
  copyAttributes(body, fresh);
  if (plainHtml(body) !== fresh.innerHTML.trim()) body.replaceChildren(...fresh.childNodes);
}

// Whoever has opened it goes on reading.
function updateReasoning(reasoning, fresh) {
  for (const name of ["summary", ".reasoning-text"]) {
    const [place, { textContent }] = [reasoning, fresh].map((each) => each.querySelector(name));
    if (place.textContent.trim() !== textContent.trim()) place.textContent = textContent.trim();
  }
}

function copyAttributes(element, fresh) {
  for (const { name } of [...element.attributes]) if (!fresh.hasAttribute(name)) element.removeAttribute(name);
  for (const { name, value } of fresh.attributes) element.setAttribute(name, value);
}

// A streamed body without what scripts added to it.
function plainHtml(body) {
  const copy = body.cloneNode(true);
  for (const button of copy.querySelectorAll(".code-head button")) button.remove();
  for (const block of copy.querySelectorAll("[data-wrap]")) block.removeAttribute("data-wrap");
  for (const block of copy.querySelectorAll("[data-block]")) block.replaceWith(...block.childNodes);
  return copy.innerHTML.trim();
}
