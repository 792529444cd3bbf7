// Text from elsewhere: dropped anywhere on the page, or a file with text in it. Other files are declined in words.

export class Drops {
  // composer: the <chat-composer> that takes the text.
  constructor(composer, signal) {
    this.composer = composer;
    const on = (name, handle) => document.addEventListener(name, (event) => handle.call(this, event), { signal });
    on("dragover", this.draggedOver);
    on("dragleave", (event) => event.relatedTarget || this.mark(false));
    on("dragend", () => this.mark(false));
    on("drop", this.dropped);
    on("paste", this.pasted);
  }

  mark(isOver) {
    this.composer.toggleAttribute("data-dropping", isOver);
  }

  // A text field takes text by itself, where it is dropped.
  isForUs({ target, dataTransfer }) {
    const { types } = dataTransfer;
    if (types.includes("Files")) return true;
    return types.includes("text/plain") && !target.closest?.("input, textarea");
  }

  draggedOver(event) {
    if (document.querySelector("dialog[open]") || !this.isForUs(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    this.mark(true);
  }

  dropped(event) {
    this.mark(false);
    if (!this.isForUs(event)) return;
    event.preventDefault();
    const { files } = event.dataTransfer;
    if (files.length) this.takeFiles([...files]);
    else this.composer.insert(event.dataTransfer.getData("text/plain"));
  }

  pasted(event) {
    const { files, types } = event.clipboardData;
    // An office program puts a picture of its text beside the text.
    if (!files.length || types.includes("text/plain") || event.target.closest?.("input")) return;
    event.preventDefault();
    this.takeFiles([...files]);
  }

  async takeFiles(files) {
    const { maxBytes, textNoFiles, textCut } = this.composer.dataset;
    const complaints = new Set();
    this.composer.complain("");
    for (const file of files) {
      const text = await textOf(file, Number(maxBytes));
      if (text === null) complaints.add(textNoFiles);
      else this.composer.insert(text);
      if (text !== null && file.size > Number(maxBytes)) complaints.add(textCut);
    }
    if (complaints.size) this.composer.complain([...complaints].join(" "));
  }
}

// The beginning of a file as text; null if it is something else.
async function textOf(file, maxBytes) {
  try {
    const bytes = await file.slice(0, maxBytes).arrayBuffer();
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return text.includes("\0") ? null : text.replaceAll("\r\n", "\n");
  } catch {
    return null;
  }
}
