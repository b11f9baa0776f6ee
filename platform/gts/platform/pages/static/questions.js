// Keys of the page of questions. Its buttons do all of it without this file.

const page = document.getElementById("main");
const filter = page.querySelector("[data-filter]");
let isSent = false;

const isTyping = (target) => target.matches("textarea, select, input[type=text]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
  const control = page.querySelector(`[accesskey="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!control) return;
  event.preventDefault();
  control.click();
});

// A key held a little too long must not answer the next question as well.
for (const form of page.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => {
    if (isSent) event.preventDefault();
    isSent = true;
  });
}
window.addEventListener("pageshow", () => (isSent = false));

if (matchMedia("(hover: hover)").matches) {
  for (const hint of page.querySelectorAll("kbd[hidden]")) hint.hidden = false;
}

// Of many labels those that hold what was typed; Enter takes the first.
if (filter) {
  const options = [...page.querySelectorAll(".answers > *")];
  const nameOf = (option) => option.value ?? option.querySelector("input").value;
  const fits = (option) => nameOf(option).toLowerCase().includes(filter.value.trim().toLowerCase());
  filter.hidden = false;
  filter.addEventListener("input", () => {
    for (const option of options) option.hidden = !fits(option);
  });
  filter.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (filter.value.trim()) options.find(fits)?.click();
  });
}
