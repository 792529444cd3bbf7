// What was said, as it goes between the words that stand before and after it.

// Scripts without spaces between words, and their punctuation.
const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef]/u;
const OPENS = /[\p{Ps}\p{Pi}"'/-]/u;
const CLOSES = /[\p{Pe}\p{Pf},.;:!?…%]/u;

// before, after: all that stands there.
export function fitted(text, before, after) {
  const said = text.trim();
  const head = needsSpace(lastOf(before), said[0]) ? " " : "";
  const tail = needsSpace(lastOf(said), firstOf(after)) ? " " : "";
  return head + said + tail;
}

function needsSpace(left, right) {
  if (!left || !right) return false;
  const isApart = /\s/.test(left) || /\s/.test(right) || DENSE.test(left) || DENSE.test(right);
  return !(isApart || OPENS.test(left) || CLOSES.test(right));
}

function firstOf(text) {
  return [...text.slice(0, 2)][0];
}

function lastOf(text) {
  return [...text.slice(-2)].at(-1);
}
