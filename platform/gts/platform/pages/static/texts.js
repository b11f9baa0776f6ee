// Places in texts. They count code points, as the server does; `pointsBefore` alone meets the browser's UTF-16 units.

const CLOSED_UP =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\u3000-\u303f\uff00-\uffef]/u;
const OF_WORD = /[\p{L}\p{N}\p{M}_]/u;

export const pointsBefore = (box, node, offset) => {
  const range = document.createRange();
  range.setStart(box, 0);
  range.setEnd(node, offset);
  return [...range.toString()].length;
};

// What a reader sees as one character; the server refuses spans that cut one in two.
export const charactersOf = (text) => {
  let at = 0;
  return [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].map(({ segment }) => {
    const start = at;
    at += [...segment].length;
    return { start, end: at, segment };
  });
};

// What an arrow key moves over: a word, or a character where scripts put no spaces between words.
export const stepsOf = (characters) => {
  const steps = [];
  let goesOn = false;
  for (const { start, end, segment } of characters) {
    const isWord = OF_WORD.test(segment) && !CLOSED_UP.test(segment);
    if (isWord && goesOn) steps.at(-1).end = end;
    else if (segment.trim()) steps.push({ start, end });
    goesOn = isWord;
  }
  return steps;
};

// The whole characters of a selection, without white space at its ends; null where nothing is left.
export const tidied = (characters, start, end) => {
  const held = characters.filter((one) => one.start < end && start < one.end && one.segment.trim());
  return held.length ? { start: held[0].start, end: held.at(-1).end } : null;
};

export const splitTexts = (pasted) => {
  const dashed = /^---+[ \t]*$/m;
  const between = dashed.test(pasted) ? dashed : /\n[ \t]*\n/.test(pasted) ? /\n[ \t]*\n/ : /\n/;
  return pasted
    .split(new RegExp(between, "gm"))
    .map((text) => text.trim())
    .filter(Boolean);
};

// The text of a line that is a JSON object with one, else the line itself.
export const textOfLine = (line) => {
  try {
    return String(JSON.parse(line).text ?? line);
  } catch {
    return line;
  }
};

// The step beside the chosen words; from none the first or last.
export const stepped = (steps, chosen, by) => {
  const from = by > 0 ? -1 : steps.length;
  const here = chosen ? steps.findIndex((one) => one.end > (by > 0 ? chosen.end - 1 : chosen.start)) : from;
  return { ...steps[Math.max(0, Math.min(steps.length - 1, here + by))] };
};

// The chosen words with the end moved that lies away from the anchor; null where there is nothing more.
export const extended = (steps, chosen, anchor, by) => {
  const first = steps.findIndex((one) => one.end > chosen.start);
  const last = steps.findLastIndex((one) => one.start < chosen.end);
  const isFirstMoved = chosen.start < anchor.start || (by < 0 && chosen.end <= anchor.end);
  const [from, to] = isFirstMoved ? [first + by, last] : [first, last + by];
  return from >= 0 && to < steps.length && from <= to
    ? { start: steps[from].start, end: steps[to].end }
    : null;
};

export const isSame = (one, other) => one.start === other.start && one.end === other.end;
export const byPlace = (one, other) => one.start - other.start || other.end - one.end;
