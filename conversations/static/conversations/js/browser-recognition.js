// The browser's own speech recognition, with the manners of recorder.js: what is heard is text already.
//   lost {detail}   it has ended by itself; detail: why, empty if only nothing more was said

const LANGUAGES = { en: "en-US", "zh-hans": "zh-CN" };
// Its errors, by the names that microphones use.
const NAMES = {
  "not-allowed": "NotAllowedError",
  "service-not-allowed": "NotAllowedError",
  "audio-capture": "NotFoundError",
  network: "NetworkError",
  "language-not-supported": "NetworkError",
};

export class Recognition extends EventTarget {
  words = "";

  // language: of the page.
  constructor(language) {
    super();
    const Known = window.SpeechRecognition ?? window.webkitSpeechRecognition;
    this.recognition = new Known();
    this.recognition.lang = LANGUAGES[language] ?? language;
    this.recognition.interimResults = true;
    this.recognition.continuous = !/Android/.test(navigator.userAgent); // there it would hear everything twice
    this.recognition.onresult = ({ results }) => {
      this.words = [...results].map(([best]) => best.transcript).join("");
    };
    this.recognition.onerror = ({ error }) => {
      this.problem = NAMES[error] ?? "";
    };
    this.ended = new Promise((go) => {
      this.recognition.onend = go;
    });
  }

  // Raises an error with one of those names.
  start() {
    const { recognition } = this;
    return new Promise((begun, failed) => {
      recognition.onstart = begun;
      this.ended.then(() => {
        failed(Object.assign(new Error(this.problem), { name: this.problem || "NetworkError" }));
        this.dispatchEvent(new CustomEvent("lost", { detail: this.problem }));
      });
      recognition.start();
    });
  }

  async stop() {
    this.recognition.stop();
    await this.ended;
    return this.words;
  }

  discard() {
    this.recognition.abort();
  }
}
