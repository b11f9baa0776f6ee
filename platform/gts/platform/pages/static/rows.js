// Texts with marks as JSON lines.

import { byPlace, isSame } from "./texts.js";

const LISTS = { ner: ["entities"], relation: ["entities", "relations"], event: ["events"] };

const isPlace = (value, length) =>
  Number.isInteger(value?.start) &&
  Number.isInteger(value.end) &&
  0 <= value.start &&
  value.start < value.end &&
  value.end <= length;

export const rowOf = (given, type) => {
  const { text } = given;
  if (typeof text !== "string" || !text.trim()) throw new Error("no text");
  const rest = Object.fromEntries(
    Object.entries(given).filter(([key]) => key !== "text" && !LISTS[type].includes(key)),
  );
  const { length } = [...text];
  const place = (value) => {
    if (!isPlace(value, length)) throw new Error("no span");
    return { start: value.start, end: value.end };
  };
  const named = (value) => {
    if (typeof value !== "string" || !value) throw new Error("no name");
    return value;
  };
  const list = (key) => (LISTS[type].includes(key) ? (given[key] ?? []) : []);
  const entities = list("entities").map((one) => ({
    ...place(one),
    type: one.type || type !== "relation" ? named(one.type) : "",
  }));
  const entity = (value) => {
    const end = place(value);
    let found = entities.find((one) => isSame(one, end) && (!value.type || value.type === one.type));
    if (!found) entities.push((found = { ...end, type: value.type ?? "" }));
    return found;
  };
  const relations = list("relations").map((one) => ({
    type: named(one.type),
    head: entity(one.head),
    tail: entity(one.tail),
  }));
  const events = list("events").map((one) => ({
    type: named(one.type),
    ...place(one.trigger),
    arguments: (one.arguments ?? []).map((part) => ({ role: named(part.role), ...place(part) })),
  }));
  return { rest, text, entities, relations, events, isSeen: LISTS[type].some((key) => key in given) };
};

const spanJson = ({ start, end, type }) => (type ? { start, end, type } : { start, end });
export const rowJson = (row, type) => {
  const lists = {
    entities: () => row.entities.toSorted(byPlace).map(spanJson),
    relations: () =>
      row.relations.map(({ type, head, tail }) => ({ type, head: spanJson(head), tail: spanJson(tail) })),
    events: () =>
      row.events.toSorted(byPlace).map(({ type, start, end, arguments: parts }) => ({
        type,
        trigger: { start, end },
        arguments: parts.toSorted(byPlace).map(({ role, start, end }) => ({ role, start, end })),
      })),
  };
  const marks = row.isSeen ? LISTS[type].map((key) => [key, lists[key]()]) : [];
  return JSON.stringify({ ...row.rest, text: row.text, ...Object.fromEntries(marks) });
};

// The rows of JSON lines, or the number of its first line that cannot be opened.
export const rowsOf = (lines, type) => {
  const rows = [];
  for (const [index, line] of lines.split("\n").entries()) {
    if (!line.trim()) continue;
    try {
      rows.push(rowOf(JSON.parse(line), type));
    } catch {
      return { rows: null, line: index + 1 };
    }
  }
  return { rows };
};
