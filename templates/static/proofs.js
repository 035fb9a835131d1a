/** Checks a result's proof on the server and lists each link of it. */
const titles = JSON.parse(document.getElementById("check-titles")?.textContent ?? "{}");

function row(check) {
  const item = document.createElement("li");
  const sign = document.createElement("span");
  const text = document.createElement("span");
  sign.className = check.valid ? "tick" : "cross";
  sign.textContent = check.valid ? "✓" : "✗";
  sign.setAttribute("aria-hidden", "true");
  const title = titles[check.name] ?? check.name;
  text.textContent = check.valid ? `${title}.` : `${title}: not so, ${check.detail}.`;
  item.append(sign, text);
  return item;
}

function note(tone, text) {
  const paragraph = document.createElement("p");
  paragraph.className = `note note--${tone}`;
  paragraph.textContent = text;
  return paragraph;
}

async function verify(form) {
  const response = await fetch(form.dataset.verify, {
    method: "POST",
    headers: {
      Accept: "application/json",
      "Content-Type": "application/json",
      "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
    },
    body: form.elements.proof.value,
  });
  const answer = await response.json();
  if (!response.ok) return [note("bad", answer.detail ?? "The proof could not be checked.")];
  const list = document.createElement("ul");
  list.className = "checklist";
  list.append(...answer.checks.map(row));
  const verdict = answer.valid ? note("good", "The proof holds.") : note("bad", "The proof does not hold.");
  return [verdict, list];
}

for (const form of document.querySelectorAll("form[data-verify]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    const checks = form.parentElement.querySelector("[data-checks]");
    button.disabled = true;
    try {
      checks.replaceChildren(...(await verify(form)));
    } catch {
      checks.replaceChildren(note("bad", "The server did not answer. Try again."));
    }
    button.disabled = false;
  });
}
