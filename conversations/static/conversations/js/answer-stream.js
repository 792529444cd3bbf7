// One running answer: from the server's events into its <article>, until the end or until closed. Bubbling events:
//   answer:grew {where}                  markup was added in that element
//   answer:lost / answer:found           the connection
//   answer:refused {failure}             who is here may not read on; the answer goes on
//   answer:ended {status, message}       nothing more will come
import { getJson } from "../../chatsite/js/requests.js";

const AWAY = 20_000; // milliseconds in the background after which a connection is not trusted
const POLL = 3_000;
const SILENCE = 30_000; // a line may be dead and not say so: then a new one is tried,
const PATIENCE = 15_000; // and after this long without an answer it is said

export class AnswerStream {
  constructor(article) {
    this.article = article;
    this.body = article.querySelector("[data-body]");
    this.listeners = new AbortController();
    this.position = 0; // in the answer, as the server counts; a new connection goes on from there
    this.shown = new WeakMap(); // element of a block → its HTML
    this.connect();
    const { signal } = this.listeners;
    document.addEventListener("visibilitychange", () => this.visibilityChanged(), { signal });
    // A connection from before may look open and be dead.
    window.addEventListener("online", () => this.connect(), { signal });
  }

  connect() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = new EventSource(`${this.article.dataset.events}?after=${this.position}`);
    this.expectWithin(PATIENCE);
    const on = (name, handle) =>
      this.source.addEventListener(name, (event) => this.take(event, handle));
    on("block", this.block);
    on("tail", this.tail);
    on("replace", this.replace);
    on("reasoning", this.reasoning);
    on("thought", this.thoughtFor);
    on("end", this.end);
    // "open" is the name of one of the server's events and of the connection's own, which carries no data.
    this.source.onopen = (event) => {
      if (event.data === undefined) this.connected();
      else this.take(event, this.open);
    };
    this.source.onerror = () => this.failed();
  }

  take({ data, lastEventId }, handle) {
    this.expectWithin(SILENCE);
    handle.call(this, JSON.parse(data));
    if (lastEventId) this.position = lastEventId;
  }

  close() {
    this.isClosed = true;
    this.source.close();
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    this.listeners.abort();
  }

  say(name, detail) {
    this.article.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }

  grew(where) {
    this.say("answer:grew", { where });
  }

  expectWithin(milliseconds) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      if (this.source.readyState !== EventSource.OPEN) this.say("answer:lost");
      this.connect();
    }, milliseconds);
  }

  connected() {
    this.expectWithin(SILENCE);
    this.hasThought = false; // it is replayed whole on each connection
    this.say("answer:found");
  }

  // The browser reconnects by itself unless the server refused; then the database is asked.
  failed() {
    if (this.isClosed) return;
    this.say("answer:lost");
    if (this.source.readyState === EventSource.CLOSED) this.pollLater();
  }

  pollLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.poll(), POLL);
  }

  async poll() {
    try {
      const { status } = await getJson(this.article.dataset.events.replace(/events\/$/, ""));
      if (this.isClosed) return;
      if (status === "running") this.connect();
      else this.end({ status });
    } catch (failure) {
      if (this.isClosed) return;
      if (failure.isTemporary) this.pollLater();
      else if (failure.status === 401) this.refused(failure);
      else this.end({ status: "failed", message: failure.sentence });
    }
  }

  refused(failure) {
    this.close();
    this.say("answer:found");
    this.say("answer:refused", { failure });
  }

  visibilityChanged() {
    if (document.hidden) {
      this.hiddenAt = performance.now();
    } else if (this.source.readyState !== EventSource.OPEN || performance.now() - this.hiddenAt > AWAY) {
      this.connect();
    }
  }

  // A server-rendered beginning, shown before scripts ran, gives way to the first block. Looked for from the end: an
  // answer may have thousands.
  wrapper(index) {
    let before = this.body.lastElementChild;
    while (before && Number(before.dataset.block) > index) before = before.previousElementSibling;
    if (before?.dataset.block === String(index)) return before;
    if (!this.body.firstElementChild?.dataset.block) this.body.replaceChildren();
    const made = document.createElement("div");
    made.dataset.block = index;
    if (before?.isConnected) before.after(made);
    else this.body.prepend(made);
    return made;
  }

  // What a new connection says again stays as it is, with what follows it.
  fill(index, html) {
    const wrapper = this.wrapper(index);
    if (this.shown.get(wrapper) === html) return wrapper;
    this.shown.set(wrapper, html);
    wrapper.innerHTML = html;
    while (wrapper.nextElementSibling) wrapper.nextElementSibling.remove();
    return wrapper;
  }

  block({ index, html }) {
    const wrapper = this.fill(index, html);
    wrapper.querySelector("[data-tail]")?.remove();
    this.grew(wrapper);
  }

  // The open block takes the place of what stood there; its tail comes from the beginning.
  open({ index, html }) {
    const wrapper = this.fill(index, html);
    if (!html) wrapper.remove();
    this.hasTail = false;
    this.grew(wrapper);
  }

  // What has come since the open block was rendered; each event goes on where the last one stopped.
  tail({ index, text }) {
    const wrapper = this.wrapper(index);
    const old = wrapper.querySelector("[data-tail]");
    if (!old) this.tailPlace(wrapper).append(this.tailNode(text));
    else if (this.hasTail) old.firstChild.appendData(text);
    else growTo(old.firstChild, text);
    this.hasTail = true;
  }

  // Where the text would stand once rendered: in the code, the last item or the last paragraph.
  tailPlace(wrapper) {
    let place = wrapper.lastElementChild ?? wrapper;
    if (place.matches(".code-block")) return place.querySelector("code") ?? place;
    while (place.matches("ul, ol, blockquote, li:has(> :is(p, ul, ol):last-child)")) {
      if (!place.lastElementChild) break;
      place = place.lastElementChild;
    }
    return place.matches("p, li, h3, h4, h5, h6") ? place : wrapper;
  }

  tailNode(text) {
    const node = document.createElement("span");
    node.dataset.tail = "";
    node.textContent = text;
    return node;
  }

  replace({ html }) {
    this.body.innerHTML = html;
    this.grew(this.body);
  }

  reasoning({ text }) {
    let details = this.article.querySelector("[data-reasoning]");
    if (!details) {
      details = document.createElement("details");
      details.className = "reasoning";
      details.dataset.reasoning = "";
      details.innerHTML = '<summary></summary><div class="reasoning-text" dir="auto"></div>';
      const { textThinking } = this.article.closest("chat-conversation").dataset;
      details.querySelector("summary").textContent = textThinking;
      this.body.before(details);
    }
    const place = details.querySelector(".reasoning-text");
    if (!place.firstChild) place.textContent = text;
    else if (this.hasThought) place.firstChild.appendData(text);
    else growTo(place.firstChild, text);
    this.hasThought = true;
  }

  thoughtFor({ seconds }) {
    const summary = this.article.querySelector("[data-reasoning] > summary");
    if (!summary) return;
    const { textThought, textThoughtBriefly } = this.article.closest("chat-conversation").dataset;
    summary.textContent =
      seconds < 1 ? textThoughtBriefly : textThought.replace("{seconds}", Math.round(seconds));
  }

  end({ status, message = "" }) {
    this.close();
    this.say("answer:found");
    this.say("answer:ended", { status, message });
  }
}

// What is shown of the text stays, with what is selected in it.
function growTo(node, text) {
  if (text.startsWith(node.data)) node.appendData(text.slice(node.length));
  else node.data = text;
}
