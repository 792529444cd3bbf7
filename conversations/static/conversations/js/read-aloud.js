// Reading answers aloud: one at a time, in this tab or another, from the button of an answer or as answers come. The bar
// above the message box is the server's (player.html); read-aloud-answer.js reads one answer, read-aloud-voices.js has who
// speaks.
import { isComposing } from "./composer.js";
import { memory, Reading } from "./read-aloud-answer.js";
import { unlock, voicesFor } from "./read-aloud-voices.js";
import { getStyledPart } from "./styled-part.js";

// What Escape closes before this.
const OTHERS =
  "dialog[open], #sidebar:target, .account-menu[open], :popover-open, [data-drawer][open], [data-dictating], " +
  "[data-slash-menu]:not([hidden])";

let bar;

// The bar of this page, once it has been fetched. page: the <chat-conversation>.
export async function barOf(page) {
  bar ??= load(page).catch((failure) => {
    bar = undefined;
    throw failure;
  });
  return bar;
}

async function load(page) {
  return new Bar(page, await getStyledPart(page.dataset.aloud, "[data-player]"));
}

// The button of an answer: read it, or stop if that is what is read.
export async function press(page, button) {
  unlock();
  const found = await barOf(page);
  const article = button.closest("article");
  if (found.reading?.id === article.dataset.message) {
    found.stop();
    return;
  }
  const { isComplete, parts } = await found.read(article);
  if (isComplete && !parts.length) page.composer.complain(found.texts.textNothing);
}

class Bar {
  constructor(page, root) {
    this.page = page;
    this.root = root;
    this.texts = root.dataset;
    const { signal } = page.listeners;
    const on = (name, handle, target = root) =>
      target.addEventListener(name, (event) => handle.call(this, event), { signal });
    on("click", this.clicked);
    on("change", this.changed);
    document.addEventListener("keydown", (event) => this.keyPressed(event), { signal, capture: true });
    on("click", ({ target }) => target.closest("[data-action=dictate]") && this.reading?.pause(), page); // it would be heard
    on("composer:send", () => this.readsEach && this.reading && this.stop(), page);
    on("pointerdown", ({ target }) => this.find("more").contains(target) || this.close("more"), document);
    on("answer:grew", ({ target }) => this.grew(target), page);
    on("answer:ended", ({ target }) => this.ended(target), page);
    on("pagehide", this.stop, window);
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel("aloud") : undefined;
    if (this.channel) this.channel.onmessage = () => this.reading && this.stop();
    this.find("speed").value = memory.get("speed") || "1";
    this.find("each").checked = memory.get("each") === "on";
    page.composer.before(root);
    this.show("idle");
    for (const article of page.transcript.running) this.grew(article);
  }

  find(name) {
    return this.root.querySelector(`[data-${name}]`);
  }

  close(name) {
    this.find(name).open = false;
  }

  get readsEach() {
    return this.find("each").checked;
  }

  get rate() {
    return Number(this.find("speed").value) || 1;
  }

  // --- What is read ------------------------------------------------------------------------------------------------

  async read(article) {
    this.reading?.stop();
    this.channel?.postMessage("reading");
    this.offered = ""; // more voices may be known by now
    const reading = new Reading(this, article);
    this.reading = reading;
    this.mark();
    this.find("question").textContent = questionOf(article) || this.texts.textReading;
    this.page.announce(this.texts.textReading);
    await reading.run();
    if (this.reading === reading && reading.isOver) this.finish();
    return reading;
  }

  stop() {
    this.reading?.stop();
    this.finish();
  }

  finish() {
    const { reading } = this;
    this.reading = undefined;
    this.mark();
    const button = reading && buttonOf(this.page, reading.id);
    if (this.root.contains(document.activeElement)) (button ?? this.page.composer.input).focus({ preventScroll: true });
    this.complain();
    this.show("idle");
  }

  // Answers that are compared come several at once: of them none is read unasked.
  grew(article) {
    if (!this.readsEach || this.reading || article === this.heard || article.closest("[data-comparison]")) return;
    if (document.hidden || this.page.composer.form.hasAttribute("data-dictating")) return;
    this.heard = article;
    this.read(article);
  }

  ended(article) {
    this.grew(article);
    this.reading?.wake();
  }

  mark() {
    for (const button of this.page.querySelectorAll("[data-action=read]")) {
      const isRead = button.closest("article").dataset.message === this.reading?.id;
      button.setAttribute("aria-pressed", isRead);
    }
  }

  // --- The bar -----------------------------------------------------------------------------------------------------

  // state: idle, loading, playing, paused, blocked or problem.
  show(state) {
    const { root } = this;
    root.dataset.state = state;
    root.hidden = state === "idle" && !this.readsEach;
    const question = this.find("question");
    question.disabled = state === "idle";
    if (state === "idle") question.textContent = this.texts.textIdle;
    const isGoing = state === "playing" || state === "loading";
    const play = this.find("play");
    const word = isGoing ? this.texts.textPause : this.texts.textPlay;
    label(play, state === "blocked" ? this.texts.textTap : word);
    label(this.find("close"), state === "idle" ? this.texts.textOff : this.texts.textStop);
    play.querySelector(".icon").dataset.icon = isGoing ? "pause" : "play";
    this.find("tap").hidden = state !== "blocked";
  }

  progress(at, count, isComplete) {
    this.mark(); // the server's buttons may have taken the place of those
    const number = Math.min(at + 1, count);
    Object.assign(this.find("progress"), { max: Math.max(count, 1), value: number });
    this.find("count").textContent = count ? `${number}/${count}${isComplete ? "" : "…"}` : "";
  }

  complain(sentence = "", hasBrowserVoice = false) {
    this.find("problem").hidden = !sentence;
    this.find("sentence").textContent = sentence;
    this.find("use-browser").hidden = !hasBrowserVoice;
  }

  async offerVoices(language, ofSite) {
    if (this.offered === `${language} ${ofSite}`) return;
    this.offered = `${language} ${ofSite}`;
    const ofBrowser = await voicesFor(language);
    const chosen = memory.get(`voice-${language}`);
    const option = (kind, value, label) => new Option(label, `${kind}:${value}`, false, `${kind}:${value}` === chosen);
    const groups = {
      site: ofSite ? [option("site", "", this.texts.textSiteVoice), ...ofSite.map((one) => option("site", one, one))] : [],
      browser: ofBrowser.map(({ voiceURI, name }) => option("browser", voiceURI, name)),
    };
    for (const [kind, options] of Object.entries(groups)) {
      const group = this.root.querySelector(`[data-voices=${kind}]`);
      group.replaceChildren(...options);
      group.hidden = !options.length;
    }
    this.find("choice").hidden = groups.site.length + groups.browser.length < 2;
    this.find("note").hidden = !groups.browser.length;
    this.find("voice").dataset.language = language;
  }

  clicked({ target }) {
    const control = target.closest("button");
    if (!control) return;
    const { dataset } = control;
    if ("close" in dataset) this.closePressed();
    else if ("play" in dataset || "retry" in dataset) this.reading?.toggle();
    else if ("useBrowser" in dataset) this.reading?.useBrowser();
    else if ("question" in dataset) this.reading?.article()?.scrollIntoView({ block: "start" });
  }

  closePressed() {
    if (!this.reading) this.switchEach(false);
    this.stop();
  }

  switchEach(isOn) {
    if (isOn) unlock();
    this.find("each").checked = isOn;
    memory.set("each", isOn ? "on" : "");
    if (!this.reading) this.show("idle");
  }

  changed({ target }) {
    if (target === this.find("each")) this.switchEach(target.checked);
    else if (target === this.find("speed")) {
      memory.set("speed", target.value);
      if (this.reading?.speaker) this.reading.speaker.rate = this.rate;
    } else if (target === this.find("voice")) {
      memory.set(`voice-${target.dataset.language}`, target.value);
      this.reading?.again();
    }
  }

  keyPressed(event) {
    if (event.key !== "Escape" || event.shiftKey || isComposing(event) || event.defaultPrevented) return;
    if (document.querySelector(OTHERS)) return;
    if (this.find("more").open) {
      this.close("more");
      this.find("more").querySelector("summary").focus();
    } else if (this.reading) this.stop();
    else return;
    event.preventDefault(); // the answer goes on; another Escape stops it
  }
}

function label(button, text) {
  button.setAttribute("aria-label", text);
  button.title = text;
}

function buttonOf(page, id) {
  return page.transcript.find(id)?.querySelector("[data-action=read]");
}

// The beginning of what was asked.
function questionOf(article) {
  const all = [...article.closest("[data-transcript]").querySelectorAll("[data-message]")];
  const before = all.slice(0, all.indexOf(article)).findLast(({ dataset }) => dataset.role === "user");
  return before?.querySelector("[data-body]").innerText.trim().slice(0, 120) ?? "";
}
