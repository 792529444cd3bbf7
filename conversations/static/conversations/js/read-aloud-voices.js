// Who speaks: the site, by files of sound, or the browser. Each says one sentence at a time:
//   say(part, {voice, rate})   resolves when it has been said, or throws what `problem` explains
//   pause(), resume(), stop(), and rate, which also holds for what is being said
import { RequestFailed } from "../../chatsite/js/requests.js";

const PATIENCE = 60_000; // milliseconds for one sentence: the site gives up before that
const LATE_VOICES = 1_500; // the browser may not know its voices at once

// The browser wants a press on the page before it makes a sound.
export class Blocked extends Error {}

export class Unspoken extends Error {}

// One for all answers: where only a press allows a sound, what one has allowed stays allowed.
const player = new Audio();
let isUnlocked = false;

// Inside a press, before there is anything to be heard.
export function unlock() {
  if (isUnlocked || player.src) return;
  isUnlocked = true;
  const file = URL.createObjectURL(new Blob([nothing()], { type: "audio/wav" }));
  player.src = file;
  player.play().catch(() => (isUnlocked = false));
}

// A hundredth of a second of silence as a WAV file: 8,000 samples a second of one byte, one channel.
function nothing() {
  const length = 80;
  const view = new DataView(new ArrayBuffer(44 + length));
  const write = (at, text) => [...text].forEach((one, index) => view.setUint8(at + index, one.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + length, true);
  write(8, "WAVEfmt ");
  [16, 1 | (1 << 16), 8_000, 8_000, 1 | (8 << 16)].forEach((value, index) => view.setUint32(16 + 4 * index, value, true));
  write(36, "data");
  view.setUint32(40, length, true);
  for (let at = 44; at < 44 + length; at += 1) view.setUint8(at, 128);
  return view.buffer;
}

export class SiteVoice {
  // address: of a message's parts.
  constructor(address) {
    this.address = address;
    this.files = new Map(); // what has been asked for: key → a promise of an object URL
  }

  // Asks for it before it is needed.
  prepare(part, how) {
    const key = keyOf(part, how);
    if (!this.files.has(key)) {
      const asked = this.ask(part.index, how.voice);
      asked.catch(() => this.files.delete(key)); // the next one asks again
      this.files.set(key, asked);
    }
    return this.files.get(key);
  }

  async ask(index, voice) {
    const query = voice ? `?${new URLSearchParams({ voice })}` : "";
    this.asking ??= new AbortController();
    const patience = setTimeout(() => this.asking?.abort(), PATIENCE);
    const options = { headers: { Accept: "application/json" }, signal: this.asking.signal };
    let response;
    try {
      response = await fetch(`${this.address}${index}/${query}`, options);
      if (response.ok) return URL.createObjectURL(await response.blob());
    } catch {
      this.asking = undefined;
      throw new RequestFailed(0);
    } finally {
      clearTimeout(patience);
    }
    const { error } = await response.json().catch(() => ({}));
    throw new RequestFailed(response.status, error);
  }

  async say(part, how) {
    const file = await this.prepare(part, how);
    if (this.isStopped) return;
    await new Promise((done, fail) => {
      this.done = done;
      player.onended = done;
      player.onerror = () => fail(new Unspoken("no-sound"));
      if (player.src !== file) player.src = file;
      this.rate = how.rate;
      if (this.isPaused) return;
      player.play().catch((error) => {
        if (error.name === "NotAllowedError") fail(new Blocked());
        else if (error.name !== "AbortError") fail(new Unspoken("no-sound"));
      });
    });
    URL.revokeObjectURL(file); // the site still has it
    this.files.delete(keyOf(part, how));
  }

  set rate(rate) {
    player.defaultPlaybackRate = player.playbackRate = rate;
  }

  pause() {
    this.isPaused = true;
    player.pause();
  }

  resume() {
    this.isPaused = false;
    if (player.src) player.play().catch(() => {});
  }

  // Inside the press that allows it: what was kept from sounding.
  unlock() {
    player.play().catch(() => {});
  }

  stop() {
    this.isStopped = true;
    this.asking?.abort();
    player.pause();
    player.onended = player.onerror = null;
    this.done?.();
    for (const file of this.files.values()) file.then(URL.revokeObjectURL, () => {});
    this.files.clear();
  }
}

function keyOf({ index }, { voice }) {
  return `${index} ${voice}`;
}

export class BrowserVoice {
  prepare() {}

  async say(part, { voice, rate }) {
    const voices = await voicesFor(part.language);
    if (this.isStopped) return;
    if (!voices.length) throw new Unspoken("no-voice");
    this.current = rate;
    this.isPaused = false;
    do {
      this.again = false;
      await this.utter(part, voices.find(({ voiceURI }) => voiceURI === voice) ?? voices[0]);
      if (this.isPaused) await new Promise((go) => (this.go = go));
    } while (this.again && !this.isStopped);
  }

  utter(part, voice) {
    const sentence = new SpeechSynthesisUtterance(part.text);
    Object.assign(sentence, { voice, lang: voice.lang, rate: this.current });
    this.sentence = sentence; // Chrome forgets one that nothing refers to
    return new Promise((done, fail) => {
      sentence.onend = done;
      sentence.onerror = ({ error }) => {
        if (error === "canceled" || error === "interrupted") done();
        else fail(error === "not-allowed" ? new Blocked() : new Unspoken("browser-failed"));
      };
      if (speechSynthesis.speaking || speechSynthesis.pending) speechSynthesis.cancel();
      speechSynthesis.speak(sentence);
    });
  }

  // In the middle of a sentence no browser's voice changes its pace.
  set rate(rate) {
    this.current = rate;
  }

  // Some browsers never come back from their own pause: the sentence is said again instead.
  pause() {
    this.isPaused = this.again = true;
    speechSynthesis.cancel();
  }

  resume() {
    this.isPaused = false;
    this.go?.();
  }

  stop() {
    this.isStopped = true;
    this.go?.();
    speechSynthesis.cancel();
  }
}

// The browser's voices for a language, the best first.
export async function voicesFor(language) {
  if (!("speechSynthesis" in window)) return [];
  if (!speechSynthesis.getVoices().length) {
    await new Promise((go) => {
      speechSynthesis.addEventListener("voiceschanged", go, { once: true });
      setTimeout(go, LATE_VOICES);
    });
  }
  const [wanted] = language.split("-");
  const own = navigator.language;
  const worth = ({ lang, localService }) =>
    (lang.replace("_", "-") === own ? 4 : 0) + (wanted === "zh" && /CN|Hans/.test(lang) ? 2 : 0) + (localService ? 1 : 0);
  return speechSynthesis
    .getVoices()
    .filter(({ lang }) => lang.toLowerCase().split(/[-_]/)[0] === wanted)
    .sort((one, other) => worth(other) - worth(one));
}
