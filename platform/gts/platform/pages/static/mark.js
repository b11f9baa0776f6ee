// A panel in which spans, relations and events are marked with mouse and keyboard.

import { filled, make } from "./make.js";
import { rowJson, rowOf, rowsOf } from "./rows.js";
import { Sheet } from "./sheet.js";
import { byPlace, charactersOf, extended, pointsBefore, splitTexts, stepped, stepsOf } from "./texts.js";
import { textOfLine, tidied } from "./texts.js";

const SPAN_KEYS = "123456789";
const LINK_KEYS = "abcdefghijklmoqrstuvwxyz"; // n and p turn the pages
const TONES = 6;
const TAKEN = 10; // unlabelled texts at once

// The text with its marks, which may lie in each other and cross: one that crosses is drawn in two parts.
// Names are written by the style sheet, so that the box holds the text and nothing else.
const drawn = (text, marks) => {
  const points = [...text];
  const ends = marks.flatMap((mark) => [mark.start, mark.end]);
  const places = [...new Set([0, points.length, ...ends])].sort((one, other) => one - other);
  const ordered = marks.toSorted(byPlace);
  const root = document.createDocumentFragment();
  const open = [];
  for (const [index, start] of places.slice(0, -1).entries()) {
    const end = places[index + 1];
    const here = ordered.filter((mark) => mark.start <= start && end <= mark.end);
    const kept = here.findIndex((mark, depth) => open[depth]?.mark !== mark);
    open.length = Math.min(open.length, kept < 0 ? here.length : kept);
    for (const mark of here.slice(open.length)) {
      const element = document.createElement(mark.name ? "mark" : "span");
      element.className = mark.className;
      (open.at(-1)?.element ?? root).append(element);
      open.push({ mark, element });
    }
    (open.at(-1)?.element ?? root).append(points.slice(start, end).join(""));
    for (const { mark, element } of open) if (mark.end === end && mark.name) element.dataset.name = mark.name;
  }
  return root;
};

export const startMarking = (panel, { examples, labels, given, unlabeled, type }) => {
  const slot = (name) => panel.querySelector(`[data-slot="${name}"]`);
  const button = (action) => panel.querySelector(`[data-do="${action}"]`);
  const box = slot("text");
  const paste = panel.querySelector("#marking-paste");
  let sheet = new Sheet("ner", [], [], [], 0);
  let chosen = null; // the words that the next key marks
  let anchor = null; // where a selection by keyboard began
  let characters = [];
  let steps = [];

  const say = (key, values = {}) => (slot("said").textContent = filled(panel.dataset[key], values));
  const nameOf = (mark) => mark.name || panel.dataset.untyped;
  const toneOf = (mark) => `tone${Math.max(0, mark.tone) % TONES}`;

  const typeButton = (kind, name, index) => {
    const keys = kind === "link" ? LINK_KEYS : sheet.type === "ner" ? SPAN_KEYS + LINK_KEYS : SPAN_KEYS;
    const key = keys[index] ?? "";
    const count = sheet.count(kind, name);
    const tone = toneOf({ tone: index + (kind === "link" ? sheet.names("span").length : 0) });
    return make(
      "button",
      {
        type: "button",
        className: `type ${tone}`,
        data: { key: `${kind} ${name}`, pressed: key },
        attributes: key ? { "aria-keyshortcuts": key } : {},
        onclick: () => change(kind === "span" ? markSpan(name) : sheet.link(name, chosen)),
      },
      ...(key ? [make("kbd", { textContent: key }), " "] : []),
      `${name} `,
      make("small", { textContent: count, title: filled(panel.dataset.count, { count }) }),
    );
  };
  const removeButton = (words, type, remove) =>
    make("button", {
      type: "button",
      className: "quiet",
      textContent: "×",
      attributes: { "aria-label": filled(panel.dataset.remove, { words, type }) },
      onclick: () => change(remove()),
    });
  const markItem = (mark) => {
    const name = nameOf(mark);
    const words = sheet.words(mark);
    const chip = make(
      "span",
      { className: `chip ${toneOf(mark)}` },
      make("strong", { textContent: name }),
      ` ${words}`,
    );
    const pick = {
      type: "button",
      className: "quiet",
      data: { key: `pick ${mark.start} ${mark.end} ${name}` },
      attributes: { "aria-pressed": sheet.isPicked(mark) },
      onclick: () => show(sheet.pick(mark)),
    };
    const isChoice = sheet.type !== "ner" && !mark.part;
    const className = isChoice && sheet.type === "event" ? "event" : "";
    const remove = removeButton(words, name, () => sheet.remove(mark));
    return make("li", { className }, isChoice ? make("button", pick, chip) : chip, remove);
  };
  const relationItem = (relation) => {
    const words = `${sheet.words(relation.head)} → ${relation.type} → ${sheet.words(relation.tail)}`;
    const remove = removeButton(words, relation.type, () => sheet.removeRelation(relation));
    return make("li", {}, make("span", { className: "chip", textContent: words }), remove);
  };

  const drawText = () => {
    const marks = sheet.marks().map((mark) => ({
      ...mark,
      name: nameOf(mark),
      className: toneOf(mark) + (sheet.isPicked(mark) ? " picked" : ""),
    }));
    box.replaceChildren(
      drawn(sheet.row.text, [...marks, ...(chosen ? [{ ...chosen, className: "chosen" }] : [])]),
    );
    box.querySelector(".chosen")?.scrollIntoView({ block: "nearest" });
  };
  const draw = () => {
    const focused = panel.contains(document.activeElement) ? document.activeElement : null;
    const isEmpty = !sheet.rows.length;
    slot("work").hidden = isEmpty;
    if (isEmpty) {
      slot("adder").open = true;
      return;
    }
    drawText();
    slot("position").textContent = filled(panel.dataset.position, sheet.counts());
    for (const kind of ["span", "link"]) {
      const buttons = sheet.names(kind).map((name, index) => typeButton(kind, name, index));
      slot(`${kind}-types`).replaceChildren(...buttons);
    }
    const items = sheet.inOrder().map(markItem);
    slot("marks").replaceChildren(...items, ...sheet.row.relations.map(relationItem));
    button("nothing").setAttribute("aria-pressed", sheet.row.isSeen && !items.length);
    if (!focused || focused.isConnected) return;
    (panel.querySelector(`[data-key="${CSS.escape(focused.dataset.key ?? "")}"]`) ?? box).focus();
  };
  const show = (said) => {
    draw();
    say(...said);
  };
  // Every change is written at once, so that nothing can be lost.
  const change = (said) => {
    examples.value = sheet.rows.map((row) => rowJson(row, sheet.type)).join("\n");
    show(said);
  };

  const open = (index) => {
    sheet.turnTo(index);
    chosen = anchor = null;
    characters = charactersOf(sheet.row.text);
    steps = stepsOf(characters);
    draw();
  };
  const turn = (by) => {
    open(sheet.at + by);
    slot("said").textContent = "";
    slot("read").textContent = filled(panel.dataset.opened, { ...sheet.counts(), text: sheet.row.text });
  };
  const choose = (place) => {
    chosen = place;
    draw();
    if (chosen) say("chosen", { words: sheet.words(chosen) });
  };
  const move = (by, isLonger) => {
    if (!steps.length) return;
    if (isLonger && chosen) {
      anchor ??= chosen;
      choose(extended(steps, chosen, anchor, by) ?? chosen);
    } else {
      anchor = stepped(steps, chosen, by);
      choose(anchor);
    }
  };

  const markSpan = (name) => {
    if (!chosen) return ["unchosen"];
    // Who marks entities wants them found, which the examples alone do not say.
    const isFirst = !sheet.rows.some((row) => row.isSeen);
    if (isFirst && sheet.type === "relation" && !given.value) given.value = "false";
    return sheet.span(name, chosen);
  };
  const onMark = (act) => () => {
    const mark = chosen && sheet.markAt(chosen);
    if (mark) act(mark);
    else say(chosen ? "noMark" : "unchosen");
  };

  const addType = (kind) => {
    const input = panel.querySelector(`#new-${kind}-type`);
    const name = input.value.trim();
    const names = sheet.names(kind);
    if (!name || name.includes(": ") || names.includes(name)) return say("badType");
    if (sheet.isDeclared(kind)) {
      // The field names all types or none: the server refuses marks of types that are missing there.
      const missing = [...names, name].filter((one) => !sheet.declared.includes(one));
      labels.value = [labels.value.trimEnd(), ...missing].filter(Boolean).join("\n");
      sheet.declared.push(...missing);
    } else {
      sheet.added.push(name);
    }
    input.value = "";
    show(["typeAdded", { type: name }]);
  };
  const addTexts = (texts) => {
    const known = new Set(sheet.rows.map((row) => row.text));
    const fresh = texts.filter((text) => text.trim() && !known.has(text) && known.add(text));
    if (!fresh.length) return say("known");
    const first = sheet.rows.length;
    sheet.rows.push(...fresh.map((text) => rowOf({ text }, sheet.type)));
    slot("adder").open = false;
    open(first);
    change(["added", { count: fresh.length }]);
    box.focus();
  };
  const actions = {
    add: () => {
      addTexts(splitTexts(paste.value));
      paste.value = "";
    },
    take: () => {
      const lines = unlabeled.value.split("\n").filter((line) => line.trim());
      unlabeled.value = lines.slice(TAKEN).join("\n");
      addTexts(lines.slice(0, TAKEN).map(textOfLine));
    },
    previous: () => turn(-1),
    next: () => turn(1),
    nothing: () => change(sheet.toggleNothing()),
    drop: () => {
      sheet.rows.splice(sheet.at, 1);
      if (sheet.rows.length) open(sheet.at);
      change(["dropped"]);
    },
    "add-span-type": () => addType("span"),
    "add-link-type": () => addType("link"),
  };
  const remove = onMark((mark) => change(sheet.remove(mark)));
  const keys = {
    ArrowRight: (event) => move(1, event.shiftKey),
    ArrowLeft: (event) => move(-1, event.shiftKey),
    Home: () => move(-steps.length, false),
    End: () => move(steps.length, false),
    Escape: () => choose(null),
    Backspace: remove,
    Delete: remove,
    Enter: onMark((mark) => sheet.type !== "ner" && show(sheet.pick(mark))),
    n: actions.next,
    p: actions.previous,
    0: actions.nothing,
  };

  const selected = () => {
    const selection = document.getSelection();
    if (!selection.rangeCount || selection.isCollapsed || !box.contains(selection.anchorNode)) return null;
    const { startContainer, startOffset, endContainer, endOffset } = selection.getRangeAt(0);
    const start = box.contains(startContainer) ? pointsBefore(box, startContainer, startOffset) : 0;
    const end = box.contains(endContainer) ? pointsBefore(box, endContainer, endOffset) : Infinity;
    return tidied(characters, start, end);
  };
  document.addEventListener("selectionchange", () => {
    const found = sheet.rows.length ? selected() : null;
    if (!found) return;
    chosen = found; // not drawn: the browser shows its selection, and would lose it
    anchor = null;
    say("chosen", { words: sheet.words(chosen) });
  });
  box.addEventListener("click", () => {
    const { anchorNode, anchorOffset, isCollapsed } = document.getSelection();
    if (!isCollapsed || !box.contains(anchorNode)) return;
    const place = pointsBefore(box, anchorNode, anchorOffset);
    const mark = sheet.type === "ner" ? null : sheet.markAt({ start: place, end: place });
    anchor = null;
    choose(steps.find((one) => one.start <= place && place <= one.end) ?? null);
    if (mark && !mark.part) show(sheet.pick(mark));
  });
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ofType = [...panel.querySelectorAll(".type")].find(
      (one) => one.dataset.pressed === event.key.toLowerCase(),
    );
    const act = keys[event.key] ?? (ofType && (() => ofType.click()));
    if (!act) return;
    event.preventDefault();
    act(event);
  });
  panel.addEventListener("click", (event) => actions[event.target.closest("[data-do]")?.dataset.do]?.());
  for (const kind of ["span", "link"]) {
    panel.querySelector(`#new-${kind}-type`).addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // it would send the form
      addType(kind);
    });
  }

  return () => {
    if (panel.hidden) return;
    const read = rowsOf(examples.value, type.value);
    const lines = labels.value.split("\n").map((line) => line.split(": ")[0].trim());
    const added = sheet.type === type.value ? sheet.added : [];
    sheet = new Sheet(type.value, read.rows ?? [], lines.filter(Boolean), added, sheet.at);
    for (const action of ["add", "take"]) button(action).disabled = !read.rows;
    slot("adder").open = !sheet.rows.length;
    if (sheet.rows.length) open(sheet.at);
    else draw();
    slot("said").textContent = read.rows ? "" : filled(panel.dataset.unreadable, read);
  };
};
