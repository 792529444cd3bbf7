// Messages on their way: shown at once, sent one after the other in their order, kept until the server has them, also
// over a reload. A message waits while an answer runs; what is refused goes back into the composer, with what waits behind
// it; what did not arrive offers Retry.
import { post, RequestFailed } from "../../chatsite/js/requests.js";

const PAUSE = 2_000; // milliseconds before it is tried again while an answer runs that this page does not show

export class Outbox {
  // page: the <chat-conversation> it belongs to.
  constructor(page) {
    this.page = page;
    this.messages = []; // what composer:send says, with article, replaced, hasFailed, hasWaited and mayHaveArrived
  }

  get isEmpty() {
    return !this.messages.length;
  }

  get articles() {
    return this.messages.map((message) => message.article);
  }

  // message: what composer:send says. What had not arrived goes first, and is tried again for it.
  add(message) {
    for (const other of this.messages) other.hasFailed = false;
    const article = this.page.fromTemplate("question");
    article.querySelector("[data-body]").textContent = message.content;
    this.page.transcript.append(article);
    this.messages.push({ ...message, article });
    this.save();
  }

  remove(message) {
    this.messages = this.messages.filter((other) => other !== message);
    this.save();
  }

  async pump() {
    const [message] = this.messages;
    if (!message || message.hasFailed || this.isPosting || this.isWaiting) return;
    if (this.page.composer.isRunning && !message.mayHaveArrived) {
      mark(message.article, "queued", this.page.dataset.textQueued);
      return;
    }
    this.isPosting = true;
    mark(message.article, "sending");
    const { root, answers } = this.placeholders(message);
    message.article.after(root);
    this.takeOutReplaced(message);
    let reply;
    try {
      reply = await post(this.page.composer.form.action, this.fieldsOf(message));
    } catch (failure) {
      root.remove();
      this.refused(message, failure);
      return;
    } finally {
      this.isPosting = false;
    }
    this.remove(message);
    mark(message.article, "");
    this.page.accepted(message, answers, reply);
    this.pump(); // its answer may have ended before this page was loaded
  }

  // Only now: the answer that runs until then may be one of those.
  takeOutReplaced(message) {
    const removed = message.edit ? this.page.transcript.removeFrom(message.edit) : [];
    if (removed.length) message.replaced = removed;
  }

  // An article for each answer, in the order in which the server will name them; several stand side by side.
  placeholders({ choices = {}, compare = [] }) {
    const names = [...new Set([choices.model, ...compare])];
    if (names.length < 2) {
      const root = this.page.fromTemplate("answer");
      return { root, answers: [root] };
    }
    const root = this.page.fromTemplate("comparison");
    const answers = names.map((name) => {
      const article = this.page.fromTemplate("compared");
      article.querySelector("[data-model]").textContent = name;
      return article;
    });
    root.querySelector("[data-answers]").append(...answers);
    return { root, answers };
  }

  fieldsOf({ content, clientId, edit, choices, compare = [] }) {
    return { ...choices, content, client_id: clientId, compare, ...(edit && { edit }) };
  }

  refused(message, failure) {
    if (!(failure instanceof RequestFailed)) throw failure;
    message.mayHaveArrived = false;
    if (failure.code === "answer_running") {
      this.waitForOther(message);
    } else if (failure.isTemporary) {
      const { textFailed } = this.page.dataset;
      const why = failure.status === 503 && failure.sentence ? `${textFailed} ${failure.sentence}` : textFailed;
      this.offerRetry(message, why);
      this.page.alarm(why);
    } else {
      this.giveBack();
      this.page.complain(failure);
    }
  }

  // Another tab has asked, or this one on another branch: the message goes out when that answer is complete.
  async waitForOther(message) {
    mark(message.article, "queued", this.page.dataset.textQueued);
    this.isWaiting = true;
    const isReached = await this.page.reload();
    const isElsewhere = message.hasWaited && !this.page.composer.isRunning; // or else it has just ended
    if (isReached && isElsewhere) await new Promise((go) => setTimeout(go, PAUSE));
    message.hasWaited = true;
    this.isWaiting = false;
    if (isReached) this.pump();
    else this.offerRetry(message);
  }

  // The newest first, so that they stand in the box in their order. An edit does not take the place of another one.
  giveBack() {
    for (const message of this.messages.toReversed()) {
      if (message.edit && this.page.composer.isEditing) {
        this.offerRetry(message);
        continue;
      }
      this.remove(message);
      message.article.replaceWith(...(message.replaced ?? []));
      this.page.composer.restore(message);
    }
  }

  offerRetry(message, why = this.page.dataset.textFailed) {
    const { textRetry } = this.page.dataset;
    message.hasFailed = true;
    mark(message.article, "failed", why);
    const retry = document.createElement("button");
    retry.type = "button";
    retry.className = "button";
    retry.textContent = textRetry;
    retry.addEventListener("click", () => {
      message.hasFailed = false;
      this.pump();
      this.page.composer.input.focus();
    });
    message.article.querySelector("[data-delivery-note]").append(retry);
  }

  // --- Over a reload -----------------------------------------------------------------------------------------------

  get key() {
    return `outbox:${this.page.composer.dataset.draft}`;
  }

  save() {
    const kept = this.messages.map(({ article, replaced, hasFailed, ...message }) => message);
    try {
      if (kept.length) sessionStorage.setItem(this.key, JSON.stringify(kept));
      else sessionStorage.removeItem(this.key);
    } catch {}
  }

  // When the chat gets its address: what is still waiting goes with it.
  move(change) {
    try {
      sessionStorage.removeItem(this.key);
    } catch {}
    change();
    this.save();
  }

  // The server knows each message by its client id: what had arrived is not sent a second time. What had failed is tried
  // again: it may have failed only because the page was being left.
  restore() {
    let kept = [];
    try {
      kept = JSON.parse(sessionStorage.getItem(this.key) ?? "[]");
    } catch {}
    for (const message of kept) this.add({ ...message, mayHaveArrived: true });
    this.pump();
  }
}

function mark(article, state, text = "") {
  if (state) article.dataset.delivery = state;
  else delete article.dataset.delivery;
  const note = article.querySelector("[data-delivery-note]");
  note.textContent = text;
  note.hidden = !text;
}
