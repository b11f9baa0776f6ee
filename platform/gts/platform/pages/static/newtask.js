// The form of a new task: hints that suit the type, and the panels in which examples are made by hand.

import { startMarking } from "./mark.js";
import { startPairing } from "./pairs.js";

const type = document.getElementById("type");
const examples = document.getElementById("examples");
const labels = document.getElementById("labels");
const given = document.getElementById("entities_given");
const openers = [
  startMarking(document.getElementById("marking"), {
    examples,
    labels,
    given,
    type,
    unlabeled: document.getElementById("unlabeled"),
  }),
  startPairing(document.getElementById("pairing"), { examples, type }),
];

const suit = () => {
  const words = type.selectedOptions[0].dataset;
  for (const field of ["labels", "examples", "unlabeled"]) {
    document.getElementById(`${field}-hint`).textContent = words[`${field}Hint`];
    document.getElementById(field).placeholder = words[`${field}Placeholder`];
  }
  labels.closest(".field").hidden = !words.labelsPlaceholder;
  for (const part of document.querySelectorAll("[data-for]")) {
    const isMissing = part.id === "marking" && !Intl.Segmenter; // in browsers before 2024
    part.hidden = isMissing || !part.dataset.for.split(" ").includes(type.value);
  }
};

const begin = () => {
  suit();
  for (const open of openers) open();
};

// Not every browser gives a reloaded page what stood in its fields, and marks are an hour's work.
const fields = () =>
  [...type.form.elements].filter((one) => one.name && one.matches("textarea, select, input[type=text]"));
const PLACE = `fields of ${location.pathname}${location.search}`;
const keep = () => {
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(fields().map((one) => [one.name, one.value])));
  } catch {
    sessionStorage.removeItem(PLACE); // too long to be kept
  }
};
const giveBack = () => {
  const isReload = performance.getEntriesByType("navigation")[0]?.type === "reload";
  const kept = new Map(isReload ? JSON.parse(sessionStorage.getItem(PLACE) ?? "[]") : []);
  for (const one of fields()) if (kept.has(one.name)) one.value = kept.get(one.name);
};

window.addEventListener("pagehide", keep);
type.addEventListener("change", begin);
for (const field of [examples, labels]) field.addEventListener("input", begin);
// Browsers give a field back what stood in it when the page is shown again, some only then.
window.addEventListener("pageshow", begin);
giveBack();
begin();
