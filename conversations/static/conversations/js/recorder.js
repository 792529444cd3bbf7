// A recording from the microphone, in memory, and how loud it is just now.
//   lost {detail}   it has ended by itself; what was recorded until then can be had

const FORMATS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"]; // Safari had only the second for long
const BITS = 32_000; // a second: speech needs no more, and ten minutes stay below 3 MB
const PIECE = 1_000; // milliseconds
const FLOOR = -60; // decibels below full scale: what is quieter is no sound

export class Recorder extends EventTarget {
  pieces = [];

  // Raises a DOMException as getUserMedia does.
  async start() {
    const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    this.recorder = new MediaRecorder(this.stream, { mimeType, audioBitsPerSecond: BITS });
    this.recorder.ondataavailable = ({ data }) => this.pieces.push(data);
    this.stopped = new Promise((go) => this.recorder.addEventListener("stop", go));
    // Whatever ends it: the microphone is unplugged or taken away, or the recorder breaks.
    this.stopped.then(() => this.dispatchEvent(new CustomEvent("lost", { detail: "Lost" })));
    this.recorder.start(PIECE);
    this.listen();
    this.stayAwake();
  }

  listen() {
    try {
      this.context = new AudioContext();
      this.analyser = this.context.createAnalyser();
      this.samples = new Float32Array(this.analyser.fftSize);
      this.context.createMediaStreamSource(this.stream).connect(this.analyser);
    } catch {
      this.analyser = undefined; // it records all the same
    }
  }

  // A telephone that turns its screen off turns the microphone off, too.
  async stayAwake() {
    try {
      this.wakeLock = await navigator.wakeLock?.request("screen");
      if (!this.stream.active) this.wakeLock.release();
    } catch {}
  }

  // 0 to 1, evenly in decibels; undefined where the browser does not tell.
  get level() {
    if (this.context?.state !== "running") return undefined;
    this.analyser.getFloatTimeDomainData(this.samples);
    const power = this.samples.reduce((sum, sample) => sum + sample * sample, 0) / this.samples.length;
    const decibels = 10 * Math.log10(power || 1e-12);
    return Math.min(1, Math.max(0, 1 - decibels / FLOOR));
  }

  get isMuted() {
    return this.stream.getAudioTracks()[0].muted;
  }

  async stop() {
    if (this.recorder.state !== "inactive") this.recorder.stop();
    await this.stopped;
    this.close();
    return new Blob(this.pieces, { type: this.recorder.mimeType });
  }

  discard() {
    if (this.recorder && this.recorder.state !== "inactive") this.recorder.stop();
    this.pieces = [];
    this.close();
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    if (this.context && this.context.state !== "closed") this.context.close();
    this.wakeLock?.release();
  }
}
