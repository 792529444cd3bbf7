// Messages on their way: shown at once, sent one after the other, kept until the server has them. A message waits
// while an answer runs; what is refused goes back into the composer, what did not arrive offers Retry.
import { post, RequestFailed } from "../../chatsite/js/requests.js";

export class Outbox {
  // page: the <chat-conversation> it belongs to.
  constructor(page) {
    this.page = page;
    this.waiting = [];
  }

  get isEmpty() {
    return !this.waiting.length;
  }

  get articles() {
    return this.waiting.map((message) => message.article);
  }

  // message: what composer:send says.
  take(message) {
    this.waiting.push({ ...message, ...this.showQuestion(message) });
    this.page.pin.toEnd();
    this.pump();
  }

  showQuestion({ content, edit }) {
    const article = this.page.fromTemplate("question");
    article.querySelector("[data-body]").textContent = content;
    const replaced = edit ? this.page.transcript.removeFrom(edit) : [];
    this.page.transcript.append(article);
    return { article, replaced };
  }

  async pump() {
    const message = this.waiting[0];
    if (!message || this.isPosting) return;
    if (this.page.composer.isRunning) {
      mark(message.article, "queued", this.page.dataset.textQueued);
      return;
    }
    this.isPosting = true;
    mark(message.article, "sending");
    const answer = this.page.fromTemplate("answer");
    message.article.after(answer);
    try {
      const reply = await post(this.page.composer.form.action, this.fieldsOf(message));
      this.waiting.shift();
      mark(message.article, "");
      this.page.accepted(message.article, answer, reply);
    } catch (failure) {
      answer.remove();
      this.refused(message, failure);
    } finally {
      this.isPosting = false;
    }
  }

  fieldsOf({ content, clientId, edit }) {
    return { ...this.page.composer.choices, content, client_id: clientId, ...(edit && { edit }) };
  }

  refused(message, failure) {
    if (!(failure instanceof RequestFailed)) throw failure;
    if (failure.code === "answer_running") {
      // Another tab has asked; this message goes out when that answer is complete.
      mark(message.article, "queued", this.page.dataset.textQueued);
      this.page.reload();
      return;
    }
    this.waiting.shift();
    if (failure.isTemporary) {
      this.offerRetry(message);
      return;
    }
    message.article.replaceWith(...message.replaced);
    this.page.composer.restore(message);
    this.page.complain(failure);
  }

  offerRetry(message) {
    const { textFailed, textRetry } = this.page.dataset;
    mark(message.article, "failed", textFailed);
    this.page.alarm(textFailed);
    const retry = document.createElement("button");
    retry.type = "button";
    retry.className = "button";
    retry.textContent = textRetry;
    retry.addEventListener("click", () => {
      this.waiting.push(message);
      this.pump();
      this.page.composer.input.focus();
    });
    message.article.querySelector("[data-delivery-note]").append(retry);
  }
}

function mark(article, state, text = "") {
  if (state) article.dataset.delivery = state;
  else delete article.dataset.delivery;
  const note = article.querySelector("[data-delivery-note]");
  note.textContent = text;
  note.hidden = !text;
}
