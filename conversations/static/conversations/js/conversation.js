// <chat-conversation>: the page of one conversation. It wires composer, outbox and transcript, follows the answers
// that run, and takes over what the server renders anew.
import { getPage, post } from "../../chatsite/js/requests.js";
import { isComposing } from "./composer.js";
import { Outbox } from "./outbox.js";
import { ScrollPin } from "./scroll-pin.js";
import { newestIn, Transcript } from "./transcript.js";

const PAUSE = 3_000; // milliseconds before what did not arrive is asked for again

export class ChatConversation extends HTMLElement {
  connectedCallback() {
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.composer = this.querySelector("chat-composer");
    this.transcript = new Transcript(this.querySelector("[data-transcript]"), this.dataset);
    this.outbox = new Outbox(this);
    this.running = new Map(); // article → its stream, once that is there
    this.path = location.pathname;
    this.pin = new ScrollPin(this.transcript.root, this.querySelector("[data-jump]"), signal);
    const on = (name, handle, target = this) =>
      target.addEventListener(name, (event) => handle.call(this, event), { signal });
    on("composer:send", ({ detail }) => this.take(detail));
    on("composer:edit-last", this.editLast);
    on("answer:grew", ({ detail }) => this.transcript.decorate(detail.where));
    on("answer:lost", () => this.showConnection(this.dataset.textLost));
    on("answer:found", () => this.showConnection(""));
    on("answer:refused", ({ detail }) => this.signedOut(detail.failure));
    on("answer:ended", this.ended);
    on("submit", this.submitted);
    on("click", this.clicked);
    on("change", this.picked);
    this.addEventListener("toggle", (event) => this.toggled(event), { signal, capture: true });
    on("keydown", this.keyPressed, document);
    on("visibilitychange", this.lookedAt, document);
    on("popstate", this.wentBack, window);
    on("pagehide", this.left, window);
    on("offline", () => this.showConnection(this.dataset.textOffline), window);
    on("online", () => this.showConnection(""), window);
    this.land();
    this.toggled({ target: this.querySelector("[data-drawer]") });
    this.transcript.decorate();
    this.followRunning();
    this.outbox.restore();
    if (!this.outbox.isEmpty) this.welcome(false);
    this.lookForOlder();
    this.awaitTitle();
  }

  disconnectedCallback() {
    this.unfollow();
    this.listeners.abort();
  }

  // Opening lands on the newest message; a reload stays where it was, also when that was the growing end.
  land() {
    if (this.transcript.isEmpty) return;
    const [navigation] = performance.getEntriesByType("navigation");
    const isNew = navigation?.type === "navigate";
    let wasAtEnd = false;
    try {
      wasAtEnd = sessionStorage.getItem("at-end") === this.path;
    } catch {}
    const target = location.hash.startsWith("#message-") && document.getElementById(location.hash.slice(1));
    const isLast = target && this.transcript.root.lastElementChild.contains(target);
    if (isLast || (isNew ? !location.hash && !this.endsEarly : wasAtEnd)) this.pin.toEnd();
  }

  async lookForOlder() {
    if (this.older || !this.transcript.root.querySelector("[data-older]")) return;
    this.older = true;
    const { OlderMessages } = await this.untilLoaded(() => import("./older-messages.js"));
    this.older = new OlderMessages(this, this.listeners.signal);
  }

  // The server's window is an older one: what is newer is not here.
  get isOlderWindow() {
    return "olderWindow" in this.dataset;
  }

  // There are newer messages than those in the document, here or at the server.
  get endsEarly() {
    return this.isOlderWindow || Boolean(this.older?.below?.length);
  }

  async toNewest() {
    this.older?.showNewest?.();
    if (this.isOlderWindow) await this.reload();
  }

  left() {
    try {
      sessionStorage.setItem("at-end", this.pin.isPinned ? this.path : "");
    } catch {}
  }

  // --- Sending -----------------------------------------------------------------------------------------------------

  async take(message) {
    this.welcome(false);
    this.outbox.add(message);
    // What is sent goes after the newest message; an edited one takes the place of all that follows it.
    if (!message.edit) await this.toNewest();
    this.pin.toEnd();
    this.outbox.pump();
  }

  welcome(isShown) {
    const parts = this.querySelectorAll("[data-welcome], [data-live=variables]");
    for (const part of parts) part.toggleAttribute("hidden", !isShown);
  }

  // message: the outbox's. answers: their articles. reply: the server's, with their ids and addresses.
  accepted({ article: question, edit, replaced }, answers, reply) {
    if (this.transcript.find(reply.message)) {
      // It had arrived before this page was loaded, and the page has both.
      question.remove();
      (answers[0].closest("[data-comparison]") ?? answers[0]).remove();
      return;
    }
    question.dataset.message = reply.message;
    this.swap(question);
    // The conversation has gone on from what could be continued.
    for (const button of this.querySelectorAll("[formaction$='/continue/']")) button.remove();
    const begun = reply.answers ?? [reply];
    // Meanwhile the transcript may have been replaced; and of a branch that begins far up only the server knows the rest.
    const hasPlace = answers[0].isConnected && !this.isOlderWindow && (!edit || replaced);
    const isAsShown = hasPlace && begun.length === answers.length;
    if (isAsShown) answers.forEach((article, index) => this.belongTo(article, begun[index]));
    if (!this.dataset.conversation) this.begin(reply);
    if (!isAsShown) this.reload();
  }

  belongTo(article, { answer, events, stop }) {
    article.dataset.message = answer;
    article.dataset.events = events;
    article.dataset.stop = stop;
    article.id = `message-${answer}`;
    const button = article.querySelector("[data-stop-one]");
    if (button) Object.assign(button, { formAction: stop, disabled: false });
    this.follow(article);
  }

  // The first message was accepted: the page is that conversation's from now on.
  begin({ conversation, url }) {
    this.dataset.conversation = conversation;
    history.pushState(null, "", url);
    this.path = location.pathname;
    this.outbox.move(() => this.composer.belongTo(conversation, `${this.path}messages/`));
    this.refresh();
  }

  complain(failure) {
    if (this.transcript.isEmpty) this.welcome(true);
    this.isSignedOut = failure.status === 401;
    if (!this.isSignedOut) {
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
    for (const article of this.transcript.running) this.follow(article);
  }

  async follow(article) {
    if (this.running.has(article)) return;
    this.running.set(article, undefined);
    this.composer.isRunning = true;
    if (this.running.size === 1) this.announce(this.dataset.textAnswering);
    const { AnswerStream } = await this.untilLoaded(() => import("./answer-stream.js"));
    if (this.running.has(article)) this.running.set(article, new AnswerStream(article));
  }

  // Without it an answer would seem to be written for ever.
  async untilLoaded(load) {
    for (let tries = 0; ; tries += 1) {
      try {
        const part = await load();
        if (tries) this.showConnection("");
        return part;
      } catch {
        this.showConnection(this.dataset.textLost);
        await new Promise((go) => setTimeout(go, PAUSE));
      }
    }
  }

  unfollow() {
    for (const stream of this.running.values()) stream?.close();
    this.running.clear();
    this.composer.isRunning = false;
  }

  async ended({ target, detail }) {
    this.running.delete(target);
    const isLast = !this.running.size;
    this.composer.isRunning = !isLast;
    target.removeAttribute("aria-busy");
    delete target.dataset.events;
    target.dataset.status = detail.status;
    const text = this.textOfEnd(target, detail.status);
    const failure = await this.swap(target);
    if (failure) this.endedUnseen(failure, detail.message);
    else if (detail.message) this.alarm(detail.message);
    else if (isLast) this.announce(text);
    if (!isLast) return;
    this.outbox.pump();
    // What the model does not take may have been learnt just now.
    await this.refresh(["conversations", "title", "parameters", "quota", "limit"]);
    this.awaitTitle();
  }

  // While a model makes a title of the conversation: it is shown when it is there.
  async awaitTitle() {
    const { signal } = this.listeners;
    while (document.querySelector("[data-live=title][data-due]")) {
      await new Promise((go) => setTimeout(go, PAUSE));
      if (signal.aborted || document.hidden) return; // it is asked for when the page is looked at
      if (!(await this.refresh(["conversations", "title", "quota", "limit"]))) return;
    }
  }

  // The session is over: what has come stays, and the whole answer is shown after signing in again.
  signedOut(failure) {
    for (const article of this.running.keys()) {
      article.removeAttribute("aria-busy");
      article.dataset.status = "interrupted"; // for this page; it tells lookedAt that the server has more
    }
    this.unfollow();
    this.complain(failure);
  }

  textOfEnd(article, status) {
    if (status === "stopped") return this.dataset.textStopped;
    return article.closest("[data-comparison]") ? this.dataset.textAllComplete : this.dataset.textComplete;
  }

  // The message as it ended could not be had: its conversation has been deleted, or the server cannot be reached.
  endedUnseen({ status, sentence }, message) {
    this.complain({ status, sentence: status === 404 ? this.dataset.textGone : message || sentence });
  }

  // Resolves to the failure, if there was one.
  async swap(article) {
    const failure = await this.transcript.swap(article, this.composer.firstField);
    this.pin.follow();
    return failure;
  }

  // --- The page around it ------------------------------------------------------------------------------------------

  // names: of parts, all of them if none are given. Resolves to the page as the server has it now; undefined if it could
  // not be reached.
  async refresh(names, address = this.path) {
    let arrived;
    try {
      arrived = await Promise.all([getPage(address), import("./live-parts.js")]);
    } catch {
      return undefined;
    }
    const [fresh, { ALL, takeOver }] = arrived;
    const wasLow = this.warning;
    takeOver(names ?? ALL, fresh, (left) => this.refresh(left));
    if (!wasLow) this.querySelector("[data-quota-announcer]").textContent = this.warning;
    return fresh;
  }

  // Resolves to whether the server was reached.
  async reload(address = this.path) {
    const page = await this.refresh(undefined, address);
    if (page) this.showTranscript(page);
    return Boolean(page);
  }

  showTranscript(page) {
    this.unfollow();
    const { olderWindow } = page.querySelector("chat-conversation").dataset;
    this.toggleAttribute("data-older-window", olderWindow !== undefined);
    this.transcript.show(page, this.outbox.articles);
    this.lookForOlder();
    this.followRunning();
    if (this.endsEarly) this.pin.release();
    this.pin.follow();
    if (!this.composer.isRunning) this.outbox.pump();
  }

  async submitted(event) {
    const form = event.target;
    if (form.id === "stop") {
      event.preventDefault();
      this.stop();
    } else if (form.id === "message-action") {
      event.preventDefault();
      this.composer.complain("");
      if ("stopOne" in event.submitter.dataset) await this.stop([event.submitter.formAction]);
      else await this.part(async () => (await import("./message-actions.js")).press(this, event.submitter));
    }
  }

  // A part of the page's scripts that is loaded when it is wanted; undefined, and said, if it does not arrive.
  async part(load) {
    try {
      return await load();
    } catch (failure) {
      this.complain(failure);
      return undefined;
    }
  }

  async stop(addresses = [...this.running.keys()].map((article) => article.dataset.stop)) {
    try {
      await Promise.all(addresses.map((address) => post(address)));
    } catch (failure) {
      this.complain(failure);
    }
  }

  async clicked(event) {
    if (event.target.closest("[data-jump]")) this.toNewest();
    const control = event.target.closest("[data-action], [data-example]");
    if (!control) return;
    if (control.dataset.action === "copy") {
      const copying = this.copying ?? (await this.part(() => import("./copy.js")));
      copying?.copyMessage(control, this.dataset);
    } else if (control.dataset.action === "read") {
      await this.part(async () => (await import("./read-aloud.js")).press(this, control));
    } else if (control.dataset.action === "dictate") {
      await this.part(async () => (await import("./dictation.js")).press(this));
    } else if (control.dataset.action === "edit") {
      event.preventDefault();
      this.edit(control.closest("article"));
    } else if ("example" in control.dataset) {
      event.preventDefault();
      this.composer.suggest(control.textContent.trim());
      this.composer.input.focus();
    }
  }

  toggled({ target }) {
    if (target?.open && target.matches("[data-drawer]")) this.part(() => import("./parameters.js"));
  }

  edit(article) {
    this.composer.enterEdit(article.dataset.message, article.querySelector("[data-body]").innerText);
  }

  async editLast() {
    await this.toNewest();
    const last = this.transcript.articles.findLast(({ dataset }) => dataset.role === "user");
    if (last) this.edit(last);
  }

  async picked({ target, detail }) {
    if (!target.matches("[data-picker]")) return;
    const choices = await this.part(() => import("./choices.js"));
    await choices?.choose(this, target);
    if (!detail?.asks) return; // arrow keys in the picker are no reason to leave it
    this.announce(target.selectedOptions[0].dataset.name);
    const { activeElement } = document;
    const isHere = activeElement === document.body || activeElement === this.composer.input;
    if (isHere && !this.composer.input.value) this.composer.firstField.focus();
  }

  keyPressed(event) {
    if (event.key !== "Escape" || event.shiftKey || isComposing(event) || event.defaultPrevented) return;
    if (document.querySelector("dialog[open], #sidebar:target, .account-menu[open], :popover-open")) return;
    this.stop();
  }

  // What waits behind an answer that could not be read on does not keep the page from looking.
  get isWorking() {
    return this.composer.isRunning || !(this.outbox.isEmpty || this.isSignedOut);
  }

  // Another tab or device may have gone on meanwhile, or its person may have signed in again.
  async lookedAt() {
    if (document.hidden || this.isWorking) return;
    if (this.endsEarly || !this.dataset.conversation) return;
    const page = await this.refresh(["conversations", "title", "quota", "limit"]);
    if (!page || this.isWorking) return;
    if (this.isSignedOut) this.composer.complain("");
    this.isSignedOut = false;
    if (newestIn(page) !== this.transcript.newest) this.showTranscript(page);
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

  // That little is left: told once, and then only shown.
  get warning() {
    return this.querySelector("[data-live=quota][data-low]")?.textContent ?? "";
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
