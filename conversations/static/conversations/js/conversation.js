// <chat-conversation>: the transcript and its traffic. Sends what the composer gives it, follows the answer, and
// swaps in what the server renders. Messages wait in `outbox` while an answer runs.
import { getPage, post, RequestFailed } from "../../chatsite/js/requests.js";
import { isComposing } from "./composer.js";
import { ScrollPin } from "./scroll-pin.js";

const NO_ID = "00000000-0000-0000-0000-000000000000";
const LIVE = ["conversations", "title", "pickers", "settings", "quota"];

export class ChatConversation extends HTMLElement {
  connectedCallback() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.composer = this.querySelector("chat-composer");
    this.transcript = this.querySelector("[data-transcript]");
    this.outbox = [];
    this.path = location.pathname;
    this.pin = new ScrollPin(this.transcript, this.querySelector("[data-jump]"), signal);
    const on = (name, handle, target = this) =>
      target.addEventListener(name, (event) => handle.call(this, event), { signal });
    on("composer:send", ({ detail }) => this.take(detail));
    on("answer:grew", this.decorate);
    on("answer:lost", () => this.showConnection(this.dataset.textLost));
    on("answer:found", () => this.showConnection(""));
    on("answer:ended", this.ended);
    on("submit", this.submitted);
    on("click", this.clicked);
    on("change", this.picked);
    on("keydown", this.keyPressed, document);
    on("visibilitychange", this.lookedAt, document);
    on("popstate", this.wentBack, window);
    on("pagehide", this.left, window);
    this.land();
    this.decorate();
    this.followRunning();
  }

  disconnectedCallback() {
    this.stream?.close();
    this.listeners.abort();
  }

  // Opening lands on the newest message; a reload stays where it was, also when that was the growing end.
  land() {
    if (!this.transcript.childElementCount) return;
    const [navigation] = performance.getEntriesByType("navigation");
    const isNew = navigation?.type === "navigate";
    let wasAtEnd = false;
    try {
      wasAtEnd = sessionStorage.getItem("at-end") === this.path;
    } catch {}
    const target = location.hash.startsWith("#message-") && document.getElementById(location.hash.slice(1));
    const isLast = target && target === this.transcript.lastElementChild;
    if (isLast || (isNew ? !location.hash && !this.dataset.window : wasAtEnd)) this.pin.toEnd();
  }

  left() {
    try {
      sessionStorage.setItem("at-end", this.pin.isPinned ? this.path : "");
    } catch {}
  }

  // --- Sending -----------------------------------------------------------------------------------------------------

  take(message) {
    this.querySelector("[data-welcome]")?.setAttribute("hidden", "");
    this.outbox.push({ ...message, ...this.showQuestion(message) });
    this.pin.toEnd();
    this.pump();
  }

  showQuestion({ content, edit }) {
    const article = this.fromTemplate("question");
    article.querySelector("[data-body]").textContent = content;
    const replaced = edit ? this.removeFrom(edit) : [];
    this.transcript.append(article);
    return { article, replaced };
  }

  // The edited message and what followed it, kept in case the edit is refused.
  removeFrom(id) {
    const all = [...this.transcript.querySelectorAll("[data-message]")];
    const start = all.findIndex((article) => article.dataset.message === id);
    const removed = start < 0 ? [] : all.slice(start);
    for (const article of removed) article.remove();
    return removed;
  }

  async pump() {
    const message = this.outbox[0];
    if (!message || this.isPosting) return;
    if (this.composer.isRunning) {
      this.markDelivery(message.article, "queued", this.dataset.textQueued);
      return;
    }
    this.isPosting = true;
    this.markDelivery(message.article, "sending");
    const answer = this.fromTemplate("answer");
    message.article.after(answer);
    try {
      const { content, clientId, edit } = message;
      const fields = { ...this.composer.choices, content, client_id: clientId, ...(edit && { edit }) };
      const reply = await post(this.composer.form.action, fields);
      this.outbox.shift();
      this.accepted(message, answer, reply);
    } catch (failure) {
      answer.remove();
      this.refused(message, failure);
    } finally {
      this.isPosting = false;
    }
  }

  accepted({ article }, answer, reply) {
    const isFirst = !this.dataset.conversation;
    this.markDelivery(article, "");
    article.dataset.message = reply.message;
    this.swapMessage(article);
    this.follow(answer, reply);
    if (isFirst) {
      this.dataset.conversation = reply.conversation;
      history.pushState(null, "", reply.url);
      this.path = location.pathname;
      this.composer.belongTo(reply.conversation, `${this.path}messages/`);
      this.refresh(LIVE);
    }
  }

  refused(message, failure) {
    if (!(failure instanceof RequestFailed)) throw failure;
    if (failure.code === "answer_running") {
      // Another tab has asked; this message goes out when that answer is complete.
      this.markDelivery(message.article, "queued", this.dataset.textQueued);
      this.reload();
      return;
    }
    this.outbox.shift();
    if (failure.isTemporary) {
      this.offerRetry(message);
      return;
    }
    message.article.replaceWith(...message.replaced);
    if (!this.transcript.childElementCount) this.querySelector("[data-welcome]")?.removeAttribute("hidden");
    this.composer.restore(message);
    this.complain(failure);
  }

  offerRetry(message) {
    this.markDelivery(message.article, "failed", this.dataset.textFailed);
    this.alarm(this.dataset.textFailed);
    const retry = document.createElement("button");
    retry.type = "button";
    retry.className = "button";
    retry.textContent = this.dataset.textRetry;
    retry.addEventListener("click", () => {
      this.outbox.push(message);
      this.pump();
      this.composer.input.focus();
    });
    message.article.querySelector("[data-delivery-note]").append(retry);
  }

  markDelivery(article, state, text = "") {
    if (state) article.dataset.delivery = state;
    else delete article.dataset.delivery;
    const note = article.querySelector("[data-delivery-note]");
    note.textContent = text;
    note.hidden = !text;
  }

  complain(failure) {
    if (failure.status !== 401) {
      this.composer.complain(failure.sentence || this.dataset.textUnreachable);
      return;
    }
    const link = document.createElement("a");
    link.href = `${this.dataset.signIn}?${new URLSearchParams({ next: this.path })}`;
    link.textContent = this.dataset.textSignInLink;
    this.composer.complain(`${this.dataset.textSignIn} `, link);
  }

  // --- Following ---------------------------------------------------------------------------------------------------

  followRunning() {
    const article = this.transcript.querySelector("[data-events]");
    if (article) this.follow(article);
  }

  // reply: of a send, for an article that does not know its addresses yet.
  async follow(article, reply) {
    if (reply) {
      article.dataset.message = reply.answer;
      article.dataset.events = reply.events;
      article.dataset.stop = reply.stop;
      article.id = `message-${reply.answer}`;
    }
    this.querySelector("#stop").setAttribute("action", article.dataset.stop);
    this.composer.isRunning = true;
    this.announce(this.dataset.textAnswering);
    const { AnswerStream } = await import("./answer-stream.js");
    this.stream?.close();
    this.stream = article.isConnected ? new AnswerStream(article) : undefined;
  }

  async ended({ target, detail }) {
    this.stream = undefined;
    this.composer.isRunning = false;
    target.removeAttribute("aria-busy");
    delete target.dataset.events;
    target.dataset.status = detail.status;
    await this.swapMessage(target);
    if (detail.message) this.alarm(detail.message);
    else this.announce(detail.status === "stopped" ? this.dataset.textStopped : this.dataset.textComplete);
    this.pump();
    this.refresh(["conversations", "title", "quota"]);
  }

  // The article as the server renders it now. What is equal stays, so that selection and focus survive.
  async swapMessage(article) {
    let fresh;
    try {
      const page = await getPage(this.dataset.fragment.replace(NO_ID, article.dataset.message));
      fresh = document.adoptNode(page.querySelector("article"));
    } catch {
      return; // what is shown is complete; only its buttons are missing until the next load
    }
    if (!article.isConnected) return;
    const body = article.querySelector("[data-body]");
    const freshBody = fresh.querySelector("[data-body]");
    if (plainHtml(body) === freshBody.innerHTML.trim()) freshBody.replaceWith(body);
    article.replaceWith(fresh);
    this.decorate();
    this.pin.follow();
  }

  decorate() {
    if (!this.transcript.querySelector(".code-head:not(:has(button))")) return;
    import("./copy.js").then(({ addCopyButtons }) => addCopyButtons(this.transcript, this.dataset));
  }

  // --- The page around it ------------------------------------------------------------------------------------------

  // Takes over named parts of the page as the server has it now; one that is being used stays.
  async refresh(names) {
    let page;
    try {
      page = await getPage(this.path);
    } catch {
      return;
    }
    document.title = page.title;
    for (const name of names) {
      const old = document.querySelector(`[data-live=${name}]`);
      const fresh = page.querySelector(`[data-live=${name}]`);
      const isInUse = old?.contains(document.activeElement) || old?.querySelector("details[open]");
      if (fresh && !isInUse) old?.replaceWith(document.adoptNode(fresh));
    }
    return page;
  }

  async reload() {
    const page = await this.refresh(LIVE);
    if (page) this.showTranscript(page);
  }

  showTranscript(page) {
    this.stream?.close();
    this.stream = undefined;
    const fresh = page.querySelector("[data-transcript]");
    this.transcript.replaceChildren(...fresh.children);
    this.transcript.append(...this.outbox.map((message) => message.article));
    this.composer.isRunning = false;
    this.decorate();
    this.followRunning();
    this.pin.follow();
    if (!this.composer.isRunning) this.pump();
  }

  async submitted(event) {
    const form = event.target;
    if (form.id === "stop") {
      event.preventDefault();
      this.stop();
    } else if (form.id === "message-action") {
      event.preventDefault();
      await this.act(event.submitter);
    }
  }

  // Regenerate, continue, retry, or another branch: afterwards the server's transcript is the truth.
  async act(button) {
    if (this.isActing) return;
    this.isActing = true;
    try {
      await post(button.formAction, button.name ? { [button.name]: button.value } : {});
      const top = button.closest("article")?.getBoundingClientRect().top;
      const index = [...this.transcript.children].indexOf(button.closest("article"));
      await this.reload();
      this.keepPlace(index, top, button.getAttribute("aria-label"));
    } catch (failure) {
      this.complain(failure);
    } finally {
      this.isActing = false;
    }
  }

  keepPlace(index, top, label) {
    const article = this.transcript.children[index];
    if (!article) return;
    if (!this.pin.isPinned) window.scrollBy(0, article.getBoundingClientRect().top - top);
    const same = label && article.querySelector(`button[aria-label="${CSS.escape(label)}"]:enabled`);
    (same || this.composer.input).focus({ preventScroll: true });
  }

  async stop() {
    const address = this.querySelector("#stop").getAttribute("action");
    if (!address || !this.composer.isRunning) return;
    try {
      await post(address);
    } catch (failure) {
      this.complain(failure);
    }
  }

  async clicked(event) {
    const control = event.target.closest("[data-action], [data-example]");
    if (!control) return;
    if (control.dataset.action === "copy") {
      const { copyMessage } = await import("./copy.js");
      copyMessage(control, this.dataset);
    } else if (control.dataset.action === "edit") {
      event.preventDefault();
      const article = control.closest("article");
      this.composer.enterEdit(article.dataset.message, article.querySelector("[data-body]").innerText);
    } else if ("example" in control.dataset) {
      event.preventDefault();
      this.composer.write(control.textContent.trim());
      this.composer.input.focus();
    }
  }

  async picked({ target }) {
    if (target.form?.id !== "conversation-settings") return;
    try {
      await post(target.form.action, this.composer.choices);
    } catch (failure) {
      this.complain(failure);
    }
  }

  keyPressed(event) {
    if (event.key !== "Escape" || isComposing(event) || event.defaultPrevented) return;
    if (document.querySelector("dialog[open], #sidebar:target, chat-sidebar details[open]")) return;
    this.stop();
  }

  // Another tab or device may have gone on meanwhile.
  async lookedAt() {
    if (document.hidden || this.stream || this.isPosting || !this.dataset.conversation) return;
    if (this.dataset.window || this.composer.isRunning || this.outbox.length) return;
    const page = await this.refresh(["conversations", "title", "quota"]);
    if (page && !this.composer.isRunning && newest(page) !== newest(this)) this.showTranscript(page);
  }

  wentBack() {
    if (location.pathname !== this.path) location.reload();
  }

  showConnection(text) {
    const line = this.querySelector("[data-connection]");
    if (line.textContent === text) return;
    line.textContent = text;
    line.hidden = !text;
    if (text) this.announce(text);
  }

  announce(text) {
    this.querySelector("[data-announcer]").textContent = text;
  }

  alarm(text) {
    this.querySelector("[data-alarm]").textContent = text;
  }

  fromTemplate(name) {
    return this.querySelector(`[data-template=${name}]`).content.firstElementChild.cloneNode(true);
  }
}

// A streamed body without what scripts added to it.
function plainHtml(body) {
  const copy = body.cloneNode(true);
  for (const button of copy.querySelectorAll(".copy-code")) button.remove();
  for (const block of copy.querySelectorAll("[data-block]")) block.replaceWith(...block.childNodes);
  return copy.innerHTML.trim();
}

function newest(root) {
  const article = [...root.querySelectorAll("[data-transcript] > [data-message]")].at(-1);
  return article ? `${article.dataset.message} ${article.dataset.status}` : "";
}
