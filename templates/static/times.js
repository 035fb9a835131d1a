/** Shows each <time datetime="..."> in the reader's own time zone. Without it, times stay in UTC. */
const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function localise(root) {
  for (const element of root.querySelectorAll("time[datetime]:not([title])")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    element.title = element.textContent;
    element.textContent = format.format(moment);
  }
}

localise(document);
