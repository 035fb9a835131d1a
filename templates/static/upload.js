/** Sends chosen or dropped files, one request each, with a bar a file; says what became of each. */
import { refresh } from "./status.js";

const AT_ONCE = 2;
const BUSY = 429;

const form = document.querySelector("form[data-upload]");
const input = form.querySelector("input[type=file]");
const list = form.querySelector(".uploads");
const summary = form.querySelector("[data-summary]");
const drop = form.querySelector(".drop");
const queue = [];
let running = 0;
const tally = { sent: 0, accepted: 0, refused: 0 };

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** One line of the list: its file name, its bar, its outcome. */
function line(file) {
  const item = element("li", "upload");
  const badge = element("span", "badge", "Waiting");
  const bar = element("progress", "");
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-label", `Upload of ${file.name}`);
  const note = element("span", "upload__note");
  item.append(element("span", "upload__name", file.name), badge, bar, note);
  list.append(item);
  const collection = form.elements.collection?.value;
  return { file, collection, item, badge, bar, note, attempts: 0 };
}

function outcome(entry, tone, label, text) {
  entry.badge.dataset.tone = tone;
  entry.badge.textContent = label;
  entry.note.textContent = text;
  entry.bar.hidden = true;
}

function sentence(...parts) {
  return parts.filter(Boolean).join(" ");
}

function count(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function summarise() {
  const parts = [`${tally.sent} of ${count(tally.sent + queue.length + running, "file")} sent`];
  if (tally.accepted) parts.push(`${tally.accepted} taken in`);
  if (tally.refused) parts.push(`${tally.refused} not taken in`);
  summary.textContent = `${parts.join(", ")}.`;
}

function addLink(entry, documentId) {
  const name = entry.item.querySelector(".upload__name");
  const link = element("a", "", name.textContent);
  link.href = `/documents/${encodeURIComponent(documentId)}/`;
  name.replaceChildren(link);
}

function accept(entry, receipt) {
  const documentId = receipt.document_id ?? receipt.document?.id ?? receipt.document;
  if (documentId) addLink(entry, documentId);
  if (receipt.outcome === "accepted") {
    tally.accepted += 1;
    outcome(entry, "good", "Received", sentence(receipt.message));
  } else {
    refuse(entry, receipt);
  }
}

function refuse(entry, told) {
  tally.refused += 1;
  const label = told.outcome === "quarantined" ? "Quarantined" : "Not taken in";
  const text = sentence(told.message ?? told.detail, told.remediation);
  outcome(entry, "bad", label, sentence(text || "The server gave no reason.", told.code && `(${told.code})`));
}

function broken(entry) {
  outcome(entry, "bad", "Not sent", "The connection broke. Nothing of this file was stored.");
  const again = element("button", "button button--plain button--small", "Try again");
  again.type = "button";
  again.addEventListener("click", () => {
    again.remove();
    tally.sent -= 1;
    enqueue(entry);
  });
  entry.note.append(" ", again);
}

function read(request) {
  try {
    return JSON.parse(request.responseText);
  } catch {
    return {};
  }
}

function postpone(entry, request) {
  const seconds = Math.min(Number(request.getResponseHeader("Retry-After")) || 5, 120);
  entry.badge.textContent = "Waiting";
  entry.note.textContent = `Many files at once: this one goes on in ${seconds} s.`;
  window.setTimeout(() => enqueue(entry), seconds * 1000);
}

function finish(entry, request) {
  running -= 1;
  if (request.status === BUSY) {
    postpone(entry, request);
  } else {
    tally.sent += 1;
    if (request.status === 0) broken(entry);
    else if (request.status < 300) accept(entry, read(request));
    else refuse(entry, read(request));
  }
  next();
}

function send(entry) {
  const body = new FormData();
  body.append("file", entry.file, entry.file.name);
  if (entry.collection) body.append("collection", entry.collection);
  const metadata = form.elements.metadata?.value.trim();
  if (metadata) body.append("metadata", metadata);
  const request = new XMLHttpRequest();
  request.open("POST", form.dataset.upload);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) entry.bar.value = (100 * event.loaded) / event.total;
  });
  request.upload.addEventListener("load", () => {
    entry.bar.removeAttribute("value");
    entry.badge.textContent = "Checking";
  });
  request.addEventListener("loadend", () => finish(entry, request));
  entry.badge.dataset.tone = "run";
  entry.badge.textContent = "Sending";
  entry.note.textContent = "";
  entry.bar.hidden = false;
  entry.bar.value = 0;
  request.send(body);
}

function next() {
  while (running < AT_ONCE && queue.length > 0) {
    running += 1;
    send(queue.shift());
  }
  summarise();
  if (running === 0) refresh();
}

function enqueue(entry) {
  const limit = Number(form.dataset.maxBytes);
  if (limit && entry.file.size > limit) {
    tally.sent += 1;
    refuse(entry, {
      code: "SIZE_EXCEEDED",
      message: "The file is larger than is allowed, and was not sent.",
      remediation: "Split it, or ask an administrator to raise the limit.",
    });
    return;
  }
  entry.badge.dataset.tone = "";
  queue.push(entry);
  next();
}

function take(files) {
  for (const file of files) enqueue(line(file));
  summarise();
}

input.addEventListener("change", () => {
  take([...input.files]);
  input.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  form.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("drop--over");
  });
}
form.addEventListener("dragleave", (event) => {
  if (!form.contains(event.relatedTarget)) drop.classList.remove("drop--over");
});
form.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("drop--over");
  take([...event.dataTransfer.files]);
});
window.addEventListener("beforeunload", (event) => {
  if (running + queue.length > 0) event.preventDefault();
});

drop.classList.add("drop--ready");
input.required = false;
for (const shown of form.querySelectorAll("[data-with-script]")) shown.hidden = false;
for (const hidden of form.querySelectorAll("[data-without-script]")) hidden.hidden = true;
