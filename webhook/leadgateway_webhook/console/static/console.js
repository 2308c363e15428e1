"use strict";
// Everything works without this file, but for times in the reader's own zone and for pages that follow along.

const shown = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});

function showLocalTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.textContent = shown.format(at);
      time.title = time.dateTime;
    }
  }
}

function nameZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const place of document.querySelectorAll("[data-zone]")) place.textContent = zone || "your own zone";
}

showLocalTimes(document);
nameZone();

function followAlong() {
  const place = document.querySelector("[data-stream]");
  if (!place) return;
  const trouble = document.getElementById("trouble");
  const stream = new EventSource(place.dataset.stream);
  stream.onmessage = (event) => {
    // Whoever moves through the page by keyboard keeps their place.
    if (place.contains(document.activeElement) && document.activeElement !== document.body) return;
    place.innerHTML = event.data; // our own template, escaped by it; the policy runs no script in it either
    showLocalTimes(place);
    trouble.hidden = true;
  };
  stream.addEventListener("trouble", (event) => {
    trouble.textContent = event.data;
    trouble.hidden = false;
  });
}

followAlong();
