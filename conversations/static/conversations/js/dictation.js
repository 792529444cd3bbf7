// Dictation: what is said becomes text at the cursor of the message box, to be looked over; it sends nothing by itself.
// The recorder's markup and words come from the server with the first press, its parts when they are used.
import { postForm } from "../../chatsite/js/requests.js";
import { isComposing } from "./composer.js";
import { fitted } from "./dictated-text.js";
import { getStyledPart } from "./styled-part.js";

// In seconds:
const LONGEST = 595; // engines take ten minutes, and a page that nobody looks at is late
const NOTICE = 30; // before the longest is over
const SHORTEST = 0.5;
const WORTH = 5; // having back after it has been discarded
const UNHEARD = 4; // without a sound, after which that is said
const PATIENCE = 300_000; // milliseconds until a recording has become text
const STEP = 100; // milliseconds between two looks at clock and level
const KEPT = new Set([401, 403, 429]); // besides a failure that may pass: what the person can change
const OVER = "dialog[open], #sidebar:target, .account-menu[open], :popover-open"; // Escape is theirs
const AGREED = "dictation-by-browser";
const REASONS = {
  NotAllowedError: "Denied",
  SecurityError: "Denied",
  NotFoundError: "Missing",
  OverconstrainedError: "Missing",
  NotReadableError: "Busy",
  AbortError: "Busy",
  Lost: "Lost", // while it was recording
};

let loading;

// page: the <chat-conversation>.
export async function press(page) {
  loading ??= load(page);
  try {
    (await loading).press();
  } catch (failure) {
    loading = undefined;
    page.complain(failure);
  }
}

async function load(page) {
  const button = page.querySelector("[data-action=dictate]");
  return new Dictation(page, await getStyledPart(button.dataset.recorder, ".recorder"), button);
}

class Dictation {
  constructor(page, root, button) {
    this.page = page;
    this.composer = page.composer;
    this.root = root;
    this.button = button;
    this.texts = root.dataset;
    this.time = root.querySelector("[data-time]");
    this.phase = "idle";
    this.composer.form.append(root);
    const { signal } = page.listeners;
    const on = (name, handle, target) => target.addEventListener(name, handle.bind(this), { signal });
    on("click", this.clicked, root);
    // Before the composer sends by Enter, and the page stops an answer by Escape.
    document.addEventListener("keydown", (event) => this.keyPressed(event), { signal, capture: true });
    on("beforeunload", this.leaving, window);
    on("pagehide", () => this.ear?.discard(), window);
  }

  // idle → asking (for the microphone) → recording → transcribing → idle, or failed with the recording kept.
  get phase() {
    return this.root.dataset.phase;
  }

  set phase(phase) {
    this.root.dataset.phase = phase;
    this.root.hidden = phase === "idle";
    this.composer.form.toggleAttribute("data-dictating", phase !== "idle");
    this.say(this.texts[`text${phase[0].toUpperCase()}${phase.slice(1)}`] ?? "");
  }

  get isIdle() {
    return this.phase === "idle";
  }

  press() {
    if (this.phase === "recording") this.finish();
    else if (this.isIdle) this.begin();
  }

  clicked({ target }) {
    if (target.closest("[data-cancel]")) this.cancel();
    else if (target.closest("[data-finish]")) this.finish();
    else if (target.closest("[data-retry]")) this.send();
  }

  keyPressed(event) {
    if (this.isIdle || isComposing(event) || document.querySelector(OVER)) return;
    const { key, shiftKey, target } = event;
    if (key === "Escape" && !shiftKey) this.cancel();
    else if (key === "Enter" && !shiftKey && this.phase === "recording" && target === this.composer.input) this.finish();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // --- Recording ---------------------------------------------------------------------------------------------------

  async begin() {
    this.composer.complain("");
    if (!window.isSecureContext) return this.complain(this.texts.textInsecure);
    if (!this.texts.transcription && !(await this.agrees())) return undefined;
    const attempt = (this.attempt = {});
    const isOver = () => this.attempt !== attempt; // given up while something was waited for
    this.phase = "asking";
    this.root.querySelector("[data-cancel]").focus();
    const release = await hold("dictation");
    if (isOver()) return release?.();
    if (!release) return this.end(this.texts.textElsewhere);
    this.release = release;
    let ear;
    try {
      ear = await this.newEar();
      await ear.start();
    } catch (problem) {
      ear?.discard();
      return isOver() ? undefined : this.end(ear ? this.reason(problem.name) : this.page.dataset.textUnreachable);
    }
    if (isOver()) return ear.discard();
    this.ear = ear;
    ear.addEventListener("lost", ({ detail }) => this.lost(detail), { once: true });
    this.phase = "recording";
    // No microphone is to hear an answer that is read aloud, in this tab or another.
    if ("BroadcastChannel" in window) new BroadcastChannel("aloud").postMessage("dictating");
    this.startedAt = performance.now();
    this.isNear = this.isHeard = false;
    this.timer = setInterval(() => this.look(), STEP);
    this.look();
    this.page.announce(this.texts.textBegun);
    this.root.querySelector("[data-finish]").focus();
    return undefined;
  }

  async newEar() {
    if (!this.texts.transcription) {
      const { Recognition } = await import("./browser-recognition.js");
      return new Recognition(document.documentElement.lang);
    }
    const [{ Recorder }, { LevelMeter }] = await Promise.all([import("./recorder.js"), import("./level-meter.js")]);
    this.meter = new LevelMeter(this.root.querySelector("canvas"));
    return new Recorder();
  }

  // The browser sends what it hears to its maker: asked once.
  async agrees() {
    try {
      if (localStorage.getItem(AGREED) === "yes") return true;
    } catch {}
    const dialog = this.root.querySelector("dialog");
    document.body.append(dialog);
    dialog.returnValue = "";
    dialog.showModal();
    await new Promise((go) => dialog.addEventListener("close", go, { once: true }));
    this.root.append(dialog);
    const isAgreed = dialog.returnValue === "yes";
    if (!isAgreed) this.composer.input.focus();
    try {
      if (isAgreed) localStorage.setItem(AGREED, "yes");
    } catch {}
    return isAgreed;
  }

  // What is going on, several times a second.
  look() {
    const left = LONGEST - this.seconds;
    if (left <= 0) return this.finish();
    const isNear = left <= NOTICE;
    if (isNear && !this.isNear) this.page.announce(this.texts.textLeft.replace("{seconds}", NOTICE));
    this.isNear = isNear;
    this.time.textContent = isNear
      ? this.texts.textLeft.replace("{seconds}", Math.ceil(left))
      : `${Math.floor(this.seconds / 60)}:${String(Math.floor(this.seconds) % 60).padStart(2, "0")}`;
    this.time.toggleAttribute("data-near", isNear);
    const { level, words } = this.ear;
    if (words !== undefined) return this.say(words || this.texts.textListening);
    this.meter.show(level);
    this.isHeard ||= level > 0 || level === undefined;
    const isUnheard = !this.isHeard && this.seconds > UNHEARD;
    this.say(isUnheard || this.ear.isMuted ? this.texts.textUnheard : "");
    return undefined;
  }

  get seconds() {
    return (performance.now() - this.startedAt) / 1000;
  }

  // The microphone has gone, or the browser has stopped to listen: what was said until then counts.
  lost(reason) {
    if (this.phase !== "recording") return;
    if (reason) this.complain((this.problem = this.reason(reason)));
    this.finish();
  }

  async finish() {
    if (this.phase !== "recording") return;
    this.length = this.seconds;
    const isNothing = this.length < SHORTEST || !this.isHeard;
    clearInterval(this.timer);
    this.phase = "transcribing";
    this.root.querySelector("[data-cancel]").focus();
    const heard = await this.ear.stop();
    if (this.isIdle) return;
    this.ear = undefined;
    this.release();
    if (typeof heard === "string") this.insert(heard);
    else if (isNothing || !heard.size) this.end(this.problem ?? this.texts.textSilent);
    else {
      this.recording = heard;
      this.send();
    }
  }

  // --- Transcribing ------------------------------------------------------------------------------------------------

  async send() {
    if (this.phase === "failed") this.composer.complain("");
    this.phase = "transcribing";
    this.root.querySelector("[data-cancel]").focus();
    this.page.announce(this.texts.textTranscribing);
    const form = new FormData();
    form.append("audio", this.recording, "dictation");
    form.append("language", document.documentElement.lang);
    this.sending = new AbortController();
    const { signal } = this.sending;
    let reply;
    try {
      reply = await postForm(this.texts.transcription, form, { milliseconds: PATIENCE, signal });
    } catch (failure) {
      if (!signal.aborted) this.failed(failure);
      return;
    }
    if (signal.aborted) return;
    this.insert(reply.text);
    this.page.refresh(["quota", "limit"]);
  }

  failed(failure) {
    if (failure.isTemporary || KEPT.has(failure.status)) {
      this.phase = "failed";
      this.page.complain(failure);
      this.root.querySelector("[data-retry]").focus();
    } else {
      this.end(failure.sentence);
    }
  }

  // As if it had been typed: it can be undone.
  insert(text) {
    const { composer } = this;
    const { input } = composer;
    if (!text.trim()) return this.end(this.problem ?? this.texts.textSilent);
    const isHere = this.isHere;
    this.end();
    const said = fitted(text, input.value.slice(0, input.selectionStart), input.value.slice(input.selectionEnd));
    if (!isHere) {
      input.setRangeText(said, input.selectionStart, input.selectionEnd, "end");
      composer.typed();
    } else if (!document.execCommand("insertText", false, said)) {
      composer.insert(said);
    }
    this.page.announce(this.texts.textInserted);
    return undefined;
  }

  // --- The end -----------------------------------------------------------------------------------------------------

  cancel() {
    if (this.isIdle) return;
    const { ear, phase, recording } = this;
    if (phase === "failed") this.composer.complain("");
    this.sending?.abort();
    const isRecording = phase === "recording";
    const isWorth = (isRecording ? this.seconds : this.length) > WORTH && this.isHeard;
    this.end();
    if (recording && isWorth) this.offer(recording);
    else if (isRecording && isWorth) this.offer(ear.stop());
    else ear?.discard();
  }

  // A slip of the finger is not to cost what took a while to say.
  async offer(recording) {
    const heard = await recording;
    const region = document.querySelector("[data-toasts]");
    const { showToast } = await import("../../chatsite/js/toast.js");
    showToast(region, this.texts.textDiscarded, this.texts.textUndo, () => {
      if (!this.isIdle) return;
      this.recording = heard;
      this.send();
    });
  }

  // problem: a sentence, if it ends with one.
  end(problem) {
    const isHere = this.isHere;
    clearInterval(this.timer);
    this.release?.();
    this.attempt = this.problem = this.ear = this.sending = this.recording = this.release = undefined;
    this.phase = "idle";
    if (isHere) this.composer.input.focus();
    if (problem) this.complain(problem);
  }

  // The focus is not taken from whoever has gone elsewhere meanwhile.
  get isHere() {
    const { activeElement } = document;
    return activeElement === document.body || this.composer.contains(activeElement);
  }

  leaving(event) {
    if (this.phase === "recording" || this.recording) event.preventDefault();
  }

  reason(name) {
    return this.texts[`text${REASONS[name] ?? "Broken"}`];
  }

  say(words) {
    const line = this.root.querySelector("[data-words]");
    if (line.textContent === words) return;
    line.textContent = words;
    line.scrollTop = line.scrollHeight; // of many the last
  }

  complain(sentence) {
    this.composer.complain(sentence);
  }
}

// Resolves to what lets go of it; undefined while another tab has it.
function hold(name) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((got) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (!lock) return got(undefined);
      return new Promise((release) => got(release));
    });
  });
}
