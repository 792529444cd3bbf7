// How loud it has been, drawn as it goes by: the newest at the end. Who wants less motion gets one bar that moves seldom.

// In CSS pixels:
const BAR = 3;
const GAP = 3;
const CALM_LOOKS = 5; // of which the loudest is shown

export class LevelMeter {
  constructor(canvas) {
    this.canvas = canvas;
    this.levels = [];
    this.isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  // level: 0 to 1; undefined if it is not known.
  show(level = 0) {
    this.levels.push(level);
    if (this.isCalm && this.levels.length < CALM_LOOKS) return;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = window.devicePixelRatio;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = getComputedStyle(this.canvas).color;
    if (this.isCalm) this.drawBar(context, width, height);
    else this.drawBars(context, width, height);
  }

  drawBars(context, width, height) {
    const most = Math.floor(width / (BAR + GAP));
    this.levels = this.levels.slice(-most);
    context.beginPath();
    for (let place = 1; place <= most; place += 1) {
      const level = this.levels.at(-place) ?? 0;
      const size = Math.max(BAR, level * height);
      context.roundRect(width - place * (BAR + GAP), (height - size) / 2, BAR, size, BAR / 2);
    }
    context.fill();
  }

  drawBar(context, width, height) {
    const loudest = Math.max(...this.levels);
    this.levels = [];
    const size = 2 * BAR;
    const long = (part) => {
      context.beginPath();
      context.roundRect(0, (height - size) / 2, Math.max(size, part * width), size, size / 2);
      context.fill();
    };
    context.globalAlpha = 0.25;
    long(1);
    context.globalAlpha = 1;
    long(loudest);
  }
}
