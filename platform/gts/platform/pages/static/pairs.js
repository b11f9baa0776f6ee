// A panel in which pairs of texts are pasted and judged: alike or not, or with a grade.

import { filled, make } from "./make.js";

const SHOWN = 200;
const GRADE = /^-?\d+([.,]\d+)?$/;

const gradeOf = (cell) => {
  const word = cell.trim();
  if (!word) return null;
  if (!GRADE.test(word)) throw new Error("no grade");
  return Number(word.replace(",", "."));
};

const cellsPair = (cells) => {
  if (cells.length < 2 || cells.length > 3 || !cells[0].trim() || !cells[1].trim())
    throw new Error("no pair");
  return { rest: {}, first: cells[0].trim(), second: cells[1].trim(), grade: gradeOf(cells[2] ?? "") };
};

const pairOf = (line) => {
  if (!line.startsWith("{")) return cellsPair(line.split("\t"));
  const { text_a: first, text_b: second, label: grade = null, ...rest } = JSON.parse(line);
  if (typeof first !== "string" || typeof second !== "string" || !(grade === null || Number.isFinite(grade)))
    throw new Error("no pair");
  return { rest, first, second, grade };
};

const pairJson = ({ rest, first, second, grade }) =>
  JSON.stringify({ ...rest, text_a: first, text_b: second, ...(grade === null ? {} : { label: grade }) });

const linesOf = (text) => text.split("\n").filter((line) => line.trim());

// The pairs of a text, or the number of its first line that holds none.
const pairsOf = (text) => {
  const pairs = [];
  for (const [index, line] of text.split("\n").entries()) {
    try {
      if (line.trim()) pairs.push(pairOf(line));
    } catch {
      return { pairs: null, line: index + 1 };
    }
  }
  return { pairs };
};

export const startPairing = (panel, { examples, type }) => {
  const slot = (name) => panel.querySelector(`[data-slot="${name}"]`);
  const columns = ["first", "second"].map((name) => panel.querySelector(`#pairing-${name}`));
  let pairs = [];

  const say = (key, values = {}) => (slot("said").textContent = filled(panel.dataset[key], values));
  const word = (key, at) => filled(panel.dataset[key], { at: at + 1 });
  const isGraded = () => pairs.some(({ grade }) => grade !== null && grade !== 0 && grade !== 1);

  const tell = () => {
    const values = {
      count: pairs.length,
      open: pairs.filter(({ grade }) => grade === null).length,
      shown: SHOWN,
    };
    const { position, partPosition } = panel.dataset;
    slot("position").textContent = filled(pairs.length > SHOWN ? partPosition : position, values);
  };
  const write = () => {
    examples.value = pairs.map(pairJson).join("\n");
    tell();
  };

  const textBox = (pair, at, key) => {
    const box = make("textarea", { rows: 2, value: pair[key], attributes: { "aria-label": word(key, at) } });
    box.addEventListener("input", () => {
      pair[key] = box.value;
      write();
    });
    return box;
  };
  const gradeBox = (pair, at) => {
    const box = make("input", {
      type: "text",
      inputMode: "decimal",
      value: pair.grade ?? "",
      attributes: { "aria-label": word("grade", at) },
    });
    box.addEventListener("input", () => {
      const isGrade = !box.value.trim() || GRADE.test(box.value.trim());
      box.setAttribute("aria-invalid", !isGrade);
      if (!isGrade) return;
      pair.grade = gradeOf(box.value);
      write();
    });
    return box;
  };
  const toggle = (pair, at) => {
    const group = make("div", {
      className: "toggle",
      attributes: { role: "group", "aria-label": word("answer", at) },
    });
    const buttons = [1, 0].map((grade) =>
      make("button", {
        type: "button",
        className: "quiet",
        textContent: `${grade} ${panel.dataset[grade ? "alike" : "unlike"]}`,
        onclick: () => set(grade),
      }),
    );
    const show = () =>
      buttons.forEach((button, index) => button.setAttribute("aria-pressed", pair.grade === 1 - index));
    const set = (grade) => {
      pair.grade = grade;
      show();
      write();
    };
    group.addEventListener("keydown", (event) => {
      if (event.key !== "0" && event.key !== "1") return;
      set(Number(event.key));
      group.closest("li").nextElementSibling?.querySelector(".toggle button")?.focus();
    });
    show();
    group.append(...buttons);
    return group;
  };
  const item = (pair, at) =>
    make(
      "li",
      {},
      textBox(pair, at, "first"),
      textBox(pair, at, "second"),
      make(
        "div",
        { className: "or" },
        isGraded() ? gradeBox(pair, at) : toggle(pair, at),
        make("button", {
          type: "button",
          className: "quiet",
          textContent: "×",
          attributes: { "aria-label": word("remove", at) },
          onclick: () => drop(pair),
        }),
      ),
    );
  const draw = () => {
    const first = Math.max(0, pairs.length - SHOWN);
    slot("pairs").replaceChildren(...pairs.slice(first).map((pair, index) => item(pair, first + index)));
    tell();
  };
  const drop = (pair) => {
    const at = pairs.indexOf(pair);
    pairs.splice(at, 1);
    write();
    draw();
    say("dropped");
    const next = slot("pairs").children[at - Math.max(0, pairs.length - SHOWN)] ?? slot("pairs").lastChild;
    (next?.querySelector("button") ?? slot("adder").firstElementChild).focus();
  };
  const pasted = () => {
    const [left, right] = columns.map((box) => box.value);
    if (left.includes("\t")) return pairsOf(left);
    const [firsts, seconds] = [linesOf(left), linesOf(right)];
    if (firsts.length !== seconds.length || !firsts.length)
      return { uneven: { first: firsts.length, second: seconds.length } };
    return { pairs: firsts.map((first, index) => cellsPair([first, seconds[index]])) };
  };
  panel.querySelector('[data-do="add"]').addEventListener("click", () => {
    const found = pasted();
    if (found.uneven) return say("uneven", found.uneven);
    if (!found.pairs) return say("faulty", found);
    pairs.push(...found.pairs);
    for (const box of columns) box.value = "";
    slot("adder").open = false;
    write();
    draw();
    say("added", { count: found.pairs.length });
    slot("pairs")
      .children[Math.min(SHOWN, pairs.length) - found.pairs.length]?.querySelector("textarea")
      .focus();
  });

  return () => {
    if (panel.hidden) return;
    const read = pairsOf(examples.value);
    pairs = read.pairs ?? [];
    panel.querySelector('[data-do="add"]').disabled = !read.pairs;
    slot("adder").open = !pairs.length;
    draw();
    slot("said").textContent = read.pairs ? "" : filled(panel.dataset.unreadable, read);
  };
};
