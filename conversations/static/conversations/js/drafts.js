// What is written and not sent: a message, per person and conversation, and in a new one what a role's variables stand
// for. Each tab keeps its own in sessionStorage, the newest of all is in localStorage: a new tab begins with that one, and
// two with the same chat do not take each other's words.
// Drafts are a convenience: a browser that refuses storage only loses them.

const STORES = [() => sessionStorage, () => localStorage];

export class Drafts {
  // owner: "person:conversation", for a variable "person:new:role:variable".
  constructor(owner) {
    this.key = `draft:${owner}`;
    this.own = this.text;
  }

  get text() {
    return read(this.key);
  }

  keep(text) {
    if (text || read(this.key, [STORES[1]]) === this.own) write(this.key, text);
    else write(this.key, "", [STORES[0]]); // the newest draft is another tab's
    this.own = text;
  }

  // The message that is being edited and its new text; null if none is.
  get edit() {
    try {
      return JSON.parse(read(`${this.key}:edit`) || "null");
    } catch {
      return null;
    }
  }

  keepEdit(edit) {
    write(`${this.key}:edit`, edit ? JSON.stringify(edit) : "", [STORES[0]]);
  }

  // Whether a storage event says that another tab has sent, or thrown away, exactly this text.
  isGone({ key, oldValue, newValue }, text) {
    return key === this.key && newValue === null && Boolean(text) && oldValue === text;
  }
}

function read(key, stores = STORES) {
  for (const store of stores) {
    try {
      const value = store().getItem(key);
      if (value) return value;
    } catch {}
  }
  return "";
}

function write(key, text, stores = STORES) {
  for (const store of stores) {
    try {
      if (text) store().setItem(key, text);
      else store().removeItem(key);
    } catch {}
  }
}
