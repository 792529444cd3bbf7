// One answer that is read, sentence by sentence, also while it is being written.
import { getJson } from "../../chatsite/js/requests.js";
import { Blocked, BrowserVoice, SiteVoice, Unspoken, voicesFor } from "./read-aloud-voices.js";

const POLL = 700; // milliseconds between two looks for more of it
const NO_ID = "00000000-0000-0000-0000-000000000000";
const AHEAD = 3; // sentences known beyond the one that is read, before more are asked for

// What this browser remembers: "each" (answers are read as they come), "speed", and a voice for each language.
export const memory = {
  get: (name) => {
    try {
      return localStorage.getItem(`aloud-${name}`) ?? "";
    } catch {
      return "";
    }
  },
  set: (name, value) => {
    try {
      localStorage.setItem(`aloud-${name}`, value);
    } catch {}
  },
};

export class Reading {
  constructor(bar, article) {
    this.bar = bar;
    this.id = article.dataset.message;
    this.address = `${bar.page.dataset.fragment.replace(NO_ID, this.id)}speech/`;
    this.parts = [];
    this.voices = {};
    this.at = 0;
  }

  article() {
    return this.bar.page.transcript.find(this.id);
  }

  get isOver() {
    return this.isStopped || (this.isComplete && this.at >= this.parts.length);
  }

  async run() {
    this.isRunning = true;
    this.state = "";
    this.bar.show("loading");
    this.bar.complain();
    try {
      while (await this.next()) await this.sayNext();
    } catch (failure) {
      if (!this.isStopped) this.failed(failure);
    }
    this.isRunning = false;
  }

  // Whether there is a sentence to be said; waits for it while the answer is being written, or while it is paused.
  async next() {
    while (!this.isStopped) {
      if (!this.article() && !this.bar.page.endsEarly) this.stop(); // another branch is shown
      else if (this.isPaused) await new Promise((go) => (this.wake = go));
      else if (this.parts.length > this.at + AHEAD || this.isComplete) return this.parts.length > this.at;
      else if (await this.ask()) return true;
      else if (!this.isComplete) await this.waitForMore();
    }
    return false;
  }

  async waitForMore() {
    this.bar.show("loading");
    await new Promise((go) => {
      this.wake = go;
      setTimeout(go, POLL);
    });
  }

  wake() {}

  // Whether there is more to be said than was known; asked for once at a time.
  async ask() {
    this.asking ??= getJson(`${this.address}?after=${this.parts.length}`).finally(() => (this.asking = undefined));
    const { asking } = this;
    const found = await asking;
    if (this.taken === asking) return this.parts.length > this.at;
    this.taken = asking;
    this.parts.push(...found.parts);
    Object.assign(this.voices, found.voices);
    this.isComplete = found.complete;
    return this.parts.length > this.at;
  }

  async sayNext() {
    const { bar } = this;
    const part = this.parts[this.at];
    bar.progress(this.at, this.parts.length, this.isComplete);
    bar.offerVoices(part.language, this.voices[part.language]);
    const how = this.voiceFor(part);
    this.speaker = this.speakerOf(how.kind);
    const ready = this.speaker.prepare(part, how);
    this.showWhen(ready);
    const said = this.speaker.say(part, { ...how, rate: bar.rate });
    this.prepareNext(ready);
    try {
      await said;
    } catch (failure) {
      if (!this.isAgain) throw failure;
    }
    if (!this.isStopped && !this.isAgain) this.at += 1;
    this.isAgain = false;
    bar.progress(this.at, this.parts.length, this.isComplete);
  }

  // The sound of a sentence may be long in coming.
  async showWhen(ready) {
    this.isSounding = false;
    this.showGoing();
    const { speaker } = this;
    try {
      await ready;
    } catch {
      return; // told by whoever says it
    }
    if (this.speaker !== speaker || this.isStopped) return;
    this.isSounding = true;
    if (!this.isPaused) this.showGoing();
  }

  showGoing() {
    this.bar.show(this.isSounding ? "playing" : "loading");
  }

  // As soon as this sentence is there, so that nobody waits for the next one; the answer may have to be written first.
  async prepareNext(ready) {
    const number = this.at + 1;
    try {
      await ready;
      while (number >= this.parts.length && !this.isComplete && !this.isStopped && this.at < number) {
        await new Promise((go) => setTimeout(go, POLL));
        await this.ask();
      }
      const following = this.parts[number];
      if (!following || this.isStopped) return;
      const how = this.voiceFor(following);
      await this.speakerOf(how.kind).prepare(following, how);
    } catch {} // it is asked for again when it is its turn
  }

  voiceFor({ language }) {
    const ofSite = this.voices[language];
    const [kind, ...rest] = memory.get(`voice-${language}`).split(":");
    const voice = rest.join(":");
    if (!ofSite || kind === "browser" || this.isOnBrowser) return { kind: "browser", voice: kind === "browser" ? voice : "" };
    return { kind: "site", voice: ofSite.includes(voice) ? voice : "" };
  }

  speakerOf(kind) {
    this.speakers ??= {};
    this.speakers[kind] ??= kind === "site" ? new SiteVoice(this.address) : new BrowserVoice();
    return this.speakers[kind];
  }

  silence() {
    for (const speaker of Object.values(this.speakers ?? {})) speaker.stop();
    this.speakers = this.speaker = undefined;
  }

  // Another voice: this sentence once more.
  again() {
    this.isAgain = this.isRunning;
    this.silence();
    if (this.isPaused || !this.isRunning) this.toggle();
  }

  useBrowser() {
    this.isOnBrowser = true;
    this.start();
  }

  start() {
    this.silence();
    this.isPaused = false;
    this.run().then(() => this.end());
  }

  // The one button: pause, go on, or try again after what went wrong.
  toggle() {
    if (this.state === "blocked") {
      this.speaker.unlock?.();
      this.run().then(() => this.end());
    } else if (!this.isRunning) this.start();
    else if (this.isPaused) {
      this.isPaused = false;
      this.wake();
      this.speaker?.resume();
      this.showGoing();
    } else this.pause();
  }

  pause() {
    if (!this.isRunning || this.isPaused) return;
    this.isPaused = true;
    this.speaker?.pause();
    this.bar.show("paused");
  }

  end() {
    if (this.bar.reading === this && this.isOver) this.bar.finish();
  }

  async failed(failure) {
    const { bar } = this;
    this.state = failure instanceof Blocked ? "blocked" : "problem";
    bar.show(this.state);
    if (this.state === "blocked") return;
    const part = this.parts[this.at];
    const hasVoice = part && !this.isOnBrowser && (await voicesFor(part.language)).length > 0;
    bar.complain(this.sentenceOf(failure), hasVoice && !(failure instanceof Unspoken && failure.message !== "no-sound"));
  }

  sentenceOf(failure) {
    const { texts, page } = this.bar;
    if (failure instanceof Unspoken) {
      return { "no-voice": texts.textNoVoice, "no-sound": texts.textNoSound, "browser-failed": texts.textBrowserFailed }[
        failure.message
      ];
    }
    if (failure.status === 404) return texts.textGone;
    return failure.sentence || page.dataset.textUnreachable;
  }

  stop() {
    this.isStopped = true;
    this.silence();
    this.wake();
  }
}
